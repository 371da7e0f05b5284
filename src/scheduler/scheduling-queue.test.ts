import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import type { AnyPod } from "./framework.ts";
import { createSchedulingQueue } from "./scheduling-queue.ts";
import { createWorld, pod } from "./test-world.ts";

function setup() {
  const clock = createVirtualClock();
  const { info } = createWorld();
  const gated = new Set<string>();
  const queue = createSchedulingQueue({
    clock,
    wake: () => {},
    compare: (a, b) => b.priority - a.priority,
    rulesOf: () => ({
      gatedBy: ({ uid }) => (gated.has(uid) ? "Gate" : undefined),
      interests: [
        { plugin: "Room", interest: { resource: "Pod", actions: ["delete"], helps: (_, before) => before?.spec?.nodeName !== undefined } },
        { plugin: "Room", interest: { resource: "Node", actions: ["add"] } },
        { plugin: "Taste", interest: { resource: "Node", actions: ["labels"] } },
        {
          plugin: "Gate",
          interest: { resource: "Pod", actions: ["gatesEliminated"], helps: (one, _, after) => after?.metadata?.uid === one.uid },
        },
      ],
    }),
  });
  const add = (name: string, priority = 0) => queue.add(info(pod(name, { priority })));
  const pop = () => queue.pop()?.pod.uid;
  /** Pops a pod and gives it back as refused. */
  const refuse = (...plugins: string[]) => {
    const queued = queue.pop();
    assert.ok(queued);
    queue.failed(queued, new Set(plugins));
    return queued;
  };
  const nodeAdded = () => queue.move({ resource: "Node", action: "add" });
  return { clock, queue, gated, info, add, pop, refuse, nodeAdded };
}

test("the most important first, of equals the one that waits longest", async () => {
  const { clock, add, pop } = setup();
  add("a");
  await clock.advance(1);
  add("b");
  add("c", 10);
  add("a", 99);
  assert.deepEqual([pop(), pop(), pop(), pop()], ["c", "a", "b", undefined]);
});

test("what found no node waits for a change that a plugin which refused it minds", async () => {
  const { clock, queue, add, pop, refuse, nodeAdded } = setup();
  add("a");
  refuse("Room");
  await clock.advance(60_000);
  queue.move({ resource: "Node", action: "labels" });
  assert.equal(pop(), undefined, "Taste did not refuse it");
  queue.move({ resource: "Pod", action: "delete", before: pod("x") });
  assert.equal(pop(), undefined, "the hint says that it does not help");
  queue.move({ resource: "Pod", action: "delete", before: { ...pod("x"), spec: { containers: [], nodeName: "n" } } as AnyPod });
  assert.equal(pop(), "a");
  assert.equal(queue.size, 1);
  nodeAdded();
});

test("after a refusal of two plugins a change that one of them minds is enough", () => {
  const { queue, add, pop, refuse } = setup();
  add("a");
  refuse("Room", "Taste");
  queue.move({ resource: "Node", action: "labels" });
  assert.equal(pop(), "a");
});

test("five minutes are enough in any case", async () => {
  const { clock, add, pop, refuse } = setup();
  add("a");
  refuse("Room");
  await clock.advance(5 * 60_000 - 1);
  assert.equal(pop(), undefined);
  await clock.advance(30_001);
  assert.equal(pop(), "a");
});

test("back-off: a pod that only backs off is tried early if nothing else is to be done, after those that are due", () => {
  const { add, pop, refuse, nodeAdded } = setup();
  add("a", 10);
  refuse("Room");
  nodeAdded();
  add("b");
  assert.deepEqual([pop(), pop(), pop()], ["b", "a", undefined]);
});

test("back-off: what went wrong is tried again after 1, 2, 4, 8, 10, 10 seconds", async () => {
  const { clock, add, queue, pop, refuse } = setup();
  add("a");
  for (const seconds of [1, 2, 4, 8, 10, 10]) {
    refuse();
    await clock.advance(seconds * 1000 - 1);
    assert.equal(queue.pop(), undefined, `${seconds} s`);
    await clock.advance(1);
  }
  assert.equal(pop(), "a");
});

test("gated pods cost nothing until their gate opens", () => {
  const { queue, gated, info, add, pop, nodeAdded } = setup();
  gated.add("a");
  add("a");
  nodeAdded();
  assert.equal(pop(), undefined);
  queue.update(pod("a"), info(pod("a", {}, { app: "b" })));
  assert.equal(pop(), undefined);
  gated.delete("a");
  queue.update(pod("a", { schedulingGates: [{ name: "g" }] }), info(pod("a")));
  assert.equal(pop(), "a");
});

test("what changes of a pod while it is tried counts when it comes back", () => {
  const { queue, info, add, pop } = setup();
  add("a");
  const queued = queue.pop();
  assert.ok(queued);
  queue.update(pod("a", { schedulingGates: [{ name: "g" }] }), info(pod("a")));
  queue.failed(queued, new Set(["Gate"]));
  assert.equal(pop(), "a");
});

test("a pod that was deleted, or placed, does not come back; no timer is left", async () => {
  const { clock, queue, add, refuse } = setup();
  add("a");
  add("b");
  refuse("Room");
  queue.delete("d/a");
  const queued = queue.pop();
  assert.ok(queued);
  queue.done(queued);
  queue.failed(queued, new Set());
  assert.equal(queue.size, 0);
  queue.close();
  await clock.advance(0);
  assert.equal(clock.nextTimerAt(), undefined);
});

test("a pod whose importance changed takes its new place", () => {
  const { queue, info, add, pop } = setup();
  add("a");
  add("b", 5);
  queue.update(pod("a"), info(pod("a", { priority: 9 })));
  assert.deepEqual([pop(), pop()], ["a", "b"]);
});

test("activated pods are tried at once", () => {
  const { queue, add, pop, refuse } = setup();
  add("a");
  refuse("Room");
  queue.activate("d/a");
  assert.equal(pop(), "a");
});
