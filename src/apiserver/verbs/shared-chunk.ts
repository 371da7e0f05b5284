// The bytes that all plain watches of a collection get for a commit: put together once, however many there are, so that a thousand
// slow readers hold one copy in memory.

import type { StoreEvent } from "#store/store.ts";
import type { ServedKind } from "../objects/served-kind.ts";

export type Encode = (events: readonly StoreEvent[]) => Uint8Array | undefined;

/** Encodes a list of events, unless that was done for another watch of the kind. */
export type SharedChunks = (kind: ServedKind, events: readonly StoreEvent[], encode: Encode) => Uint8Array | undefined;

/** The store hands the same list of events to all watches of a prefix; nothing is kept longer than such a list. */
export function createSharedChunks(): SharedChunks {
  const all = new WeakMap<readonly StoreEvent[], Map<ServedKind, Uint8Array | undefined>>();
  return (kind, events, encode) => {
    let chunks = all.get(events);
    if (!chunks) all.set(events, (chunks = new Map()));
    if (!chunks.has(kind)) chunks.set(kind, encode(events));
    return chunks.get(kind);
  };
}
