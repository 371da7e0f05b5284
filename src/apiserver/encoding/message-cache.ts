// The messages of stored objects, kept while there is room: controllers list the same objects over and over.

import type { Entry } from "#store/store.ts";

export interface MessageCache {
  /** The entry's message; `make` is asked for one that is not kept. */
  get(entry: Entry, make: () => Uint8Array): Uint8Array;
}

/** Holds messages of at most `maxBytes` together; the oldest go first. An entry is one revision of an object: it never changes. */
export function createMessageCache(maxBytes: number): MessageCache {
  const messages = new Map<Entry, Uint8Array>();
  let bytes = 0;
  return {
    get(entry, make) {
      const kept = messages.get(entry);
      if (kept) return kept;
      const made = make();
      if (made.length > maxBytes) return made;
      messages.set(entry, made);
      bytes += made.length;
      for (const [oldest, message] of messages) {
        if (bytes <= maxBytes) break;
        messages.delete(oldest);
        bytes -= message.length;
      }
      return made;
    },
  };
}
