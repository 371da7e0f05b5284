import assert from "node:assert/strict";
import { test } from "node:test";
import { nextLevel } from "./node-ttl.ts";

test("levels are left upwards at their upper bound, and downwards at a lower one than they were entered at", () => {
  const rows: [level: number, nodes: number, next: number][] = [
    [0, 100, 0],
    [0, 101, 1],
    [1, 95, 1],
    [1, 89, 0],
    [0, 600, 2],
    [0, 5000, 4],
    [4, 1800, 4],
    [4, 0, 0],
  ];
  for (const [level, nodes, next] of rows) assert.equal(nextLevel(level, nodes), next, `${level} with ${nodes}`);
});
