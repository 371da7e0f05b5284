import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Answer, type BuiltinServer, startBuiltinServer } from "#harness/builtin-server.ts";
import { openWatch } from "./watching.ts";

const CORE = "/api/v1/namespaces/default";
const MAPS = `${CORE}/configmaps`;
const PODS = `${CORE}/pods`;

let api: BuiltinServer;
before(async () => {
  api = await startBuiltinServer();
});
after(() => api[Symbol.asyncDispose]());

const refusalOf = ({ status, object }: Answer) => [status, object.reason, object.message];
const make = async (name: string, metadata: object = {}): Promise<string> => {
  const { status, object } = await api.call("POST", MAPS, { metadata: { name, ...metadata } });
  assert.equal(status, 201);
  return object.metadata?.uid ?? "";
};
const pod = (name: string, spec: object = {}) =>
  api.call("POST", PODS, { metadata: { name }, spec: { containers: [{ name: "c", image: "i" }], ...spec } });

test("a delete answers with a Status that names what is gone, or for some kinds with the object", async () => {
  const uid = await make("a");
  const gone = await api.call("DELETE", `${MAPS}/a`);
  assert.equal(gone.status, 200);
  assert.deepEqual(gone.object, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name: "a", kind: "configmaps", uid },
  });
  const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  const grouped = await api.call("POST", leases, { metadata: { name: "r" } });
  const { object } = await api.call("DELETE", `${leases}/r`);
  const details = { name: "r", group: "coordination.k8s.io", kind: "leases", uid: grouped.object.metadata?.uid };
  assert.deepEqual(object["details"], details);
  for (const [path, body] of [
    [`${CORE}/serviceaccounts`, {}],
    [`${CORE}/resourcequotas`, { spec: { hard: { pods: "1" } } }],
    ["/apis/storage.k8s.io/v1/storageclasses", { provisioner: "none" }],
  ] as const) {
    const made = await api.call("POST", path, { metadata: { name: "o" }, ...body });
    const answer = await api.call("DELETE", `${path}/o`);
    assert.deepEqual([answer.status, answer.object.kind, answer.object.metadata?.uid], [200, made.object.kind, made.object.metadata?.uid]);
    // The version is that of the object's end.
    assert.ok(Number(answer.object.metadata?.resourceVersion) > Number(made.object.metadata?.resourceVersion));
  }
  assert.deepEqual(refusalOf(await api.call("DELETE", `${MAPS}/a`)), [404, "NotFound", 'configmaps "a" not found']);
});

test("preconditions are kept", async () => {
  const uid = await make("p");
  const refuse = async (preconditions: object) => refusalOf(await api.call("DELETE", `${MAPS}/p`, { preconditions }));
  const CANNOT = 'Operation cannot be fulfilled on ConfigMap "p": ';
  assert.deepEqual(await refuse({ uid: "other" }), [
    409,
    "Conflict",
    `${CANNOT}the UID in the precondition (other) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
  ]);
  const { resourceVersion } = (await api.call("GET", `${MAPS}/p`)).object.metadata ?? {};
  assert.deepEqual(await refuse({ uid, resourceVersion: "1" }), [
    409,
    "Conflict",
    `${CANNOT}the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
  ]);
  const namespace = await api.call("DELETE", "/api/v1/namespaces/default", { preconditions: { uid: "other" } });
  assert.match(
    String(namespace.object.message),
    /on namespaces "default": Precondition failed: UID in precondition: other, UID in object meta: /,
  );
  assert.equal((await api.call("DELETE", `${MAPS}/p`, { preconditions: { uid, resourceVersion } })).status, 200);
});

const OPTIONS = 'DeleteOptions.meta.k8s.io "" is invalid: ';
const refusals: readonly (readonly [body: unknown, status: number, message: string | RegExp])[] = [
  [
    { propagationPolicy: "Orphan", orphanDependents: true },
    422,
    `${OPTIONS}propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set`,
  ],
  [
    { propagationPolicy: "Later" },
    422,
    `${OPTIONS}propagationPolicy: Unsupported value: "Later": supported values: "Foreground", "Background", "Orphan", "nil"`,
  ],
  [{ dryRun: ["Some"] }, 422, `${OPTIONS}dryRun: Unsupported value: ["Some"]: supported values: "All"`],
  [{ kind: "Pod", apiVersion: "v1" }, 400, /^no kind "Pod" is registered for version "v1" in scheme /],
  [{ gracePeriodSeconds: "5" }, 400, "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"],
  [
    { preconditions: { uid: 5 } },
    400,
    "json: cannot unmarshal number into Go struct field Preconditions.preconditions.uid of type types.UID",
  ],
  [[], 400, /^couldn't get version\/kind; json parse error: json: cannot unmarshal array into Go value of type struct /],
];
for (const [body, status, message] of refusals) {
  test(`a delete refuses ${JSON.stringify(body)}`, async () => {
    await make("r");
    for (const path of [`${MAPS}/r`, `${MAPS}?fieldSelector=metadata.name%3Dr`]) {
      const answer = await api.call("DELETE", path, body);
      assert.equal(answer.status, status, path);
      if (typeof message === "string") assert.equal(answer.object.message, message);
      else assert.match(String(answer.object.message), message);
    }
    assert.equal((await api.call("DELETE", `${MAPS}/r`)).status, 200);
  });
}

test("options come from the query without a body, and from a body alone", async () => {
  await make("q");
  const bad = await api.call("DELETE", `${MAPS}/q?gracePeriodSeconds=x`);
  assert.deepEqual(refusalOf(bad), [400, "BadRequest", 'strconv.ParseInt: parsing "x": invalid syntax']);
  assert.equal((await api.call("DELETE", `${MAPS}/q?dryRun=All`)).status, 200);
  assert.equal((await api.call("GET", `${MAPS}/q`)).status, 200);
  const orphan = await api.call("DELETE", `${MAPS}/q?propagationPolicy=Orphan`);
  assert.deepEqual(orphan.object.metadata?.finalizers, ["orphan"]);
  await api.call("PATCH", `${MAPS}/q`, { metadata: { finalizers: null } });
  await make("q");
  // Every group has DeleteOptions; what nobody knows is left alone.
  const body = { kind: "DeleteOptions", apiVersion: "apps/v1", what: 1, ignoreStoreReadErrorWithClusterBreakingPotential: true };
  assert.equal((await api.call("DELETE", `${MAPS}/q?dryRun=All`, body)).status, 200);
  assert.equal((await api.call("GET", `${MAPS}/q`)).status, 404);
});

test("finalizers hold an object that is marked as deleted; asking again changes nothing; the last one taken off lets it go", async () => {
  await make("f", { finalizers: ["example.com/hold"] });
  const marked = await api.call("DELETE", `${MAPS}/f`);
  const { deletionTimestamp, deletionGracePeriodSeconds, resourceVersion, finalizers } = marked.object.metadata ?? {};
  assert.deepEqual(
    [marked.status, marked.object.kind, deletionGracePeriodSeconds, finalizers],
    [200, "ConfigMap", 0, ["example.com/hold"]],
  );
  assert.equal(deletionTimestamp, `${new Date(api.clock.now()).toISOString().slice(0, 19)}Z`);
  await api.clock.advance(5000);
  const again = await api.call("DELETE", `${MAPS}/f`, { orphanDependents: false });
  assert.deepEqual([again.status, again.object.metadata?.resourceVersion], [202, resourceVersion]);
  assert.equal(again.object.metadata?.deletionTimestamp, deletionTimestamp);
  const added = await api.call("PATCH", `${MAPS}/f`, { metadata: { finalizers: ["example.com/hold", "example.com/more"] } });
  assert.equal(added.status, 422);
  assert.match(String(added.object.message), /no new finalizers can be added if the object is being deleted/);
  using events = await openWatch(api.server, `${MAPS}?watch=1&resourceVersion=${resourceVersion}`);
  await api.call("PATCH", `${MAPS}/f`, { metadata: { finalizers: null } });
  assert.deepEqual(await events.take(1), ["DELETED f"]);
});

test("policies become the garbage collector's finalizers; a later policy replaces an earlier one", async () => {
  const policies = [
    [{ propagationPolicy: "Foreground" }, 200, ["foregroundDeletion"]],
    [{ orphanDependents: true }, 200, ["orphan"]],
    [{}, 200, ["orphan"]],
    [{ propagationPolicy: "Foreground" }, 200, ["foregroundDeletion"]],
  ] as const;
  await make("g");
  for (const [body, status, finalizers] of policies) {
    const answer = await api.call("DELETE", `${MAPS}/g`, body);
    assert.deepEqual([answer.status, answer.object.metadata?.finalizers], [status, finalizers]);
  }
  const gone = await api.call("DELETE", `${MAPS}/g`, { orphanDependents: false });
  assert.deepEqual([gone.status, gone.object.kind], [200, "Status"]);
  // Some old kinds leave their dependents alone unless told otherwise; events never have any.
  const selector = { app: "x" };
  const template = { metadata: { labels: selector }, spec: { containers: [{ name: "c", image: "i" }] } };
  await api.call("POST", `${CORE}/replicationcontrollers`, { metadata: { name: "rc" }, spec: { replicas: 0, selector, template } });
  const rc = await api.call("DELETE", `${CORE}/replicationcontrollers/rc`);
  assert.deepEqual(rc.object.metadata?.finalizers, ["orphan"]);
  const event = { metadata: { name: "e" }, involvedObject: { namespace: "default", name: "x" }, reason: "R", type: "Normal" };
  await api.call("POST", `${CORE}/events`, event);
  assert.equal((await api.call("DELETE", `${CORE}/events/e`, { propagationPolicy: "Orphan" })).object.kind, "Status");
});

test("a pod on a node is given its grace period, which later deletes may only shorten", async () => {
  await pod("graceful", { nodeName: "n", terminationGracePeriodSeconds: 40 });
  const first = await api.call("DELETE", `${PODS}/graceful`);
  const end = Date.parse(first.object.metadata?.deletionTimestamp ?? "");
  assert.deepEqual([first.status, first.object.metadata?.deletionGracePeriodSeconds, first.object.metadata?.generation], [200, 40, 2]);
  const longer = await api.call("DELETE", `${PODS}/graceful`, { gracePeriodSeconds: 50 });
  assert.deepEqual([longer.status, longer.object.metadata?.resourceVersion], [200, first.object.metadata?.resourceVersion]);
  await api.clock.advance(4000);
  const shorter = await api.call("DELETE", `${PODS}/graceful`, { gracePeriodSeconds: 10 });
  assert.equal(Date.parse(shorter.object.metadata?.deletionTimestamp ?? ""), end - 30_000);
  // All of that second has passed already: whoever ends the pod still has one from now.
  const late = await api.call("DELETE", `${PODS}/graceful`, { gracePeriodSeconds: 1 });
  assert.equal(late.object.metadata?.deletionGracePeriodSeconds, 1);
  assert.equal(Date.parse(late.object.metadata?.deletionTimestamp ?? ""), Math.floor(api.clock.now() / 1000) * 1000);
  assert.equal((await api.call("GET", `${PODS}/graceful`)).status, 200);
  await api.call("DELETE", `${PODS}/graceful`, { gracePeriodSeconds: 0 });
  assert.equal((await api.call("GET", `${PODS}/graceful`)).status, 404);
});

test("a pod that is deleted by force is shown as being deleted before it is gone", async () => {
  await pod("forced", { nodeName: "n" });
  using events = await openWatch(api.server, `${PODS}?watch=1&resourceVersion=${api.store.revision}`);
  const answer = await api.call("DELETE", `${PODS}/forced`, { gracePeriodSeconds: 0 });
  const modified = await events.next();
  const deleted = await events.next();
  assert.deepEqual([modified?.type, modified?.object.metadata.deletionGracePeriodSeconds], ["MODIFIED", 0]);
  assert.deepEqual([deleted?.type, deleted?.object.metadata.deletionTimestamp], ["DELETED", modified?.object.metadata.deletionTimestamp]);
  assert.deepEqual(answer.object.metadata, deleted?.object.metadata);
});

test("a dry run shows what would be and changes nothing", async () => {
  await pod("dry", { nodeName: "n", terminationGracePeriodSeconds: 7 });
  const before = await api.call("GET", `${PODS}/dry`);
  const answer = await api.call("DELETE", `${PODS}/dry`, { dryRun: ["All"] });
  assert.equal(answer.object.metadata?.deletionGracePeriodSeconds, 7);
  assert.deepEqual((await api.call("DELETE", `${PODS}?dryRun=All`)).status, 200);
  assert.deepEqual((await api.call("GET", `${PODS}/dry`)).object, before.object);
  await api.call("DELETE", `${PODS}/dry`, { gracePeriodSeconds: 0 });
});

test("a namespace is marked, answered as it is, and stays until it is finalized", async () => {
  await api.call("POST", "/api/v1/namespaces", { metadata: { name: "doomed" } });
  for (const attempt of [1, 2]) {
    const { status, object } = await api.call("DELETE", "/api/v1/namespaces/doomed");
    assert.deepEqual(
      [status, object.kind, object["status"], object.metadata?.deletionGracePeriodSeconds],
      [200, "Namespace", { phase: "Terminating" }, undefined],
      String(attempt),
    );
  }
});

test("deletecollection deletes what is selected, so many as the limit says, and answers with their list", async () => {
  for (const name of ["c1", "c2", "c3", "c4", "kept"]) await make(name, { labels: { set: name === "kept" ? "no" : "yes" } });
  const some = await api.call("DELETE", `${MAPS}?labelSelector=set%3Dyes&limit=2`);
  assert.deepEqual(
    [some.status, some.object.kind, some.object.items?.map(({ metadata }) => metadata?.name)],
    [200, "ConfigMapList", ["c1", "c2"]],
  );
  const marked = await api.call("DELETE", `${MAPS}?labelSelector=set%3Dyes`, { propagationPolicy: "Foreground" });
  assert.equal(marked.object.items?.length, 2);
  const { object } = await api.call("GET", `${MAPS}?labelSelector=set`);
  assert.deepEqual(
    object.items?.map(({ metadata }) => [metadata?.name, metadata?.finalizers]),
    [
      ["c3", ["foregroundDeletion"]],
      ["c4", ["foregroundDeletion"]],
      ["kept", undefined],
    ],
  );
  const bad = await api.call("DELETE", `${MAPS}?resourceVersionMatch=Exact`);
  assert.deepEqual([bad.status, bad.object.reason], [422, "Invalid"]);
});

test("a collection is deleted in one namespace, never in all", async () => {
  await using server = await startBuiltinServer();
  await server.call("POST", "/api/v1/namespaces/default/configmaps", { metadata: { name: "kept" } });
  const refused = await server.call("DELETE", "/api/v1/configmaps");
  assert.equal(refused.status, 405);
  assert.equal(refused.object.reason, "MethodNotAllowed");
  assert.equal((await server.call("GET", "/api/v1/namespaces/default/configmaps/kept")).status, 200);
});

test("no spelling of a namespace reaches the objects of others", async () => {
  await using server = await startBuiltinServer({ namespaces: ["default", "harbour"] });
  await server.call("POST", "/api/v1/namespaces/harbour/configmaps", { metadata: { name: "kept" } });
  for (const namespace of [
    "a%2fb",
    "%2f",
    "%2F%2F",
    "default%2f..%2fharbour",
    "..",
    ".",
    "%2e%2e",
    "*",
    "%00",
    "%20",
    "default%00harbour",
    "%25",
  ]) {
    const collection = `/api/v1/namespaces/${namespace}/configmaps`;
    const listed = await server.call("GET", collection);
    assert.ok(listed.status >= 400 || listed.object.items?.length === 0, `${collection}: ${JSON.stringify(listed.object)}`);
    const { status } = await server.call("DELETE", collection);
    assert.equal((await server.call("GET", "/api/v1/namespaces/harbour/configmaps/kept")).status, 200, `${collection}: ${status}`);
  }
});
