// One timer for the bookmarks of all watches, and the list of watches to end when the server stops.

import type { Clock, Timer } from "#lib/clock.ts";

/** About once a minute upstream tells idle watchers how far they are. */
const BOOKMARK_MS = 60_000;
/** How exactly that is kept: watches are looked at this often. */
const TICK_MS = 15_000;

export interface TickedWatch {
  /** Sends a bookmark if the client wants them. */
  bookmark(): void;
  end(): void;
}

export interface WatchTicker {
  readonly size: number;
  /** Disposing takes the watch out without calling it. */
  add(watch: TickedWatch): Disposable;
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
    stop() {
      stopped = true;
      for (const watch of Array.from(dueAt.keys())) watch.end();
    },
  };
}
