// The queue between changes and reconciles. Keys collapse; a key never runs twice at once.

import type { Clock, Timer } from "#lib/clock.ts";
import type { Key } from "#meta/object.ts";

/** Keys that want a run. The same key never runs twice at once; a key added while it runs runs once more afterwards. */
export interface WorkQueue {
  /** Asks for a run of `key`. Repeats before the run collapse into one. */
  add(key: Key, options?: { readonly priority?: "normal" | "background" }): void;
  /** As add, after `delayMs`. Of several pending delays the earliest wins. */
  addAfter(key: Key, delayMs: number): void;
  /** As addAfter, with a delay that doubles from baseDelayMs to maxDelayMs for each call since forget(). */
  addRateLimited(key: Key): void;
  /** The next key, now marked active; undefined once closed and empty. Each key returned needs one done(). */
  next(): Promise<Key | undefined>;
  /** Ends the run. A key added meanwhile becomes ready again. */
  done(key: Key): void;
  /** Resets the key's rate-limited delay. */
  forget(key: Key): void;
  /** Refuses new keys, drops delays and waiting keys; resolves when active keys are done. */
  close(): Promise<void>;
  readonly size: number;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** First delay of addRateLimited; default 5 ms, as upstream. */
  readonly baseDelayMs?: number;
  /** Longest delay of addRateLimited; default 1000 s, as upstream. */
  readonly maxDelayMs?: number;
}

type Priority = "normal" | "background";

/** An empty queue. Normal keys come before background ones; within each, first come, first served. */
export function createWorkQueue({ clock, baseDelayMs = 5, maxDelayMs = 1_000_000 }: WorkQueueOptions): WorkQueue {
  // Sets keep insertion order, so each is a queue that also answers "is it in there".
  const ready: Record<Priority, Set<Key>> = { normal: new Set(), background: new Set() };
  const active = new Set<Key>();
  const addedWhileActive = new Map<Key, Priority>();
  const delayed = new Map<Key, { readonly at: number; readonly timer: Timer }>();
  const failures = new Map<Key, number>();
  const waiters: ((key: Key | undefined) => void)[] = [];
  let closed = false;
  let waking = false;
  let onIdle: (() => void) | undefined;

  const take = (): Key | undefined => {
    for (const queue of [ready.normal, ready.background]) {
      for (const key of queue) {
        queue.delete(key);
        active.add(key);
        return key;
      }
    }
    return undefined;
  };

  const enqueue = (key: Key, priority: Priority) => {
    if (ready.normal.has(key)) return;
    if (priority === "normal") ready.background.delete(key);
    ready[priority].add(key);
    if (waiters.length > 0 && !waking) {
      waking = true;
      queueMicrotask(wake);
    }
  };

  /** Hands keys out a moment after they came, so that wishes made in one go are still one run. */
  const wake = () => {
    waking = false;
    while (waiters.length > 0) {
      const key = take();
      if (key === undefined) return;
      waiters.shift()?.(key);
    }
  };

  const queue: WorkQueue = {
    add(key, { priority = "normal" } = {}) {
      if (closed) return;
      if (!active.has(key)) enqueue(key, priority);
      else if (priority === "normal" || !addedWhileActive.has(key)) addedWhileActive.set(key, priority);
    },

    addAfter(key, delayMs) {
      if (closed) return;
      if (delayMs <= 0) return queue.add(key);
      const at = clock.now() + delayMs;
      const earlier = delayed.get(key);
      if (earlier && earlier.at <= at) return;
      earlier?.timer.cancel();
      const timer = clock.after(delayMs, () => {
        delayed.delete(key);
        queue.add(key);
      });
      delayed.set(key, { at, timer });
    },

    addRateLimited(key) {
      const failed = failures.get(key) ?? 0;
      failures.set(key, failed + 1);
      queue.addAfter(key, Math.min(baseDelayMs * 2 ** failed, maxDelayMs));
    },

    next() {
      const key = take();
      if (key !== undefined || closed) return Promise.resolve(key);
      return new Promise((resolve) => waiters.push(resolve));
    },

    done(key) {
      if (!active.delete(key)) return;
      const priority = addedWhileActive.get(key);
      if (priority !== undefined) {
        addedWhileActive.delete(key);
        if (!closed) enqueue(key, priority);
      }
      if (active.size === 0) onIdle?.();
    },

    forget: (key) => void failures.delete(key),

    async close() {
      if (!closed) {
        closed = true;
        for (const { timer } of delayed.values()) timer.cancel();
        delayed.clear();
        ready.normal.clear();
        ready.background.clear();
        addedWhileActive.clear();
        failures.clear();
        for (const waiter of waiters.splice(0)) waiter(undefined);
      }
      if (active.size === 0) return;
      await new Promise<void>((resolve) => {
        const earlier = onIdle;
        onIdle = () => {
          earlier?.();
          resolve();
        };
      });
    },

    get size() {
      return ready.normal.size + ready.background.size;
    },
  };
  return queue;
}
