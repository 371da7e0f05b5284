import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestServer } from "./test-server.ts";

const BOATS = "/apis/sea.example/v1/namespaces/bay/boats";

function boat(name: string, more: object = {}) {
  return { apiVersion: "sea.example/v1", kind: "Boat", metadata: { name }, ...more };
}

test("a created object is given its system metadata, defaults and a version, and is read back the same", async () => {
  await using api = await startTestServer();
  const created = await api.call("POST", BOATS, boat("ketch", { spec: { color: "red" }, status: { phase: "Lost" } }));
  assert.equal(created.status, 201);
  assert.equal(created.json.kind, "Boat");
  assert.equal(created.json.metadata.namespace, "bay");
  assert.match(created.json.metadata.uid ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(created.json.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(created.json.metadata.generation, 1);
  assert.deepEqual(created.json["spec"], { color: "red", replicas: 1 });
  assert.deepEqual(created.json["status"], { phase: "Docked" });
  const read = await api.call("GET", `${BOATS}/ketch`);
  assert.equal(read.status, 200);
  assert.deepEqual(read.json, created.json);
});

test("a list shows all objects of the namespace in order of their names, without kind in the items", async () => {
  await using api = await startTestServer();
  for (const name of ["b", "a", "c"]) await api.call("POST", BOATS, boat(name));
  await api.call("POST", "/apis/sea.example/v1/namespaces/lake/boats", boat("z"));
  const { json } = await api.call("GET", BOATS);
  const items = json["items"] as { kind?: string; metadata: { name: string } }[];
  assert.equal(json.kind, "BoatList");
  assert.deepEqual(
    items.map((item) => item.metadata.name),
    ["a", "b", "c"],
  );
  assert.equal(items[0]?.kind, undefined);
  const all = await api.call("GET", "/apis/sea.example/v1/boats");
  assert.equal((all.json["items"] as unknown[]).length, 4);
});

test("a watch shows what is there, then each change with its version", async () => {
  await using api = await startTestServer();
  await api.call("POST", BOATS, boat("a"));
  const watch = api.watch(`${BOATS}?watch=true`);
  const first = await watch.next();
  assert.equal(first?.type, "ADDED");
  const b = await api.call("POST", BOATS, boat("b"));
  const second = await watch.next();
  assert.equal(second?.type, "ADDED");
  assert.deepEqual(second?.object, b.json);
  const changed = await api.call("PUT", `${BOATS}/b`, { ...b.json, spec: { color: "blue", replicas: 1 } });
  assert.equal(changed.json.metadata.generation, 2);
  assert.deepEqual(await watch.next(), { type: "MODIFIED", object: changed.json });
  await api.call("DELETE", `${BOATS}/b`);
  const gone = await watch.next();
  assert.equal(gone?.type, "DELETED");
  assert.ok(Number(gone?.object.metadata.resourceVersion) > Number(changed.json.metadata.resourceVersion));
  watch.close();
});
