// How long to wait before trying again.

export interface BackoffOptions {
  /** The first delay. */
  readonly initialMs: number;
  /** No delay is longer, before jitter. */
  readonly maxMs: number;
  /** Growth per attempt; default 2. */
  readonly factor?: number;
  /** Adds up to this fraction of the delay, at random; default 0. Needs `random`. */
  readonly jitter?: number;
  /** A source of numbers in [0, 1). */
  readonly random?: () => number;
}

/** The delay after `failures` failures in a row (1: `initialMs`; 0 or less: none). */
export function backoffDelay(failures: number, options: BackoffOptions): number {
  if (failures <= 0) return 0;
  // The power may overflow to Infinity; the minimum brings it back.
  const delay = Math.min(options.initialMs * (options.factor ?? 2) ** (failures - 1), options.maxMs);
  return options.jitter && options.random ? delay * (1 + options.jitter * options.random()) : delay;
}

/** Counts failures of one thing. */
export interface Backoff {
  /** Records a failure and gives the delay before the next attempt, in milliseconds. */
  next(): number;
  /** Forgets the failures: it worked. */
  reset(): void;
  readonly failures: number;
}

export function createBackoff(options: BackoffOptions): Backoff {
  let failures = 0;
  return {
    next: () => backoffDelay(++failures, options),
    reset: () => {
      failures = 0;
    },
    get failures() {
      return failures;
    },
  };
}
