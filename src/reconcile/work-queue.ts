// (interface below; implementation to follow in this file)

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
