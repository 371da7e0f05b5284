import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock, realClock } from "./clock.ts";

void test("timers fire in order of their time, ties in order of creation, each at its own instant", async () => {
  const clock = createVirtualClock(0);
  const fired: [name: string, at: number][] = [];
  const note = (name: string) => () => void fired.push([name, clock.now()]);
  clock.after(20, note("c"));
  clock.after(10, note("a"));
  clock.after(10, note("b"));
  clock.after(31, note("later"));
  clock.after(15, note("cancelled")).cancel();
  assert.equal(clock.nextTimerAt(), 10);
  await clock.advance(30);
  assert.deepEqual(fired, [
    ["a", 10],
    ["b", 10],
    ["c", 20],
  ]);
  assert.deepEqual([clock.now(), clock.nextTimerAt()], [30, 31]);
});

void test("what a timer causes runs before the next instant, and its new timers in a later batch", async () => {
  const clock = createVirtualClock(0);
  const log: string[] = [];
  clock.after(10, () => {
    clock.after(0, () => log.push("new"));
    void Promise.resolve().then(() => log.push("promise"));
  });
  clock.after(10, () => log.push("tie"));
  clock.after(11, () => log.push(`later at ${clock.now()}`));
  await clock.advance(11);
  assert.deepEqual(log, ["tie", "promise", "new", "later at 11"]);
});

void test("a timer may cancel another that is due at the same instant", async () => {
  const clock = createVirtualClock(0);
  let fired = false;
  clock.after(5, () => second.cancel());
  const second = clock.after(5, () => (fired = true));
  await clock.advance(5);
  assert.equal(fired, false);
});

void test("sleep ends early with the signal's reason", async () => {
  for (const clock of [createVirtualClock(0), realClock]) {
    const stop = new AbortController();
    const slept = clock.sleep(60_000, stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(slept, { message: "enough" });
  }
});

void test("a hundred thousand timers of one instant are no matter", { timeout: 5000 }, async () => {
  const clock = createVirtualClock(0);
  const count = 100_000;
  let fired = 0;
  const timers = Array.from({ length: count }, (_, index) => clock.after(1 + (index % 7), () => void fired++));
  for (let index = 0; index < count; index += 2) timers[index]?.cancel();
  await clock.advance(10);
  assert.equal(fired, count / 2);
  assert.equal(clock.nextTimerAt(), undefined);
});
