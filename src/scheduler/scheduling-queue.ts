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
  /** Other pods' coming, too, may help it: it has affinity or spread constraints. */
  readonly minds: boolean;
  attempts: number;
  /** When the back-off of the last attempt ends. */
  notBefore: number;
  /** When it is tried again at the latest. */
  due: number;
  state: "active" | "parked" | "backingOff" | "inFlight";
  /** Something changed while the pod was being tried: the result may be out of date. */
  changed: boolean;
}

export interface SchedulingQueue {
  /** A pod that waits for a node; nothing happens if it is known. `minds`: it has affinity or spread constraints. */
  add(key: Key, priority: number, minds?: boolean): void;
  delete(key: Key): void;
  /** The next pod to try, now in flight; undefined if none is due. */
  pop(): Key | undefined;
  /** The pod in flight found no node. */
  unschedulable(key: Key): void;
  /** The pod in flight has to be tried again soon (its binding failed). */
  retry(key: Key): void;
  /** The pod in flight is placed. */
  done(key: Key): void;
  /** The pod itself changed: it is tried again, after its back-off. */
  touch(key: Key): void;
  /** Something that may make room happened: all that wait are tried again, after their back-off. */
  moveAll(): void;
  /** A pod was placed: those that mind others are tried again, after their back-off. */
  podPlaced(): void;
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
  /** Parked and backing off, by when they are due. */
  const waiting = createHeap<Key, Entry>({ keyOf: (entry) => entry.key, before: (a, b) => a.due < b.due });
  const parked = new Set<Entry>();
  const parkedMinding = new Set<Entry>();
  const inFlight = new Set<Entry>();
  let timer: Timer | undefined;
  let timerAt = Infinity;

  const arm = () => {
    const at = waiting.peek()?.due ?? Infinity;
    if (at === timerAt) return;
    timer?.cancel();
    timerAt = at;
    timer = at === Infinity ? undefined : clock.after(at - clock.now(), fire);
  };
  const fire = () => {
    timerAt = Infinity;
    for (let entry = waiting.peek(); entry && entry.due <= clock.now(); entry = waiting.peek()) {
      waiting.pop();
      activate(entry);
    }
    arm();
  };
  const leave = (entry: Entry) => {
    parked.delete(entry);
    parkedMinding.delete(entry);
    inFlight.delete(entry);
  };
  const activate = (entry: Entry) => {
    leave(entry);
    entry.state = "active";
    active.push(entry);
    wake();
  };
  const wait = (entry: Entry, state: "parked" | "backingOff", due: number) => {
    leave(entry);
    entry.state = state;
    entry.due = due;
    if (state === "parked") (entry.minds ? parkedMinding : parked).add(entry);
    waiting.push(entry);
    arm();
  };
  const move = (entry: Entry) => {
    entry.changed = true;
    if (entry.state === "parked") wait(entry, "backingOff", entry.notBefore);
  };
  const failed = (key: Key, retry: boolean) => {
    const entry = entries.get(key);
    if (entry?.state !== "inFlight") return;
    const now = clock.now();
    entry.attempts++;
    entry.notBefore = now + Math.min(INITIAL_BACKOFF_MS * 2 ** (entry.attempts - 1), MAX_BACKOFF_MS);
    if (retry || entry.changed) wait(entry, "backingOff", entry.notBefore);
    else wait(entry, "parked", now + FLUSH_MS);
  };
  const remove = (key: Key) => {
    const entry = entries.get(key);
    if (!entry) return;
    entries.delete(key);
    leave(entry);
    active.remove(key);
    if (waiting.remove(key)) arm();
  };
  return {
    add(key, priority, minds = false) {
      if (entries.has(key)) return;
      const since = clock.now();
      const entry: Entry = { key, priority, since, minds, attempts: 0, notBefore: 0, due: 0, state: "active", changed: false };
      entries.set(key, entry);
      activate(entry);
    },
    delete: remove,
    pop() {
      const entry = active.pop();
      if (!entry) return undefined;
      entry.state = "inFlight";
      entry.changed = false;
      inFlight.add(entry);
      return entry.key;
    },
    unschedulable: (key) => failed(key, false),
    retry: (key) => failed(key, true),
    done: remove,
    touch(key) {
      const entry = entries.get(key);
      if (entry) move(entry);
    },
    moveAll() {
      for (const entry of [...inFlight, ...parked, ...parkedMinding]) move(entry);
    },
    podPlaced() {
      for (const entry of [...inFlight, ...parkedMinding]) if (entry.minds) move(entry);
    },
    get size() {
      return entries.size;
    },
    close() {
      timer?.cancel();
      timerAt = Infinity;
      for (const key of entries.keys()) {
        entries.delete(key);
        active.remove(key);
        waiting.remove(key);
      }
    },
  };
}
