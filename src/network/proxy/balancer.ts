// Picks the backend for a new client of one listener: round robin, or the one the client had before (session affinity).

import type { Clock } from "#lib/clock.ts";
import { type Backend, backendName, type Listener } from "./plan.ts";

/** Clients remembered per listener; the longest unused is forgotten first. */
const MAX_CLIENTS = 10_000;

export interface Balancer {
  /** New backends; clients of those that are gone choose anew. */
  update(listener: Listener): void;
  /** Backends to try, best first; empty if there is none. */
  choose(client: string): readonly Backend[];
  /** The client got through to this backend. */
  chosen(client: string, backend: Backend): void;
  /** There are backends, and the one of this name (`ip:port`) is not among them. */
  hasLeft(backend: string): boolean;
}

export function createBalancer(clock: Clock, first: Listener, random: () => number): Balancer {
  let listener = first;
  let turn = Math.floor(random() * 1024);
  const clients = new Map<string, { readonly backend: string; at: number }>();
  /** Names of the backends; built when somebody asks. */
  let names: Set<string> | undefined;
  return {
    update(next) {
      listener = next;
      names = undefined;
      if (clients.size === 0) return;
      const there = new Set(next.backends.map(backendName));
      for (const [client, entry] of clients) if (next.affinityMs === 0 || !there.has(entry.backend)) clients.delete(client);
    },
    choose(client) {
      const { backends, affinityMs } = listener;
      if (backends.length < 2) return backends;
      let start = turn++ % backends.length;
      const known = affinityMs > 0 ? clients.get(client) : undefined;
      if (known && clock.now() - known.at <= affinityMs) {
        const index = backends.findIndex((backend) => backendName(backend) === known.backend);
        if (index >= 0) start = index;
      }
      return [...backends.slice(start), ...backends.slice(0, start)];
    },
    hasLeft(backend) {
      names ??= new Set(listener.backends.map(backendName));
      return names.size > 0 && !names.has(backend);
    },
    chosen(client, backend) {
      if (listener.affinityMs === 0) return;
      clients.delete(client);
      clients.set(client, { backend: backendName(backend), at: clock.now() });
      if (clients.size > MAX_CLIENTS) {
        const oldest = clients.keys().next();
        if (!oldest.done) clients.delete(oldest.value);
      }
    },
  };
}
