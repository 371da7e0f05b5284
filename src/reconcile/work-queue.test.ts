import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createVirtualClock } from "#lib/clock.ts";
import { createWorkQueue } from "./work-queue.ts";

const setup = () => {
  const clock = createVirtualClock(0);
  return { clock, queue: createWorkQueue({ clock, baseDelayMs: 10, maxDelayMs: 100 }) };
};

test("repeats before the run collapse into one", async () => {
  const { queue } = setup();
  queue.add("a");
  queue.add("a");
  assert.equal(queue.size, 1);
  assert.equal(await queue.next(), "a");
  assert.equal(queue.size, 0);
});

test("a key added while active runs again after done, not before", async () => {
  const { queue } = setup();
  queue.add("a");
  assert.equal(await queue.next(), "a");
  queue.add("a");
  assert.equal(queue.size, 0);
  queue.done("a");
  assert.equal(await queue.next(), "a");
});

test("normal keys come before background ones, and an edit lifts a background key", async () => {
  const { queue } = setup();
  queue.add("b1", { priority: "background" });
  queue.add("b2", { priority: "background" });
  queue.add("n");
  queue.add("b2");
  assert.deepEqual([await queue.next(), await queue.next(), await queue.next()], ["n", "b2", "b1"]);
});

test("of several delays the earliest wins", async () => {
  const { clock, queue } = setup();
  queue.addAfter("a", 1000);
  queue.addAfter("a", 500);
  queue.addAfter("a", 700);
  await clock.advance(499);
  assert.equal(queue.size, 0);
  await clock.advance(1);
  assert.equal(queue.size, 1);
  assert.equal(clock.nextTimerAt(), undefined);
});

test("rate-limited delays double up to the longest and start over after forget", async () => {
  const { clock, queue } = setup();
  const delays: number[] = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    if (attempt === 5) queue.forget("a");
    const start = clock.now();
    queue.addRateLimited("a");
    delays.push((clock.nextTimerAt() ?? 0) - start);
    await clock.advance(200);
    await queue.next();
    queue.done("a");
  }
  assert.deepEqual(delays, [10, 20, 40, 80, 100, 10]);
});

test("close drops what waits, answers waiters, and waits for active keys", async () => {
  const { clock, queue } = setup();
  queue.add("a");
  assert.equal(await queue.next(), "a");
  const waiter = queue.next();
  queue.addAfter("b", 10);
  let closed = false;
  const closing = queue.close().then(() => (closed = true));
  assert.equal(await waiter, undefined);
  assert.equal(clock.nextTimerAt(), undefined);
  assert.equal(closed, false);
  queue.add("c");
  queue.done("a");
  await closing;
  assert.equal(await queue.next(), undefined);
});

test("whatever happens, no key runs twice at once and every wish is followed by a run", async () => {
  const key = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(
    fc.record({ do: fc.constant("add" as const), key, background: fc.boolean() }),
    fc.record({ do: fc.constant("after" as const), key, ms: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ do: fc.constant("retry" as const), key }),
    fc.record({ do: fc.constant("take" as const) }),
    fc.record({ do: fc.constant("done" as const), pick: fc.nat() }),
    fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 60 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, queue } = setup();
      const active = new Set<string>();
      const wanted = new Set<string>();
      const take = async () => {
        if (queue.size === 0) return;
        const taken = await queue.next();
        assert.ok(taken !== undefined && !active.has(taken), `${taken} ran twice at once`);
        active.add(taken);
        wanted.delete(taken);
      };
      for (const now of steps) {
        if (now.do === "add") {
          wanted.add(now.key);
          queue.add(now.key, { priority: now.background ? "background" : "normal" });
        } else if (now.do === "after") {
          wanted.add(now.key);
          queue.addAfter(now.key, now.ms);
        } else if (now.do === "retry") {
          wanted.add(now.key);
          queue.addRateLimited(now.key);
        } else if (now.do === "take") await take();
        else if (now.do === "advance") await clock.advance(now.ms);
        else {
          const [finished] = [...active].slice(now.pick % Math.max(1, active.size));
          if (finished !== undefined) {
            active.delete(finished);
            queue.done(finished);
          }
        }
      }
      for (let round = 0; round < 10 && (active.size > 0 || queue.size > 0 || clock.nextTimerAt() !== undefined); round++) {
        for (const finished of active) queue.done(finished);
        active.clear();
        await clock.advance(100);
        while (queue.size > 0) await take();
      }
      assert.deepEqual([...wanted], []);
    }),
    { numRuns: 60 },
  );
});
