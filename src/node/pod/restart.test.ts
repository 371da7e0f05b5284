import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerState } from "../runtime.ts";
import type { ContainerKind } from "./pod-view.ts";
import { crashWait, formatSeconds, nextCrashBackoff, shouldRestart } from "./restart.ts";

void test("who is restarted, by policy, kind, exit code and rules", () => {
  const cases: [kind: ContainerKind, policy: string, code: number, wanted: boolean][] = [
    ["app", "Always", 0, true],
    ["app", "Always", 1, true],
    ["app", "OnFailure", 0, false],
    ["app", "OnFailure", 1, true],
    ["app", "Never", 1, false],
    ["init", "Always", 0, false],
    ["init", "Always", 1, true],
    ["init", "Never", 1, false],
    ["ephemeral", "Always", 1, false],
  ];
  for (const [kind, policy, code, wanted] of cases)
    assert.equal(shouldRestart({ name: "c" }, kind, policy, code), wanted, `${kind} ${policy} ${code}`);
  assert.equal(shouldRestart({ name: "c", restartPolicy: "Always" }, "sidecar", "Never", 0), true);
  const rule = { action: "Restart", exitCodes: { operator: "In", values: [42] } };
  const ruled = { name: "c", restartPolicy: "Never", restartPolicyRules: [rule] };
  assert.deepEqual(
    [42, 1].map((code) => shouldRestart(ruled, "app", "Always", code)),
    [true, false],
  );
});

void test("the crash back-off is forgotten after ten minutes of running well", () => {
  const ended = (finishedAt: number) => ({ finishedAt }) as ContainerState; // nothing else is read
  const backoff = { delayMs: 160_000, at: 0 };
  assert.equal(crashWait(ended(1000), backoff, 2000), 161_000);
  assert.equal(crashWait(ended(1000), backoff, 161_000), undefined);
  assert.equal(nextCrashBackoff(ended(1000), backoff, 161_000).delayMs, 300_000);
  assert.equal(crashWait(ended(600_001), backoff, 600_002), undefined);
  assert.equal(nextCrashBackoff(ended(600_001), backoff, 600_002).delayMs, 10_000);
});

void test("durations read as Go's", () => {
  assert.deepEqual([10_000, 80_000, 300_000].map(formatSeconds), ["10s", "1m20s", "5m0s"]);
});

test("the back-off of a restart under way does not make the attempt before it wait", () => {
  const ended = (attempt: number, finishedAt: number): ContainerState => ({
    id: "x",
    name: "a",
    podUid: "u",
    attempt,
    phase: "exited",
    createdAt: 0,
    finishedAt,
  });
  const backoff = nextCrashBackoff(ended(0, 1000), undefined, 1001);
  assert.equal(crashWait(ended(0, 1000), backoff, 1002), undefined);
  assert.equal(crashWait(ended(1, 2000), backoff, 2001), 12_000);
});
