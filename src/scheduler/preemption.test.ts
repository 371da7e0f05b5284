import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyPod } from "./framework.ts";
import { bestCandidate, type Candidate, isPreempted } from "./preemption.ts";
import { createWorld, pod } from "./test-world.ts";

const { info } = createWorld();
const victim = (name: string, priority: number, startTime?: string) =>
  info({ ...pod(name, { priority }), status: startTime === undefined ? {} : { startTime } } as AnyPod);
const candidate = (node: string, violations: number, ...victims: Candidate["victims"]): Candidate => ({ node, victims, violations });

for (const [what, candidates, expected] of [
  ["fewest violated budgets", [candidate("a", 1, victim("p", 0)), candidate("b", 0, victim("q", 9), victim("r", 8))], "b"],
  ["least important first victim", [candidate("a", 0, victim("p", 5)), candidate("b", 0, victim("q", 4), victim("r", 4))], "b"],
  ["least sum of priorities", [candidate("a", 0, victim("p", 5), victim("s", 5)), candidate("b", 0, victim("q", 5), victim("r", 1))], "b"],
  [
    "negative priorities do not favour many",
    [candidate("a", 0, victim("p", -5), victim("s", -5)), candidate("b", 0, victim("q", -5))],
    "b",
  ],
  [
    "those that started last",
    [candidate("a", 0, victim("p", 1, "2026-01-01T00:00:00Z")), candidate("b", 0, victim("q", 1, "2026-01-02T00:00:00Z"))],
    "b",
  ],
  ["the first of equals", [candidate("a", 0, victim("p", 1)), candidate("b", 0, victim("q", 1))], "a"],
] as [string, Candidate[], string][]) {
  test(`best candidate: ${what}`, () => assert.equal(bestCandidate(candidates, Date.UTC(2026, 5, 1))?.node, expected));
}

test("a pod on its way out for another's sake", () => {
  const leaving = { ...pod("p"), metadata: { name: "p", deletionTimestamp: "2026-01-01T00:00:00Z" } } as AnyPod;
  const conditions = [{ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" }];
  assert.equal(isPreempted({ ...leaving, status: { conditions } } as AnyPod), true);
  assert.equal(isPreempted(leaving), false);
  assert.equal(isPreempted({ ...pod("p"), status: { conditions } } as AnyPod), false);
});
