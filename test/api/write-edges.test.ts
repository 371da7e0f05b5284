// Rare ends of writes: names that collide, patches that make another kind, bodies that say things twice, objects of the largest size.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { AdmissionPlugin } from "#apiserver/admission.ts";
import { createApiServer } from "#apiserver/api-server.ts";
import { createTokenSigner } from "#apiserver/auth/service-account-token.ts";
import { ADMIN, startBuiltinServer, type Answer, type BuiltinServer } from "#harness/builtin-server.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { createKindServers } from "#kinds/servers.ts";
import { createVirtualClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { createMemoryStore } from "#store/memory-store.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";

/** Sends `body` as it is. */
async function send({ server }: BuiltinServer, method: string, target: string, type: string, body: string): Promise<Answer> {
  const [path = "", query = ""] = target.split("?");
  const answer = await server.handler({
    method,
    path,
    query: new URLSearchParams(query),
    signal: new AbortController().signal,
    remoteAddress: "127.0.0.1",
    body: () => Promise.resolve(Buffer.from(body)),
    trustedUser: ADMIN,
    headers: { "content-type": type },
  });
  assert(answer.body instanceof Uint8Array);
  return { status: answer.status, headers: answer.headers, object: JSON.parse(Buffer.from(answer.body).toString("utf8")) };
}

test("mutating admission sees an object once, however many names are tried", async () => {
  let seen = 0;
  const counter: AdmissionPlugin = {
    name: "Counter",
    handles: (operation, resource) => operation === "CREATE" && resource.kind === "ConfigMap",
    mutate: ({ object, name }) => {
      seen++;
      assert.equal(name, "");
      ((object as { data?: Record<string, string> }).data ??= {})["seen"] = String(seen);
    },
  };
  // The names that are tried first are the same, then others come.
  let calls = 0;
  let sameUntil = Infinity;
  const random = () => (calls++ < sameUntil ? 0 : (calls % 97) / 97);
  const clock = createVirtualClock();
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const server = await createApiServer({
    store: createMemoryStore(),
    kinds: builtinKinds(),
    clock,
    log: silentLogger,
    random,
    version: { major: "1", minor: "36", gitVersion: "v1.36.0+test" },
    ...createKindServers({ clock, random, signer: createTokenSigner({ key: privateKey }) }),
    admission: () => [counter],
  });
  await using _ = { [Symbol.asyncDispose]: () => server.stop() };
  const create = async () => {
    const answer = await server.handler({
      method: "POST",
      path: MAPS,
      query: new URLSearchParams(),
      signal: new AbortController().signal,
      remoteAddress: "127.0.0.1",
      body: () => Promise.resolve(Buffer.from(JSON.stringify({ metadata: { generateName: "a-" } }))),
      trustedUser: ADMIN,
      headers: { "content-type": "application/json" },
    });
    assert(answer.body instanceof Uint8Array);
    assert.equal(answer.status, 201);
    return JSON.parse(Buffer.from(answer.body).toString("utf8")) as { metadata: { name: string }; data: { seen: string } };
  };
  const first = await create();
  // The uid and three names.
  sameUntil = calls + 16 + 3 * 5;
  const second = await create();
  assert.notEqual(first.metadata.name, second.metadata.name);
  assert.deepEqual([first.data.seen, second.data.seen, seen], ["1", "2", 2]);
});

interface Case {
  readonly name: string;
  readonly type: string;
  readonly body: string;
  readonly query?: string;
  readonly status: number;
  readonly message: string | RegExp;
}
const JSON_PATCH = "application/json-patch+json";
const CASES: readonly Case[] = [
  {
    name: "a JSON patch that makes another kind",
    type: JSON_PATCH,
    body: '[{"op":"replace","path":"/kind","value":"Service"}]',
    status: 422,
    message: /: converting \(v1\.Service\) to \(core\.ConfigMap\): unknown conversion$/,
  },
  {
    name: "a merge patch that makes a kind that there is not",
    type: "application/merge-patch+json",
    body: '{"kind":"Foo"}',
    status: 422,
    message: /: no kind "Foo" is registered for version "v1" in scheme "pkg\/runtime\/scheme\.go:111"$/,
  },
  {
    name: "a JSON patch that is no JSON",
    type: JSON_PATCH,
    body: "nope",
    status: 400,
    message: "error decoding patch: invalid character 'o' in literal null (expecting 'u')",
  },
  {
    name: "a merge patch that is no JSON",
    type: "application/merge-patch+json",
    body: "?",
    status: 400,
    message: "error decoding patch: invalid character '?' looking for beginning of value",
  },
  {
    name: "a strategic merge patch that is no JSON",
    type: "application/strategic-merge-patch+json",
    body: "?",
    status: 400,
    message: "invalid character '?' looking for beginning of value",
  },
  {
    name: "an applied document with two keys twice",
    type: "application/apply-patch+yaml",
    query: "?fieldManager=m&fieldValidation=Strict",
    body: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: x\n  a: y\n  'b': x\n  b: y\n",
    status: 400,
    message:
      'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key "a" already set in map\n  line 9: key "b" already set in map',
  },
];
for (const { name, type, body, query = "", status, message } of CASES) {
  test(`${name}: ${status}`, async () => {
    await using server = await startBuiltinServer();
    await server.call("POST", MAPS, { metadata: { name: "c" } });
    const answer = await send(server, "PATCH", `${MAPS}/c${query}`, type, body);
    assert.equal(answer.status, status, answer.object.message ?? "");
    if (typeof message === "string") assert.equal(answer.object.message, message);
    else assert.match(answer.object.message ?? "", message);
  });
}

test("keys that an applied document has twice are warned of, each", async () => {
  await using server = await startBuiltinServer();
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},\n"data":{"a":"1","a":"2",\n"b":"1","b":"2"}}';
  const answer = await send(server, "PATCH", `${MAPS}/c?fieldManager=m`, "application/apply-patch+yaml", body);
  assert.equal(answer.status, 201, answer.object.message ?? "");
  assert.match(answer.headers["warning"] ?? "", /line 2: key \\"a\\" already set in map.*line 3: key \\"b\\" already set in map/);
});

test("an object that is too large for its managed fields alone goes without them", async () => {
  await using server = await startBuiltinServer();
  const args = Array.from({ length: 1330 }, (_, index) => ({ name: `E${index}`, value: "v".repeat(1100) }));
  const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i", env: args }] } };
  const large = await server.call("POST", PODS, pod);
  assert.equal(large.status, 201, large.object.message ?? "");
  assert.equal(large.object.metadata?.managedFields, undefined);
});
