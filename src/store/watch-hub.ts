// Who watches what. Finds the watches of an event by its key's prefixes, so that the cost of an event does not grow
// with the number of watches that are not concerned.
import type { StoreError, StoreEvent, WatchOptions } from "./store.ts";

/** One watch. It is not live until it was given what happened before it joined; until then it gets nothing from `dispatch`. */
export interface Watch {
  readonly prefix: string;
  readonly options: WatchOptions;
  live: boolean;
  ended: boolean;
}

/** The watches of one store. */
export class WatchHub {
  readonly #byPrefix = new Map<string, Set<Watch>>();
  /** How many watched prefixes there are of each length: the lengths at which a key must be looked up. */
  readonly #lengths = new Map<number, number>();

  add(watch: Watch): void {
    const group = this.#byPrefix.get(watch.prefix);
    if (group) {
      group.add(watch);
      return;
    }
    this.#byPrefix.set(watch.prefix, new Set([watch]));
    this.#lengths.set(watch.prefix.length, (this.#lengths.get(watch.prefix.length) ?? 0) + 1);
  }

  /** Takes a watch out; it is called no more, not even by the dispatch that is under way. */
  remove(watch: Watch): void {
    watch.ended = true;
    const group = this.#byPrefix.get(watch.prefix);
    if (!group?.delete(watch) || group.size > 0) return;
    this.#byPrefix.delete(watch.prefix);
    const left = (this.#lengths.get(watch.prefix.length) ?? 1) - 1;
    if (left > 0) this.#lengths.set(watch.prefix.length, left);
    else this.#lengths.delete(watch.prefix.length);
  }

  /** Hands the events of one commit to the live watches they concern, and the news of progress to the others. */
  dispatch(events: readonly StoreEvent[], revision: number): void {
    if (this.#byPrefix.size === 0) return;
    const found = new Map<string, StoreEvent[]>();
    for (const event of events) {
      for (const length of this.#lengths.keys()) {
        if (length > event.key.length) continue;
        const prefix = event.key.slice(0, length);
        const sofar = found.get(prefix);
        if (sofar) sofar.push(event);
        else if (this.#byPrefix.has(prefix)) found.set(prefix, [event]);
      }
    }
    for (const [prefix, group] of this.#byPrefix) {
      for (const watch of group) if (watch.live) deliver(watch, found.get(prefix) ?? [], revision);
    }
  }

  /** Ends every watch with `error`. */
  end(error: StoreError): void {
    for (const group of Array.from(this.#byPrefix.values())) {
      for (const watch of group) this.endOne(watch, error);
    }
  }

  endOne(watch: Watch, error: StoreError): void {
    this.remove(watch);
    guard(() => watch.options.onEnd?.(error));
  }
}

/** Calls a watch with what happened up to `revision`: the events it has not asked to skip, or that there were none. */
export function deliver(watch: Watch, events: readonly StoreEvent[], revision: number): void {
  const { after, onEvents, onProgress } = watch.options;
  if (watch.ended || revision <= after) return;
  const first = events[0];
  const wanted = first && first.revision <= after ? events.filter((event) => event.revision > after) : events;
  if (wanted.length > 0) guard(() => onEvents(wanted));
  else if (onProgress) guard(() => onProgress(revision));
}

/** A callback that throws is a bug of its owner: it must not keep the others from their events, nor go unseen. */
function guard(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
