// What the watches of a server share: one timer for their bookmarks, the bytes of commits, and the list of whom to end when the server stops
// or their kind is gone.

import type { Clock, Timer } from "#lib/clock.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import { createSharedChunks, type SharedChunks } from "./shared-chunk.ts";

/** About once a minute upstream tells idle watchers how far they are. */
const BOOKMARK_MS = 60_000;
/** How exactly that is kept: watches are looked at this often. */
const TICK_MS = 15_000;

export interface TickedWatch {
  readonly kind: ServedKind;
  /** Sends a bookmark if the client wants them. */
  bookmark(): void;
  end(): void;
}

export interface WatchTicker {
  readonly size: number;
  /** What plain watches of a kind share. */
  readonly chunks: SharedChunks;
  /** Disposing takes the watch out without calling it. */
  add(watch: TickedWatch): Disposable;
  /** Ends the watches of kinds that are served no more, or not as they were. */
  endUnserved(isServed: (kind: ServedKind) => boolean): void;
  /** Ends all watches; those added later end at once. */
  stop(): void;
}

/** The timer runs only while there are watches. */
export function createWatchTicker(clock: Clock): WatchTicker {
  const dueAt = new Map<TickedWatch, number>();
  let timer: Timer | undefined;
  let stopped = false;
  const arm = () => {
    timer ??= clock.after(TICK_MS, tick);
  };
  const tick = () => {
    timer = undefined;
    const now = clock.now();
    for (const [watch, due] of dueAt) {
      if (due > now) continue;
      dueAt.set(watch, now + BOOKMARK_MS);
      watch.bookmark();
    }
    if (dueAt.size > 0) arm();
  };
  return {
    get size() {
      return dueAt.size;
    },
    chunks: createSharedChunks(),
    add(watch) {
      if (stopped) queueMicrotask(() => watch.end());
      dueAt.set(watch, clock.now() + BOOKMARK_MS);
      arm();
      return {
        [Symbol.dispose]: () => {
          dueAt.delete(watch);
          if (dueAt.size > 0) return;
          timer?.cancel();
          timer = undefined;
        },
      };
    },
    endUnserved(isServed) {
      for (const watch of Array.from(dueAt.keys())) if (!isServed(watch.kind)) watch.end();
    },
    stop() {
      stopped = true;
      for (const watch of Array.from(dueAt.keys())) watch.end();
    },
  };
}
