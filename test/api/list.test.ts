import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Answer, type BuiltinServer, startBuiltinServer } from "#harness/builtin-server.ts";
import { openSqliteStore } from "#store/sqlite-store.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

let api: BuiltinServer;
before(async () => {
  api = await startBuiltinServer({ namespaces: ["default", "other"] });
  for (const name of ["a", "b", "c", "d", "e"]) {
    await api.call("POST", MAPS, { metadata: { name, labels: { odd: String("ace".includes(name)) } } });
  }
  await api.call("POST", "/api/v1/namespaces/other/configmaps", { metadata: { name: "z" } });
});
after(() => api[Symbol.asyncDispose]());

interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

const metadataOf = (answer: Answer) => answer.object.metadata as unknown as ListMetadata;
const namesOf = ({ object }: Answer) => object.items?.map(({ metadata }) => metadata?.name);
const refusalOf = ({ status, object }: Answer) => [status, object.reason, object.message];
const list = (query: string) => api.call("GET", `${MAPS}?${query}`);

test("pages are one snapshot while writes go on, and count what is left", async () => {
  const first = await list("limit=2");
  const { resourceVersion, continue: token = "", remainingItemCount } = metadataOf(first);
  assert.deepEqual([namesOf(first), remainingItemCount], [["a", "b"], 3]);
  await api.call("POST", MAPS, { metadata: { name: "bb" } });
  await api.call("DELETE", `${MAPS}/d`);
  const second = await list(`limit=2&continue=${token}`);
  assert.deepEqual([namesOf(second), metadataOf(second).remainingItemCount], [["c", "d"], 1]);
  const third = await list(`limit=2&continue=${metadataOf(second).continue}`);
  assert.deepEqual([namesOf(third), metadataOf(third).continue, metadataOf(third).remainingItemCount], [["e"], undefined, undefined]);
  for (const page of [second, third]) assert.equal(metadataOf(page).resourceVersion, resourceVersion);
  await api.call("DELETE", `${MAPS}/bb`);
  await api.call("POST", MAPS, { metadata: { name: "d", labels: { odd: "false" } } });
});

test("with a selector nobody says how many are left, and pages hold what is selected", async () => {
  const first = await list("limit=2&labelSelector=odd%3Dtrue");
  assert.deepEqual([namesOf(first), metadataOf(first).remainingItemCount], [["a", "c"], undefined]);
  const rest = await list(`limit=2&labelSelector=odd%3Dtrue&continue=${metadataOf(first).continue}`);
  assert.deepEqual([namesOf(rest), metadataOf(rest).continue], [["e"], undefined]);
});

test("a token leads nowhere but into its own list", async () => {
  const { continue: token = "" } = metadataOf(await list("limit=2"));
  const other = await api.call("GET", `/api/v1/namespaces/other/configmaps?continue=${token}`);
  assert.deepEqual(namesOf(other), ["z"]);
  const escape = Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: -1, start: "../other/a" })).toString("base64url");
  assert.deepEqual(refusalOf(await list(`continue=${escape}`)), [
    400,
    "BadRequest",
    "invalid continue token: continue key is not valid: ../other/a",
  ]);
});

const token = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const INVALID = "invalid continue token: continue key is not valid: ";
const badTokens: readonly (readonly [string, string])[] = [
  ["a!b", `${INVALID}illegal base64 data at input byte 1`],
  [token({ v: "v9", rv: 1, start: "a" }), `${INVALID}server does not recognize this encoded version v9`],
  [token({ v: "meta.k8s.io/v1", start: "a" }), `${INVALID}incorrect encoded start resourceVersion (version meta.k8s.io/v1)`],
  [token({ v: "meta.k8s.io/v1", rv: 5 }), `${INVALID}encoded start key empty (version meta.k8s.io/v1)`],
];
for (const [text, message] of badTokens) {
  test(`a bad token is refused: ${message}`, async () => {
    assert.deepEqual(refusalOf(await list(`continue=${text}`)), [400, "BadRequest", message]);
  });
}

const OPTIONS = 'ListOptions.meta.k8s.io "" is invalid: ';
const MATCH = "resourceVersionMatch: Forbidden: ";
const refusals: readonly (readonly [query: string, status: number, message: string])[] = [
  ["limit=abc", 400, 'strconv.ParseInt: parsing "abc": invalid syntax'],
  ["limit=", 400, 'strconv.ParseInt: parsing "": invalid syntax'],
  ["timeoutSeconds=99999999999999999999", 400, 'strconv.ParseInt: parsing "99999999999999999999": value out of range'],
  [
    "resourceVersion=abc",
    400,
    'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  ],
  [
    "resourceVersion=-1",
    400,
    'invalid resource version: resourceVersion: Invalid value: "-1": strconv.ParseUint: parsing "-1": invalid syntax',
  ],
  ["resourceVersionMatch=Exact", 422, `${OPTIONS}${MATCH}resourceVersionMatch is forbidden unless resourceVersion is provided`],
  [
    "resourceVersionMatch=Sometimes&resourceVersion=1",
    422,
    `${OPTIONS}resourceVersionMatch: Unsupported value: "Sometimes": supported values: "Exact", "NotOlderThan", ""`,
  ],
  [
    "resourceVersionMatch=Exact&resourceVersion=0",
    422,
    `${OPTIONS}${MATCH}resourceVersionMatch "exact" is forbidden for resourceVersion "0"`,
  ],
  ["sendInitialEvents=true", 422, `${OPTIONS}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list`],
  ["labelSelector=a%3D%3D%3Db", 400, "unable to parse requirement: found '=', expected: identifier"],
  ["fieldSelector=metadata.name", 400, "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
  ["fieldSelector=spec.color%3Dred", 400, '"spec.color" is not a known field selector: only "metadata.name", "metadata.namespace"'],
];
for (const [query, status, message] of refusals) {
  test(`a list refuses ?${query}`, async () => {
    const reason = status === 400 ? "BadRequest" : "Invalid";
    assert.deepEqual(refusalOf(await list(query)), [status, reason, message]);
  });
}

test("kinds with fields of their own word the refusal of others as upstream's do", async () => {
  const refuse = async (path: string) => (await api.call("GET", `${path}?fieldSelector=spec.color%3Dred`)).object.message;
  assert.equal(await refuse("/api/v1/pods"), "field label not supported: spec.color");
  assert.equal(await refuse("/apis/batch/v1/jobs"), 'field label "spec.color" not supported for Job');
  const nodes = await api.call("GET", "/api/v1/nodes?fieldSelector=metadata.namespace%3Dx");
  assert.equal(nodes.object.message, "field label not supported: metadata.namespace");
});

test("continue goes with no version but 0, and with no match", async () => {
  const { continue: text = "" } = metadataOf(await list("limit=2"));
  assert.deepEqual(refusalOf(await list(`continue=${text}&resourceVersion=5`)), [
    400,
    "BadRequest",
    "specifying resource version is not allowed when using continue",
  ]);
  assert.deepEqual(namesOf(await list(`continue=${text}&resourceVersion=0`)), ["c", "d", "e"]);
  const both = await list(`continue=${text}&resourceVersion=0&resourceVersionMatch=NotOlderThan`);
  assert.match(String(both.object.message), /resourceVersionMatch is forbidden when continue is provided$/);
});

test("a version is exact with Exact and with a limit, and else the least that is shown", async () => {
  const then = metadataOf(await list("")).resourceVersion;
  await api.call("POST", MAPS, { metadata: { name: "f" } });
  const exact = await list(`resourceVersion=${then}&resourceVersionMatch=Exact`);
  assert.deepEqual([namesOf(exact), metadataOf(exact).resourceVersion], [["a", "b", "c", "d", "e"], then]);
  assert.deepEqual(namesOf(await list(`resourceVersion=${then}&limit=50`)), ["a", "b", "c", "d", "e"]);
  for (const query of [
    `resourceVersion=${then}&resourceVersionMatch=NotOlderThan&limit=50`,
    `resourceVersion=${then}`,
    "resourceVersion=0&limit=50",
  ]) {
    assert.deepEqual(namesOf(await list(query)), ["a", "b", "c", "d", "e", "f"], query);
  }
  // A single object has no pages: a limit does not make its version exact.
  assert.deepEqual(namesOf(await list(`fieldSelector=metadata.name%3Df&limit=1&resourceVersion=${then}`)), ["f"]);
  assert.deepEqual(namesOf(await list(`fieldSelector=metadata.name%3Df&resourceVersionMatch=Exact&resourceVersion=${then}`)), []);
  await api.call("DELETE", `${MAPS}/f`);
});

test("a version that is not there yet is a timeout to be asked again, for lists and for single objects", async () => {
  const future = String(api.store.revision + 1000);
  for (const target of [
    `${MAPS}?resourceVersion=${future}`,
    `${MAPS}?resourceVersion=${future}&resourceVersionMatch=Exact`,
    `${MAPS}/a?resourceVersion=${future}`,
  ]) {
    const asked = api.call("GET", target);
    await api.clock.advance(3000);
    const { status, object, headers } = await asked;
    assert.deepEqual([status, object.reason, headers["retry-after"]], [504, "Timeout", "1"], target);
    assert.match(String(object.message), new RegExp(`^Timeout: Too large resource version: ${future}, current: \\d+$`));
    assert.deepEqual(object["details"], {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    });
  }
  assert.equal((await api.call("GET", `${MAPS}/a?resourceVersion=1`)).status, 200);
  assert.equal((await api.call("GET", `${MAPS}/a?resourceVersion=x`)).status, 400);
});

test("a read at a version that comes within three seconds waits for it", async () => {
  for (const target of [`${MAPS}?resourceVersion=`, `${MAPS}/a?resourceVersion=`]) {
    const asked = api.call("GET", `${target}${api.store.revision + 1}`);
    let done = false;
    void asked.then(() => (done = true));
    await api.clock.advance(2000);
    assert.equal(done, false, target);
    await api.call("PATCH", `${MAPS}/a`, { metadata: { labels: { seen: String(api.store.revision) } } });
    assert.equal((await asked).status, 200, target);
  }
});

test("watch=1 on an object's own path is a plain get", async () => {
  const { status, object } = await api.call("GET", `${MAPS}/a?watch=1`);
  assert.deepEqual([status, object.kind, object.metadata?.name], [200, "ConfigMap", "a"]);
});

test("a list of one name is authorized as that name", async () => {
  const reader = { name: "reader", groups: ["system:authenticated"] };
  const ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const rules = [{ apiGroups: [""], resources: ["configmaps"], resourceNames: ["a"], verbs: ["list", "watch"] }];
  await api.call("POST", `${ROLES}/roles`, { metadata: { name: "only-a" }, rules });
  await api.call("POST", `${ROLES}/rolebindings`, {
    metadata: { name: "only-a" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "only-a" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "reader" }],
  });
  const ask = (query: string) => api.callAs(reader, "GET", `${MAPS}${query}`);
  assert.deepEqual(namesOf(await ask("?fieldSelector=metadata.name%3Da")), ["a"]);
  assert.equal((await ask("?fieldSelector=metadata.name%3Db")).status, 403);
  assert.equal((await ask("")).status, 403);
});

for (const kept of ["memory", "sqlite"] as const) {
  test(`when the past was compacted, a continued list goes on with the present and an exact one is refused (${kept})`, async () => {
    const folder = kept === "sqlite" ? await mkdtemp(join(tmpdir(), "kobune-list-")) : undefined;
    const store = folder ? await openSqliteStore({ path: join(folder, "store.db") }) : undefined;
    const server = await startBuiltinServer(store ? { store } : {});
    try {
      const templates = "/api/v1/namespaces/default/podtemplates";
      const template = { spec: { containers: [{ name: "c", image: "i" }] } };
      for (let index = 0; index < 40; index++) {
        await server.call("POST", templates, { metadata: { name: `t-${String(index).padStart(2, "0")}` }, template });
      }
      const first = await server.call("GET", `${templates}?limit=4`);
      const { resourceVersion, continue: old = "" } = metadataOf(first);
      await server.call("DELETE", `${templates}/t-05`);
      await server.store.compact(server.store.revision);
      const gone = await server.call("GET", `${templates}?limit=4&continue=${old}`);
      assert.deepEqual([gone.status, gone.object.reason], [410, "Expired"]);
      assert.match(
        String(gone.object.message),
        /^The provided continue parameter is too old to display a consistent list result\. .* may show up in the list\.$/,
      );
      const rest = metadataOf(gone).continue ?? "";
      const second = await server.call("GET", `${templates}?limit=4&continue=${rest}`);
      assert.deepEqual(namesOf(second), ["t-04", "t-06", "t-07", "t-08"]);
      assert.equal(metadataOf(second).remainingItemCount, 31);
      assert.notEqual(metadataOf(second).resourceVersion, resourceVersion);
      const third = await server.call("GET", `${templates}?continue=${metadataOf(second).continue}`);
      assert.equal(namesOf(third)?.length, 31);
      assert.equal(metadataOf(third).resourceVersion, metadataOf(second).resourceVersion);
      const exact = await server.call("GET", `${templates}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
      assert.deepEqual(refusalOf(exact), [410, "Expired", "The resourceVersion for the provided list is too old."]);
    } finally {
      await server[Symbol.asyncDispose]();
      await store?.close();
      if (folder) await rm(folder, { recursive: true });
    }
  });
}

test("tables and metadata lists keep the token, the count and the version", async () => {
  const plain = metadataOf(await list("limit=2"));
  for (const as of ["Table", "PartialObjectMetadataList"]) {
    const accept = `application/json;as=${as};g=meta.k8s.io;v=v1`;
    const { object } = await api.callAs({ name: "a", groups: ["system:masters"] }, "GET", `${MAPS}?limit=2`, undefined, { accept });
    assert.equal(object.kind, as);
    assert.deepEqual(object.metadata, plain);
  }
});
