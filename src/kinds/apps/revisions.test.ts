import assert from "node:assert/strict";
import { test } from "node:test";
import { byRevision, inOrder, nextRevision, revisionName, sameData, templateOf, templatePatch } from "./revisions.ts";

test("a revision's data is a patch that replaces the template; structures that Go always writes are there", () => {
  const template = { spec: { initContainers: [{ name: "i" }], containers: [{ name: "c", resources: { limits: { cpu: "1" } } }] } };
  const data = templatePatch(template);
  assert.equal(
    JSON.stringify(inOrder(data)),
    '{"spec":{"template":{"$patch":"replace","metadata":{},"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"1"}}}],"initContainers":[{"name":"i","resources":{}}]}}}}',
  );
  const revision = { data, revision: 1 };
  assert.deepEqual(templatePatch(templateOf(revision)), data);
  assert.equal(sameData(revision, inOrder(data)), true);
  assert.equal(templateOf({ data: { spec: {} }, revision: 1 }), undefined);
});

test("order, numbers and names", () => {
  const at = (revision: number, name: string, creationTimestamp = "2026-01-01T00:00:00Z") => ({
    metadata: { name, creationTimestamp },
    revision,
  });
  const sorted = [at(2, "a"), at(1, "c"), at(1, "b"), at(1, "d", "2025-01-01T00:00:00Z")].toSorted(byRevision);
  assert.deepEqual(
    sorted.map(({ metadata }) => metadata.name),
    ["d", "b", "c", "a"],
  );
  assert.equal(nextRevision(sorted), 3);
  assert.equal(nextRevision([]), 1);
  assert.equal(revisionName("x".repeat(300), "hash").length, 228);
});
