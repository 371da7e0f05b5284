// Discovery for clients that accept protobuf alone.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ADMIN, startBuiltinServer } from "#harness/builtin-server.ts";
import { groupDiscoverySchema } from "#apiserver/discovery/aggregated-schema.ts";
import { builtinStructure } from "#kinds/structure.ts";
import { createMessageDecoder } from "#meta/codec/protobuf/decode.ts";
import { readEnvelope } from "#meta/codec/protobuf/envelope.ts";

const api = await startBuiltinServer();
after(() => api[Symbol.asyncDispose]());
const structure = builtinStructure();
const decode = createMessageDecoder();
const PROTOBUF = "application/vnd.kubernetes.protobuf";

async function get(path: string, accept: string): Promise<{ status: number; type: string; bytes: Uint8Array }> {
  const { status, headers, body } = await api.server.handler({
    method: "GET",
    path,
    query: new URLSearchParams(),
    signal: new AbortController().signal,
    remoteAddress: "127.0.0.1",
    body: () => Promise.resolve(new Uint8Array()),
    trustedUser: ADMIN,
    headers: { accept },
  });
  assert(body instanceof Uint8Array);
  return { status, type: headers["content-type"] ?? "", bytes: body };
}

for (const [path, kind] of [
  ["/api", "APIVersions"],
  ["/apis", "APIGroupList"],
  ["/apis/apps", "APIGroup"],
  ["/api/v1", "APIResourceList"],
  ["/apis/apps/v1", "APIResourceList"],
] as const) {
  test(`${path} is the same in protobuf as in JSON`, async () => {
    const { status, type, bytes } = await get(path, PROTOBUF);
    assert.deepEqual([status, type], [200, PROTOBUF]);
    const envelope = readEnvelope(bytes);
    assert.deepEqual([envelope.kind, envelope.apiVersion], [kind, "v1"]);
    const found = decode(envelope.raw, structure.schema(`io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`));
    const {
      kind: _kind,
      apiVersion: _version,
      ...json
    } = JSON.parse(Buffer.from((await get(path, "application/json")).bytes).toString("utf8"));
    assert.deepEqual(withoutZeros(found), withoutZeros(json));
  });
}

test("the aggregated form is the same in protobuf as in JSON, and has a tag", async () => {
  const form = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  for (const path of ["/api", "/apis"]) {
    const { status, type, bytes } = await get(path, `${PROTOBUF}${form}`);
    assert.deepEqual([status, type], [200, `${PROTOBUF}${form}`]);
    const envelope = readEnvelope(bytes);
    assert.deepEqual([envelope.kind, envelope.apiVersion], ["APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"]);
    const {
      kind: _kind,
      apiVersion: _version,
      ...json
    } = JSON.parse(Buffer.from((await get(path, `application/json${form}`)).bytes).toString("utf8"));
    assert.deepEqual(withoutZeros(decode(envelope.raw, groupDiscoverySchema())), withoutZeros(json));
  }
});

/** Protobuf does not tell "", false and empty messages from nothing. */
function withoutZeros(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutZeros);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, field]): [string, unknown] => [name, withoutZeros(field)]);
  const isZero = (field: unknown) =>
    field === undefined ||
    field === "" ||
    field === false ||
    (typeof field === "object" && field !== null && Object.keys(field).length === 0);
  return Object.fromEntries(fields.filter(([, field]) => !isZero(field)));
}
