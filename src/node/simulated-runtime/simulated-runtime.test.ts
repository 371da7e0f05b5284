import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import { runtimeContract } from "../runtime-contract.ts";
import { behaviourOf } from "./behaviour.ts";
import { createSimulatedRuntime } from "./simulated-runtime.ts";

const clock = createVirtualClock();

runtimeContract("the simulated runtime", {
  create: async () => createSimulatedRuntime({ clock, podCidr: "10.9.0.0/24" }),
  async until(what, done) {
    for (let step = 0; step < 100; step++) {
      if (await done()) return;
      await clock.advance(100);
    }
    assert.fail(what);
  },
  runs: {},
  ends: (exitCode) => ({ annotations: { "kobune.dev/exit-after-ms": "500", "kobune.dev/exit-code": String(exitCode) } }),
});

void test("annotations for one container win, and unreadable numbers count as absent", () => {
  const behaviour = behaviourOf({ "kobune.dev/start-ms": "5", "kobune.dev/start-ms.b": "7", "kobune.dev/exit-code": "x" }, "b", 0);
  assert.deepEqual([behaviour.startMs, behaviour.exitCode, behaviour.exitAfterMs], [7, 0, Infinity]);
  assert.equal(behaviourOf({ "kobune.dev/start-ms": "5", "kobune.dev/start-ms.b": "7" }, "a", 0).startMs, 5);
});

void test("failures can be for the first attempts only", () => {
  const annotations = { "kobune.dev/exit-after-ms": "10", "kobune.dev/exit-code": "1", "kobune.dev/fail-attempts": "2" };
  assert.deepEqual(
    [0, 1, 2].map((attempt) => behaviourOf(annotations, "c", attempt).exitAfterMs),
    [10, 10, Infinity],
  );
});

void test("nothing is due, so no timer is set", async () => {
  const own = createVirtualClock();
  const runtime = createSimulatedRuntime({ clock: own, podCidr: "10.9.1.0/24" });
  const base = {
    podUid: "u",
    name: "c",
    image: "i",
    env: [],
    mounts: [],
    stdin: false,
    stdinOnce: false,
    tty: false,
    attempt: 0,
    logPath: "",
    annotations: {},
  };
  const sandbox = await runtime.createSandbox({
    namespace: "n",
    name: "p",
    uid: "u",
    hostname: "p",
    labels: {},
    annotations: {},
    hostNetwork: false,
  });
  const id = await runtime.startContainer(sandbox.id, base);
  assert.equal(own.nextTimerAt(), undefined);
  assert.deepEqual(await runtime.probe?.(id, "readiness", {}), { ok: true, message: "", until: Infinity });
  await runtime.stopContainer(id, 30_000);
  assert.equal(own.nextTimerAt(), undefined);
});
