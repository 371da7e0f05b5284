import assert from "node:assert/strict";
import type { Table } from "#meta/table.ts";
import { after, before, test } from "node:test";
import { type BuiltinServer, startBuiltinServer } from "#harness/builtin-server.ts";
import { openWatch } from "./watching.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

let api: BuiltinServer;
let first = "";
before(async () => {
  api = await startBuiltinServer();
  for (const name of ["a", "b"]) {
    const { object } = await api.call("POST", MAPS, { metadata: { name, labels: { app: "x" } } });
    first ||= object.metadata?.resourceVersion ?? "";
  }
});
after(() => api[Symbol.asyncDispose]());

const watch = (query: string) => openWatch(api.server, `${MAPS}?watch=1${query && `&${query}`}`);
const touch = (name: string, labels: Readonly<Record<string, string | null>>) =>
  api.call("PATCH", `${MAPS}/${name}`, { metadata: { labels } });

test("without a version and from 0 a watch begins with what is there; from a version with what came after", async () => {
  for (const query of ["", "resourceVersion=0"]) {
    using events = await watch(query);
    assert.deepEqual(await events.take(2), ["ADDED a", "ADDED b"]);
  }
  using events = await watch(`resourceVersion=${first}`);
  assert.deepEqual(await events.take(1), ["ADDED b"]);
});

test("whoever names no version and wants bookmarks is told where the beginning ends", async () => {
  using events = await watch("allowWatchBookmarks=true");
  await events.take(2);
  const bookmark = await events.next();
  assert.deepEqual([bookmark?.type, bookmark?.object.kind, bookmark?.object.apiVersion], ["BOOKMARK", "ConfigMap", "v1"]);
  assert.deepEqual(bookmark?.object.metadata, {
    resourceVersion: String(api.store.revision),
    annotations: { "k8s.io/initial-events-end": "true" },
  });
});

test("sendInitialEvents sends them whatever the version, or not at all", async () => {
  const head = api.store.revision;
  using all = await watch(`sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=${head}`);
  assert.deepEqual(await all.take(2), ["ADDED a", "ADDED b"]);
  using none = await watch("sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
  await touch("a", { n: "1" });
  assert.deepEqual(await none.take(1), ["MODIFIED a"]);
  assert.deepEqual(await all.take(1), ["MODIFIED a"]);
});

const OPTIONS = 'ListOptions.meta.k8s.io "" is invalid: ';
const refusals: readonly (readonly [query: string, status: number, message: string])[] = [
  [
    "sendInitialEvents=true",
    422,
    "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
  ],
  [
    "resourceVersionMatch=NotOlderThan",
    422,
    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
  ],
  [
    "sendInitialEvents=true&resourceVersionMatch=Exact",
    422,
    '[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
  ],
];
for (const [query, status, message] of refusals) {
  test(`a watch refuses ?${query}`, async () => {
    const { status: code, object } = await api.call("GET", `${MAPS}?watch=1&${query}`);
    assert.deepEqual([code, object.message], [status, OPTIONS + message]);
  });
}

test("a bad version is the fault of the resource, not of the options", async () => {
  const { status, object } = await api.call("GET", "/apis/apps/v1/deployments?watch=1&resourceVersion=abc");
  assert.deepEqual(
    [status, object.message],
    [422, 'deployments.apps "" is invalid: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'],
  );
});

test("initial events of a version that is not there yet end with an error", async () => {
  const future = api.store.revision + 1000;
  using events = await watch(`sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=${future}`);
  await api.clock.advance(3000);
  const error = await events.next();
  assert.deepEqual([error?.type, error?.object.code, error?.object.reason], ["ERROR", 504, "Timeout"]);
  assert.equal(await events.next(), undefined);
});

test("a plain watch from a version to come waits for what comes after it", async () => {
  using events = await watch(`resourceVersion=${api.store.revision + 2}`);
  await touch("a", { n: "2" });
  await touch("a", { n: "3" });
  await touch("a", { n: "4" });
  const event = await events.next();
  assert.deepEqual([event?.type, event?.object.metadata.labels?.["n"]], ["MODIFIED", "4"]);
});

test("a selector watch tells of objects that enter and leave the selection, as they were when they left", async () => {
  using events = await watch("labelSelector=app%3Dx&resourceVersion=" + String(api.store.revision));
  const left = await touch("a", { app: "y" });
  const gone = await events.next();
  assert.deepEqual([gone?.type, gone?.object.metadata.labels?.["app"]], ["DELETED", "x"]);
  assert.equal(gone?.object.metadata.resourceVersion, left.object.metadata?.resourceVersion);
  await touch("a", { n: "5" });
  await touch("a", { app: "x" });
  await touch("a", { n: "6" });
  assert.deepEqual(await events.take(2), ["ADDED a", "MODIFIED a"]);
  const deleted = await api.call("POST", MAPS, { metadata: { name: "c", labels: { app: "x" } } });
  await api.call("DELETE", `${MAPS}/c`);
  assert.deepEqual(await events.take(1), ["ADDED c"]);
  const last = await events.next();
  assert.deepEqual([last?.type, last?.object.metadata.uid], ["DELETED", deleted.object.metadata?.uid]);
  assert.ok(Number(last?.object.metadata.resourceVersion) > Number(deleted.object.metadata?.resourceVersion));
});

test("one name is watched by its field selector and by the old paths", async () => {
  const old = "/api/v1/watch/namespaces/default/configmaps";
  const targets = [`${MAPS}?watch=1&fieldSelector=metadata.name%3Db`, `${old}/b`, `${old}/b?resourceVersion=0`];
  for (const [index, target] of targets.entries()) {
    using events = await openWatch(api.server, target);
    assert.deepEqual(await events.take(1), ["ADDED b"], target);
    await touch("a", { n: "7" });
    await touch("b", { n: String(index) });
    assert.deepEqual(await events.take(1), ["MODIFIED b"], target);
  }
  using all = await openWatch(api.server, old);
  assert.deepEqual(await all.take(2), ["ADDED a", "ADDED b"]);
  using everywhere = await openWatch(api.server, "/api/v1/watch/configmaps?labelSelector=app%3Dx");
  assert.deepEqual(await everywhere.take(2), ["ADDED a", "ADDED b"]);
  const { status, object } = await api.call("GET", `${old}/b?fieldSelector=metadata.name%3Da`);
  assert.deepEqual([status, object.message], [400, "fieldSelector metadata.name doesn't match requested name"]);
});

test("all watchers see the same order", async () => {
  const from = String(api.store.revision);
  const queries = [
    `resourceVersion=${from}`,
    `resourceVersion=${from}&labelSelector=app`,
    `resourceVersion=${from}&fieldSelector=metadata.namespace%3Ddefault`,
  ];
  const all = await Promise.all(queries.map((query) => watch(query)));
  await Promise.all(["d", "e", "f", "g"].map((name) => api.call("POST", MAPS, { metadata: { name, labels: { app: "z" } } })));
  await Promise.all(["d", "e", "f", "g"].map((name) => api.call("DELETE", `${MAPS}/${name}`)));
  const seen = await Promise.all(all.map((events) => events.take(8)));
  for (const other of seen.slice(1)) assert.deepEqual(other, seen[0]);
  for (const events of all) events[Symbol.dispose]();
});

test("bookmarks come about every minute and before the end, which timeoutSeconds sets", async () => {
  using events = await watch(`allowWatchBookmarks=true&timeoutSeconds=150&resourceVersion=${api.store.revision}`);
  const versions: (string | undefined)[] = [];
  for (const seconds of [61, 60, 28]) {
    await api.call("POST", "/api/v1/namespaces", { metadata: { name: `n-${seconds}` } });
    await api.clock.advance(seconds * 1000);
    const bookmark = await events.next();
    assert.deepEqual([bookmark?.type, bookmark?.object.metadata.annotations], ["BOOKMARK", undefined]);
    assert.equal(bookmark?.object.metadata.resourceVersion, String(api.store.revision));
    versions.push(bookmark?.object.metadata.resourceVersion);
  }
  assert.equal(new Set(versions).size, 3);
  await api.clock.advance(2000);
  assert.equal(await events.next(), undefined);
});

test("a watch with no time of its own ends after 30 to 60 minutes; with a negative one at once", async () => {
  using events = await watch(`resourceVersion=${api.store.revision}`);
  let ended = false;
  const end = events.next().then((event) => {
    assert.equal(event, undefined);
    ended = true;
  });
  await api.clock.advance(29 * 60_000);
  assert.equal(ended, false);
  await api.clock.advance(32 * 60_000);
  await end;
  using none = await watch("timeoutSeconds=-1");
  assert.equal(await none.next(), undefined);
});

test("a watch of a past that was compacted is told so by an event, and ends", async () => {
  await api.store.compact(api.store.revision);
  using events = await watch(`resourceVersion=${first}`);
  assert.equal(events.status, 200);
  const error = await events.next();
  assert.deepEqual([error?.type, error?.object.code, error?.object.reason], ["ERROR", 410, "Expired"]);
  assert.match(String(error?.object.message), new RegExp(`^too old resource version: ${first} \\(\\d+\\)$`));
  assert.equal(await events.next(), undefined);
});

test("metadata and tables are watched as such, bookmarks too", async () => {
  const target = `${MAPS}?watch=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3Da`;
  const accept = (as: string) => ({ accept: `application/json;as=${as};g=meta.k8s.io;v=v1` });
  using metadata = await openWatch(api.server, target, accept("PartialObjectMetadata"));
  for (const type of ["ADDED", "BOOKMARK"]) {
    const event = await metadata.next();
    assert.deepEqual([event?.type, event?.object.kind], [type, "PartialObjectMetadata"]);
  }
  using table = await openWatch(api.server, target, accept("Table"));
  const columns = [];
  for (const type of ["ADDED", "BOOKMARK"]) {
    const event = await table.next();
    assert.deepEqual([event?.type, event?.object.kind], [type, "Table"]);
    columns.push(event?.object["columnDefinitions"] !== null);
  }
  assert.deepEqual(columns, [true, false]);
});

test("watches of one transformed form share its events, those of another do not", async () => {
  const target = `${MAPS}?watch=1&resourceVersion=${api.store.revision}`;
  const accept = (as: string, version = "v1") => ({ accept: `application/json;as=${as};g=meta.k8s.io;v=${version}` });
  using none = await openWatch(api.server, `${target}&includeObject=None`, accept("Table"));
  using own = await openWatch(api.server, target, accept("Table"));
  using same = await openWatch(api.server, target, accept("Table"));
  using metadata = await openWatch(api.server, target, accept("PartialObjectMetadata"));
  using beta = await openWatch(api.server, target, accept("PartialObjectMetadata", "v1beta1"));
  for (const [index, n] of ["10", "11"].entries()) {
    await touch("a", { n });
    const tables = [await none.next(), await own.next(), await same.next()].map((event) => event?.object as unknown as Table);
    assert.deepEqual(
      tables.map((table) => [table.columnDefinitions !== null, table.rows[0]?.object?.kind]),
      [undefined, "PartialObjectMetadata", "PartialObjectMetadata"].map((kind) => [index === 0, kind]),
    );
    assert.deepEqual(tables[1], tables[2]);
    const shown = [await metadata.next(), await beta.next()].map((event) => event?.object.apiVersion);
    assert.deepEqual(shown, ["meta.k8s.io/v1", "meta.k8s.io/v1beta1"]);
  }
});

test("the watches of a kind that is no longer served end, others go on", async () => {
  using events = await openWatch(api.server, `/apis/apps/v1/deployments?watch=1&resourceVersion=${api.store.revision}`);
  using other = await watch(`resourceVersion=${api.store.revision}`);
  const kind = api.server.catalog.find("apps", "v1", "deployments");
  api.server.catalog.remove("apps", "v1", "deployments");
  assert.equal(await events.next(), undefined);
  await touch("a", { n: "8" });
  assert.deepEqual(await other.take(1), ["MODIFIED a"]);
  assert.ok(kind);
  api.server.catalog.put([kind.definition]);
});
