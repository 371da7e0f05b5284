// Which Service has which listener, when several may ask for the same address. Pure bookkeeping; a change costs as much as
// the Service that changed has listeners, whatever the number of Services.

import type { Key } from "#meta/object.ts";
import type { Listener } from "./plan.ts";

export interface ListenerTable {
  /** Replaces what a Service asks for (nothing: it is gone). Answers with the ids whose listener came, went or changed. */
  replace(service: Key, createdAt: string, listeners: readonly Listener[]): Set<string>;
  /** The listener of the Service that was created first among those that ask for it. */
  get(id: string): Listener | undefined;
}

interface Claim {
  readonly service: Key;
  readonly createdAt: string;
  readonly listener: Listener;
}

export function createListenerTable(): ListenerTable {
  const idsOf = new Map<Key, readonly string[]>();
  /** By age, the oldest first: almost always one. */
  const claims = new Map<string, Claim[]>();
  return {
    replace(service, createdAt, listeners) {
      const changed = new Set(idsOf.get(service));
      for (const id of changed) {
        const others = (claims.get(id) ?? []).filter((claim) => claim.service !== service);
        if (others.length > 0) claims.set(id, others);
        else claims.delete(id);
      }
      for (const listener of listeners) {
        changed.add(listener.id);
        const all = [...(claims.get(listener.id) ?? []), { service, createdAt, listener }];
        claims.set(
          listener.id,
          all.toSorted((a, b) => (a.createdAt === b.createdAt ? (a.service < b.service ? -1 : 1) : a.createdAt < b.createdAt ? -1 : 1)),
        );
      }
      if (listeners.length > 0)
        idsOf.set(
          service,
          listeners.map(({ id }) => id),
        );
      else idsOf.delete(service);
      return changed;
    },
    get: (id) => claims.get(id)?.[0]?.listener,
  };
}
