// Time as an argument. Nothing outside this file may call Date.now, setTimeout or setInterval on its own.

import { createHeap } from "./heap.ts";

/** A pending timer. Disposing it twice, or after it fired, does nothing. */
export interface Timer extends Disposable {
  /** Cancels the timer. */
  cancel(): void;
}

/** The only source of time. Everything that waits takes one, so that a test can own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Runs `callback` once, `delayMs` from now (0 or less: as soon as possible, never synchronously). */
  after(delayMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason if it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Longest delay Node's timers take; longer ones would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The wall clock. Its timers do not keep the process alive: what must stay up holds a socket or a worker. */
export const realClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    const cancel = () => clearTimeout(handle);
    return { cancel, [Symbol.dispose]: cancel };
  },
  sleep: (delayMs, signal) => sleepOn(realClock, delayMs, signal),
};

/** `clock.sleep` in terms of `clock.after`; shared by all clocks. */
function sleepOn(clock: Pick<Clock, "after">, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** A clock that moves only when told to, for tests and for clusters that live a day in a second. */
export interface VirtualClock extends Clock {
  /**
   * Moves time forward by `ms`, firing due timers in order of their time (ties: in order of creation). After each
   * batch of timers due at one instant it lets pending promises and I/O callbacks run, so that work they start sees
   * the instant it was caused at. Resolves when time has arrived.
   */
  advance(ms: number): Promise<void>;
  /** When the next timer is due, or undefined if there is none. */
  nextTimerAt(): number | undefined;
}

/** A virtual clock that starts at `startMs` (default: 2026-01-01T00:00:00Z). */
export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  interface Pending {
    /** Counts up: timers of one instant fire in order of creation. */
    readonly id: number;
    readonly at: number;
    readonly callback: () => void;
  }
  let time = startMs;
  let made = 0;
  const pending = createHeap<number, Pending>({
    keyOf: (timer) => timer.id,
    before: (a, b) => a.at < b.at || (a.at === b.at && a.id < b.id),
  });
  const earliest = () => pending.peek()?.at;
  /** Lets microtasks, immediates and loopback I/O that is already under way finish. */
  const settle = async () => {
    for (let turn = 0; turn < 8; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const clock: VirtualClock = {
    now: () => time,
    after(delayMs, callback) {
      const id = ++made;
      pending.push({ id, at: time + Math.max(delayMs, 0), callback });
      const cancel = () => void pending.remove(id);
      return { cancel, [Symbol.dispose]: cancel };
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
    async advance(ms) {
      const target = time + ms;
      await settle();
      for (let at = earliest(); at !== undefined && at <= target; at = earliest()) {
        time = Math.max(time, at);
        // Timers that the callbacks make belong to the next batch, even if they are due at once.
        const last = made;
        for (let timer = pending.peek(); timer !== undefined && timer.at <= time && timer.id <= last; timer = pending.peek()) {
          pending.remove(timer.id);
          timer.callback();
        }
        await settle();
      }
      time = target;
    },
    nextTimerAt: earliest,
  };
  return clock;
}
