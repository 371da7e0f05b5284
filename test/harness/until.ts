// Waiting for a state of the world, without sleeping for a fixed time.

/**
 * Asks again until `ask` gives something (neither undefined nor false) and resolves to it. What `ask` throws counts as "not yet"; at the
 * deadline the last error is the cause.
 */
export async function until<T>(what: string, ask: () => T | Promise<T>, timeoutMs = 15_000): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>; // just checked
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
