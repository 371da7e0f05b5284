import assert from "node:assert/strict";
import { test } from "node:test";
import { slowStart } from "./slow-start.ts";

/** Runs 20 calls, of which the `failing`-th fails; gives how many ran at once each time. */
async function batches(failing: number, maxBatch?: number): Promise<number[]> {
  const sizes: number[] = [];
  let running = 0;
  const call = async (item: number) => {
    if (running++ === 0) sizes.push(0);
    sizes[sizes.length - 1] = running;
    await Promise.resolve();
    running--;
    if (item === failing) throw new Error("no");
  };
  await slowStart(
    Array.from({ length: 20 }, (_, index) => index),
    call,
    maxBatch,
  ).catch((error: Error) => assert.equal(error.message, "no"));
  return sizes;
}

test("batches double, up to the largest allowed, and end with the first that fails", async () => {
  assert.deepEqual(await batches(-1), [1, 2, 4, 8, 5]);
  assert.deepEqual(await batches(-1, 6), [1, 2, 4, 6, 6, 1]);
  assert.deepEqual(await batches(0), [1]);
  assert.deepEqual(await batches(4), [1, 2, 4]);
});
