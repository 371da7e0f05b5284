// Many equal calls, few at first, so that a refusal that hits all of them costs few.

/**
 * Runs `call` for every item: one, then twice as many at once each time all went well, `maxBatch` at most. A batch with a failure is the
 * last one; the first failure is thrown when all of its batch have ended.
 */
export async function slowStart<T>(items: readonly T[], call: (item: T) => Promise<void>, maxBatch = Infinity): Promise<void> {
  for (let done = 0, batch = 1; done < items.length; done += batch, batch = Math.min(batch * 2, maxBatch)) {
    const results = await Promise.allSettled(items.slice(done, done + batch).map(call));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }
}
