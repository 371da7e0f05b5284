import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffDelay, createBackoff } from "./backoff.ts";

test("delays double up to the longest and start again after a reset", () => {
  const backoff = createBackoff({ initialMs: 10, maxMs: 50 });
  assert.deepEqual([backoff.next(), backoff.next(), backoff.next(), backoff.next()], [10, 20, 40, 50]);
  assert.equal(backoff.failures, 4);
  backoff.reset();
  assert.equal(backoff.next(), 10);
});

test("a thousand failures wait the longest delay, none waits nothing", () => {
  assert.equal(backoffDelay(5000, { initialMs: 5, maxMs: 1000 }), 1000);
  assert.equal(backoffDelay(0, { initialMs: 5, maxMs: 1000 }), 0);
});

test("jitter lengthens a delay by no more than its fraction", () => {
  assert.equal(backoffDelay(1, { initialMs: 100, maxMs: 1000, jitter: 0.5, random: () => 0.5 }), 125);
});
