import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

const BOATS = "/apis/sea.example/v1/namespaces/bay/boats";
const MERGE = { "content-type": "application/merge-patch+json" };

async function fill(api: TestServer, names: readonly string[], labels?: (name: string) => object): Promise<void> {
  for (const name of names) await api.call("POST", BOATS, { metadata: { name, labels: labels?.(name) } });
}

async function names(api: TestServer, query: string): Promise<string[]> {
  const { json } = await api.call("GET", `${BOATS}?${query}`);
  return (json["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
}

test("selectors choose by labels, by name and by the kind's own fields; others are refused", async () => {
  await using api = await startTestServer();
  await fill(api, ["a", "b", "c"], (name) => ({ even: String(name === "b") }));
  await api.call("PATCH", `${BOATS}/c/status`, { status: { phase: "Sunk" } }, MERGE);
  assert.deepEqual(await names(api, "labelSelector=even%3Dfalse"), ["a", "c"]);
  assert.deepEqual(await names(api, "fieldSelector=metadata.name%3Db"), ["b"]);
  assert.deepEqual(await names(api, "fieldSelector=metadata.name%3Db&labelSelector=even%3Dfalse"), []);
  assert.deepEqual(await names(api, "fieldSelector=status.phase%21%3DSunk"), ["a", "b"]);
  const refused = await api.call("GET", `${BOATS}?fieldSelector=spec.color%3Dred`);
  assert.deepEqual([refused.status, refused.json["message"]], [400, "field label not supported: spec.color"]);
});

test("pages of a limited list are one snapshot; after a compaction the rest can be had from the present", async () => {
  await using api = await startTestServer();
  await fill(api, ["a", "b", "c", "d", "e"]);
  const first = await api.call("GET", `${BOATS}?limit=2`);
  const { resourceVersion, remainingItemCount, continue: token = "" } = first.json.metadata as Record<string, string>;
  assert.equal(remainingItemCount, 3);
  await api.call("DELETE", `${BOATS}/c`);
  const second = await api.call("GET", `${BOATS}?limit=2&continue=${token}`);
  assert.equal(second.json.metadata.resourceVersion, resourceVersion);
  assert.deepEqual(
    (second.json["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name),
    ["c", "d"],
  );
  await api.store.compact(api.store.revision);
  const gone = await api.call("GET", `${BOATS}?limit=2&continue=${token}`);
  assert.deepEqual([gone.status, gone.json["reason"]], [410, "Expired"]);
  const rest = (gone.json.metadata as Record<string, string>)["continue"];
  assert.deepEqual(await names(api, `continue=${rest}`), ["d", "e"]);
});

test("a list shows the past exactly if asked, and refuses a future it has not seen", async () => {
  const clock = createVirtualClock();
  await using api = await startTestServer({ clock });
  await fill(api, ["a"]);
  const { json } = await api.call("GET", BOATS);
  await fill(api, ["b"]);
  const version = json.metadata.resourceVersion ?? "";
  assert.deepEqual(await names(api, `resourceVersion=${version}&resourceVersionMatch=Exact`), ["a"]);
  assert.deepEqual(await names(api, `resourceVersion=${version}&resourceVersionMatch=NotOlderThan`), ["a", "b"]);
  assert.deepEqual(await names(api, "resourceVersion=0"), ["a", "b"]);
  const asked = api.call("GET", `${BOATS}?resourceVersion=99999`);
  await clock.advance(3000);
  const future = await asked;
  assert.equal(future.status, 504);
  assert.deepEqual(future.json["details"], {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
});

test("a watch with a selector tells of objects that enter and leave the selection", async () => {
  await using api = await startTestServer();
  await fill(api, ["a"], () => ({ app: "x" }));
  const watch = api.watch(`${BOATS}?watch=1&labelSelector=app%3Dx`);
  assert.equal((await watch.next())?.type, "ADDED");
  const left = await api.call("PATCH", `${BOATS}/a`, { metadata: { labels: { app: "y" } } }, MERGE);
  const deleted = await watch.next();
  assert.equal(deleted?.type, "DELETED");
  assert.deepEqual(deleted?.object.metadata.labels, { app: "x" });
  assert.equal(deleted?.object.metadata.resourceVersion, left.json.metadata.resourceVersion);
  await api.call("PATCH", `${BOATS}/a`, { metadata: { labels: { app: "x" } } }, MERGE);
  assert.equal((await watch.next())?.type, "ADDED");
  watch.close();
});

test("a watch of one name sees that object only, in all three ways to ask", async () => {
  await using api = await startTestServer();
  await fill(api, ["a", "ab"]);
  const watches = [
    api.watch(`${BOATS}?watch=1&fieldSelector=metadata.name%3Da`),
    api.watch("/apis/sea.example/v1/watch/namespaces/bay/boats/a"),
    api.watch("/apis/sea.example/v1/boats?watch=1&fieldSelector=metadata.namespace%3Dbay%2Cmetadata.name%3Da"),
  ];
  for (const watch of watches) assert.equal((await watch.next())?.object.metadata.name, "a");
  await api.call("DELETE", `${BOATS}/ab`);
  await api.call("DELETE", `${BOATS}/a`);
  for (const watch of watches) {
    const event = await watch.next();
    assert.deepEqual([event?.type, event?.object.metadata.name], ["DELETED", "a"]);
    watch.close();
  }
});

test("initial events end with a bookmark that says so", async () => {
  await using api = await startTestServer();
  await fill(api, ["a"]);
  const watch = api.watch(`${BOATS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`);
  assert.equal((await watch.next())?.type, "ADDED");
  const bookmark = await watch.next();
  assert.equal(bookmark?.type, "BOOKMARK");
  assert.deepEqual(bookmark?.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
  assert.equal(bookmark?.object.metadata.resourceVersion, String(api.store.revision));
  watch.close();
});

test("bookmarks come about once a minute and tell of progress elsewhere; timeoutSeconds ends the watch", async () => {
  const clock = createVirtualClock();
  await using api = await startTestServer({ clock });
  await fill(api, ["a"]);
  const watch = api.watch(`${BOATS}?watch=1&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=90`);
  assert.equal((await watch.next())?.type, "ADDED");
  await api.call("POST", "/api/v1/ports", { metadata: { name: "hull" } });
  await clock.advance(61_000);
  const bookmark = await watch.next();
  assert.equal(bookmark?.type, "BOOKMARK");
  assert.equal(bookmark?.object.metadata.resourceVersion, String(api.store.revision));
  await clock.advance(30_000);
  // The last word before the end.
  assert.equal((await watch.next())?.type, "BOOKMARK");
  assert.equal(await watch.next(), undefined);
});

test("a watch from a version that is gone gets an ERROR event with 410", async () => {
  await using api = await startTestServer();
  await fill(api, ["a", "b"]);
  await api.store.compact(api.store.revision);
  const event = await api.watch(`${BOATS}?watch=1&resourceVersion=1`).next();
  assert.equal(event?.type, "ERROR");
  assert.deepEqual([event?.object["code"], event?.object["reason"]], [410, "Expired"]);
});

test("tables have the kind's columns for lists, single objects and watches, headers once per watch", async () => {
  await using api = await startTestServer();
  await api.call("POST", BOATS, { metadata: { name: "a" }, spec: { color: "red" } });
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
  const { json } = await api.call("GET", BOATS, undefined, { accept });
  assert.equal(json.kind, "Table");
  assert.deepEqual(
    (json["columnDefinitions"] as { name: string }[]).map(({ name }) => name),
    ["Name", "Color"],
  );
  const [row] = json["rows"] as { cells: unknown[]; object: { kind: string; metadata: { name: string } } }[];
  assert.deepEqual(row?.cells, ["a", "red"]);
  assert.deepEqual([row?.object.kind, row?.object.metadata.name], ["PartialObjectMetadata", "a"]);
  const one = await api.call("GET", `${BOATS}/a?includeObject=None`, undefined, { accept });
  assert.deepEqual(one.json["rows"], [{ cells: ["a", "red"], object: null }]);
});

test("metadata alone can be asked for, and YAML given and taken", async () => {
  await using api = await startTestServer();
  const yaml = { "content-type": "application/yaml", accept: "application/yaml" };
  const created = await api.call("POST", BOATS, "metadata:\n  name: a\nspec:\n  color: red\n", yaml);
  assert.equal(created.status, 201);
  assert.match(created.text, /^apiVersion: sea\.example\/v1\nkind: Boat\n/);
  const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  const { json } = await api.call("GET", BOATS, undefined, { accept });
  assert.equal(json.kind, "PartialObjectMetadataList");
  assert.equal((json["items"] as { spec?: unknown }[])[0]?.spec, undefined);
  const refused = await api.call("GET", BOATS, undefined, { accept: "application/vnd.kubernetes.protobuf" });
  assert.equal(refused.status, 406);
});

test("discovery tells of the kinds in both forms", async () => {
  await using api = await startTestServer();
  const legacy = await api.call("GET", "/apis/sea.example/v1");
  assert.deepEqual(
    (legacy.json["resources"] as { name: string }[]).map(({ name }) => name),
    ["boats", "boats/scale", "boats/status"],
  );
  assert.deepEqual((await api.call("GET", "/api")).json["versions"], ["v1"]);
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const aggregated = await api.call("GET", "/apis", undefined, { accept });
  assert.equal(aggregated.headers["content-type"], accept);
  assert.match(aggregated.text, /"resource":"boats","responseKind":\{"group":"","version":"","kind":"Boat"\},"scope":"Namespaced"/);
  const etag = aggregated.headers["etag"] ?? "";
  assert.equal((await api.call("GET", "/apis", undefined, { accept, "if-none-match": etag })).status, 304);
  api.server.catalog.remove("sea.example", "v1", "boats");
  assert.deepEqual((await api.call("GET", "/apis")).json["groups"], []);
  assert.equal((await api.call("GET", BOATS)).status, 404);
});

test("health endpoints answer in text, as a whole, by check, and without excluded checks", async () => {
  let warm = false;
  await using api = await startTestServer({ readiness: { warm: () => warm } });
  assert.equal((await api.call("GET", "/livez")).text, "ok");
  const cold = await api.call("GET", "/readyz");
  assert.equal(cold.status, 500);
  assert.match(cold.text, /^\[-\]warm failed: reason withheld$/m);
  assert.equal((await api.call("GET", "/readyz?exclude=warm")).status, 200);
  warm = true;
  assert.match((await api.call("GET", "/readyz?verbose")).text, /^\[\+\]warm ok$[^]*readyz check passed\n$/m);
  assert.equal((await api.call("GET", "/readyz/warm")).text, "ok");
  assert.equal((await api.call("GET", "/version")).json["gitVersion"], "v1.36.0+test");
  const metrics = await api.call("GET", "/metrics");
  assert.match(
    metrics.text,
    /^apiserver_request_total\{code="200",component="apiserver",dry_run="",group="",resource="",scope="",subresource="\/version",verb="GET",version=""\} 1$/m,
  );
  assert.match(metrics.text, /^apiserver_storage_objects\{resource="boats\.sea\.example"\} 0$/m);
});
