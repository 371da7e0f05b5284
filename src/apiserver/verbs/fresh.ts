// Reads at a version that is not there yet wait for it a while, as upstream's do: a client may have it from another server, or from a write that is on its way.

import type { VerbServer } from "./verb.ts";

const MAX_WAIT_MS = 3000;
/** No key begins so: only the store's progress counts. */
const NO_KEY = "\0";

/** Resolves when the store is at `revision`, or when that takes too long; undefined if there is nothing to wait for. */
export function untilRevision({ store, clock }: VerbServer, revision: number): Promise<void> | undefined {
  const head = store.revision;
  if (revision <= head) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel();
      watch[Symbol.dispose]();
      resolve();
    };
    const timer = clock.after(MAX_WAIT_MS, done);
    const onProgress = (at: number) => {
      if (at >= revision) done();
    };
    const watch = store.watch(NO_KEY, { after: head, onEvents: () => undefined, onProgress, onEnd: done });
  });
}
