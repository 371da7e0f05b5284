import assert from "node:assert/strict";
import { test } from "node:test";
import { ageColumn, humanDuration, nameColumn, renderTable, shortHumanDuration } from "./table.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

for (const [ms, want] of [
  [-2 * SECOND, "<invalid>"],
  [-2 * SECOND + 1, "0s"],
  [0, "0s"],
  [2 * MINUTE - 1, "119s"],
  [2 * MINUTE, "2m"],
  [190 * SECOND, "3m10s"],
  [10 * MINUTE - 1, "9m59s"],
  [10 * MINUTE + SECOND, "10m"],
  [3 * HOUR - 1, "179m"],
  [3 * HOUR, "3h"],
  [3 * HOUR + MINUTE, "3h1m"],
  [8 * HOUR + 59 * MINUTE, "8h"],
  [2 * DAY - 1, "47h"],
  [2 * DAY + HOUR, "2d1h"],
  [8 * DAY - 1, "7d23h"],
  [8 * DAY + 23 * HOUR, "8d"],
  [2 * YEAR - 1, "729d"],
  [2 * YEAR + 25 * HOUR, "2y1d"],
  [8 * YEAR - 1, "7y364d"],
  [9 * YEAR, "9y"],
] as const) {
  test(`${ms} ms is ${want}`, () => assert.equal(humanDuration(ms), want));
}

test("short durations have one figure", () => {
  assert.deepEqual(
    [59, 60, 3599, 3600, 86_400, 400 * 86_400].map((seconds) => shortHumanDuration(seconds * SECOND)),
    ["59s", "1m", "59m", "1h", "1d", "1y"],
  );
});

const object = { apiVersion: "v1", kind: "Thing", metadata: { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" }, spec: { n: 1 } };
const nowMs = Date.parse("2026-01-01T00:05:30Z");

test("a table has the columns' definitions and cells", () => {
  const columns = [nameColumn, { name: "Note", type: "string" as const, wide: true, value: () => undefined }, ageColumn];
  assert.deepEqual(renderTable(columns, [object], { nowMs, includeObject: "Metadata", metadata: { resourceVersion: "7" } }), {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: "7" },
    columnDefinitions: [
      { name: "Name", type: "string", format: "name", description: "", priority: 0 },
      { name: "Note", type: "string", format: "", description: "", priority: 1 },
      { name: "Age", type: "string", format: "", description: "", priority: 0 },
    ],
    rows: [
      {
        cells: ["a", null, "5m30s"],
        object: {
          kind: "PartialObjectMetadata",
          apiVersion: "meta.k8s.io/v1",
          metadata: { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" },
        },
      },
    ],
  });
});

test("kinds without columns get Name and Created At", () => {
  const table = renderTable(undefined, [object], { nowMs, includeObject: "None", noHeaders: true });
  assert.equal(table.columnDefinitions, null);
  assert.deepEqual(table.rows, [{ cells: ["a", "2026-01-01T00:00:00Z"], object: null }]);
  assert.equal(renderTable(undefined, [object], { nowMs, includeObject: "Object" }).rows[0]?.object, object);
});

test("an object without a creation time has an unknown age", () => {
  assert.equal(ageColumn.value({ metadata: {} }, nowMs), "<unknown>");
});
