/** A bucket of so many tokens that fills up again with time; false when it is empty. */
export function createRateLimit(burst: number, perSecond: number, nowMs: () => number): () => boolean {
  let tokens = burst;
  let last = nowMs();
  return () => {
    if (tokens < burst) {
      const now = nowMs();
      tokens = Math.min(burst, tokens + ((now - last) * perSecond) / 1000);
      last = now;
    } else last = nowMs();
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}
