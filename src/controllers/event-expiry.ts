// Deletes Events an hour after they were last written.

import { Event } from "#kinds/api/core-v1.gen.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { keyOf, type DeepReadonly } from "#meta/object.ts";
import type { LoopDefinition } from "#reconcile/controller.ts";

export interface EventExpiryOptions {
  /** Upstream's --event-ttl; default 1 h. */
  readonly ttlMs?: number;
}

const PAGE = 500;

export function eventExpiry({ ttlMs = 3_600_000 }: EventExpiryOptions = {}): LoopDefinition {
  return {
    name: "event-expiry",
    async run({ client, clock, signal, log }) {
      while (!signal.aborted) {
        // Events live a little longer than the hour; looking more often would cost more than it gives.
        await clock.sleep(ttlMs / 12, signal).catch(() => {}); // only rejects when stopped, looked at next
        if (signal.aborted) return;
        try {
          let next: string | undefined;
          do {
            const page = await client.list(Event, { limit: PAGE, signal, ...(next ? { continue: next } : {}) });
            next = page.metadata?.continue;
            for (const event of page.items) {
              if (clock.now() - lastWritten(event) < ttlMs) continue;
              const { uid, resourceVersion } = event.metadata ?? {};
              try {
                const preconditions = {
                  ...(uid !== undefined ? { uid } : {}),
                  ...(resourceVersion !== undefined ? { resourceVersion } : {}),
                };
                await client.delete(Event, keyOf(event), { preconditions, signal });
              } catch (error) {
                // Gone already, or repeated just now.
                if (!isNotFound(error) && !isConflict(error)) throw error;
              }
            }
          } while (next && !signal.aborted);
        } catch (error) {
          if (!signal.aborted) log.warn("events could not be expired", { error });
        }
      }
    },
  };
}

/** Milliseconds since the epoch of the newest time the event carries. Pure. */
export function lastWritten(event: DeepReadonly<Event>): number {
  const times = [
    event.metadata?.creationTimestamp,
    event.firstTimestamp,
    event.lastTimestamp,
    event.eventTime,
    event.series?.lastObservedTime,
  ];
  return Math.max(...times.map((time) => (time ? Date.parse(time) || 0 : 0)));
}
