import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcessStat } from "./proc.ts";
import { membersOf } from "./process-usage.ts";

const stat = (pid: number, parent: number, group: number): ProcessStat => ({ pid, parent, group, cpuTicks: 1, startTime: 0, rssPages: 1 });

test("a container's processes are those below its first one, in whatever session, and orphans of its group", () => {
  const all = [
    stat(1, 0, 1),
    stat(10, 5, 10),
    stat(12, 11, 12), // a session of its own, below 11
    stat(11, 10, 10),
    stat(13, 1, 10), // its parent is gone
    stat(14, 13, 14),
    stat(20, 5, 20),
  ];
  assert.deepEqual(
    membersOf(all, 10)
      .map(({ pid }) => pid)
      .toSorted((a, b) => a - b),
    [10, 11, 12, 13, 14],
  );
  assert.deepEqual(membersOf(all, 99), []);
});
