// A store that forgets all when the process ends: for tests and clusters that need not survive.
import { LogStore } from "./log-store.ts";
import type { Store } from "./store.ts";

/** A new, empty store. Its writes are durable as soon as the code that made them gives up control. */
export function createMemoryStore(): Store {
  const done = Promise.resolve();
  const log = { append: () => done, compact: () => done, close: () => done };
  return new LogStore(log, { defer: queueMicrotask });
}
