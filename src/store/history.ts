// The changes since the last compaction, in memory, and the past states that can be told from them.
import type { Entry, StoreEvent } from "./store.ts";

/** The events after `compacted`, in revision order. */
export class History {
  /** Events at or below this revision are gone. */
  compacted = 0;
  readonly #events: StoreEvent[] = [];

  push(event: StoreEvent): void {
    this.#events.push(event);
  }

  /** The events with a revision greater than `revision` whose key starts with `prefix`. */
  after(revision: number, prefix: string): StoreEvent[] {
    const found: StoreEvent[] = [];
    for (let at = this.#indexAfter(revision); at < this.#events.length; at++) {
      const event = this.#events[at];
      if (event?.key.startsWith(prefix)) found.push(event);
    }
    return found;
  }

  /** How keys with `prefix` that changed after `revision` were at it; undefined: absent. In key order. */
  at(revision: number, prefix: string): Map<string, Entry | undefined> {
    const past = new Map<string, Entry | undefined>();
    for (const event of this.after(revision, prefix)) if (!past.has(event.key)) past.set(event.key, event.before);
    return new Map(Array.from(past).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Forgets the events up to and including `revision`; returns them. */
  compact(revision: number): StoreEvent[] {
    this.compacted = revision;
    return this.#events.splice(0, this.#indexAfter(revision));
  }

  /** The index of the first event after `revision`. */
  #indexAfter(revision: number): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
