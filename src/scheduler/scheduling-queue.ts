// Pods that wait for a node: the most important first, of equals the one that waits longest. A pod that found none
// waits for something to change, and at least for its back-off. Terms are upstream's (active, backoff, unschedulable).

import { createHeap } from "#lib/heap.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Key } from "#meta/object.ts";

const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** A pod is tried again after this long even if nothing seems to have changed. */
const FLUSH_MS = 5 * 60_000;

interface Entry {
  readonly key: Key;
  readonly priority: number;
  readonly since: number;
  attempts: number;
  /** When the back-off of the last attempt ends. */
  notBefore: number;
  state: "active" | "unschedulable" | "inFlight";
  /** Something changed while the pod was being tried: the result may be out of date. */
  changed: boolean;
}

export interface SchedulingQueue {
  add(key: Key, priority: number): void;
  delete(key: Key): void;
  /** The next pod to try, now in flight; undefined if none is due. */
  pop(): Key | undefined;
  /** The pod in flight found no node. */
  unschedulable(key: Key): void;
  /** The pod in flight has to be tried again soon (its binding failed). */
  retry(key: Key): void;
  /** The pod in flight is placed. */
  done(key: Key): void;
  /** Something that may make room happened: all that wait are tried again, after their back-off. */
  moveAll(): void;
  readonly size: number;
  close(): void;
}

/** `wake` is called when a pod becomes due. */
export function createSchedulingQueue(clock: Clock, wake: () => void): SchedulingQueue {
  const entries = new Map<Key, Entry>();
  const active = createHeap<Key, Entry>({
    keyOf: (entry) => entry.key,
    before: (a, b) => a.priority > b.priority || (a.priority === b.priority && a.since < b.since),
  });
  const timers = new Map<Key, Timer>();

  const activate = (entry: Entry) => {
    timers.get(entry.key)?.cancel();
    timers.delete(entry.key);
    entry.state = "active";
    active.push(entry);
    wake();
  };
  const activateAfter = (entry: Entry, delayMs: number) => {
    timers.get(entry.key)?.cancel();
    timers.set(
      entry.key,
      clock.after(delayMs, () => {
        if (entries.get(entry.key) === entry && entry.state === "unschedulable") activate(entry);
      }),
    );
  };
  const park = (entry: Entry, waitMs: number) => {
    entry.state = "unschedulable";
    entry.attempts++;
    entry.notBefore = clock.now() + Math.min(INITIAL_BACKOFF_MS * 2 ** (entry.attempts - 1), MAX_BACKOFF_MS);
    activateAfter(entry, entry.changed ? entry.notBefore - clock.now() : waitMs);
  };
  return {
    add(key, priority) {
      if (entries.has(key)) return;
      const entry: Entry = { key, priority, since: clock.now(), attempts: 0, notBefore: 0, state: "active", changed: false };
      entries.set(key, entry);
      activate(entry);
    },
    delete(key) {
      entries.delete(key);
      active.remove(key);
      timers.get(key)?.cancel();
      timers.delete(key);
    },
    pop() {
      const entry = active.pop();
      if (!entry) return undefined;
      entry.state = "inFlight";
      entry.changed = false;
      return entry.key;
    },
    unschedulable(key) {
      const entry = entries.get(key);
      if (entry) park(entry, FLUSH_MS);
    },
    retry(key) {
      const entry = entries.get(key);
      if (!entry) return;
      entry.changed = true;
      park(entry, 0);
    },
    done(key) {
      entries.delete(key);
    },
    moveAll() {
      for (const entry of entries.values()) {
        entry.changed = true;
        if (entry.state === "unschedulable") activateAfter(entry, Math.max(0, entry.notBefore - clock.now()));
      }
    },
    get size() {
      return entries.size;
    },
    close() {
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
      entries.clear();
    },
  };
}
