// How often a node's failing pods are replaced. A node that refuses them would otherwise be fought with in a hot loop.

import { backoffDelay } from "#lib/backoff.ts";
import type { Key } from "#meta/object.ts";

/** client-go's flowcontrol.Backoff, with the controller manager's numbers. */
const BACKOFF = { initialMs: 1000, maxMs: 15 * 60_000 } as const;

export interface FailedPods {
  /**
   * Milliseconds until a failed pod of this set on this node may be replaced; 0: now, and that is remembered. `version` tells sets of one
   * name, and their generations, apart: each begins anew.
   */
  attempt(set: Key, version: string, nodeName: string, now: number): number;
  /** The set is gone. */
  forget(set: Key): void;
}

interface Entry {
  readonly version: string;
  attempts: number;
  at: number;
}

export function createFailedPods(): FailedPods {
  const bySet = new Map<Key, Map<string, Entry>>();
  return {
    attempt(set, version, nodeName, now) {
      let byNode = bySet.get(set);
      if (!byNode) bySet.set(set, (byNode = new Map()));
      let entry = byNode.get(nodeName);
      // One that had no failure for long begins anew, too.
      if (!entry || entry.version !== version || now - entry.at > 2 * BACKOFF.maxMs) {
        byNode.set(nodeName, (entry = { version, attempts: 0, at: now }));
      }
      const waitMs = entry.at + backoffDelay(entry.attempts, BACKOFF) - now;
      if (waitMs > 0) return waitMs;
      entry.attempts++;
      entry.at = now;
      return 0;
    },
    forget: (set) => void bySet.delete(set),
  };
}
