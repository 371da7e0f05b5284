// Says in core/v1 Events what happened to objects. Repeats are counted on one Event, floods are cut, as client-go does,
// so that no loop can fill the store by complaining.

import type { Client } from "#client/client.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { createLru } from "#lib/lru.ts";
import { isAlreadyExists, isApiError, isNotFound } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject, ObjectMeta } from "#meta/object.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";
import { formatTime } from "#meta/time.ts";

/** Writes core/v1 Events about objects: repeats of one event are counted on the first one, spam is limited. Never throws, never blocks. */
export interface EventRecorder {
  event(
    about: { readonly resource: Resource; readonly object: DeepReadonly<KubeObject>; readonly fieldPath?: string },
    type: "Normal" | "Warning",
    /** CamelCase, upstream's word. */
    reason: string,
    message: string,
  ): void;
  /** Resolves when all that was recorded so far is written or given up. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Source component: `deployment-controller`, `kubelet`. */
  readonly component: string;
  /** Source host, for what speaks for a node. */
  readonly host?: string;
  /** Stops retries. */
  readonly signal?: AbortSignal;
}

/** core/v1 Event, as far as it is written here. */
interface CoreEvent extends KubeObject {
  metadata: ObjectMeta;
  involvedObject: Reference;
  reason: string;
  message: string;
  source: { component: string; host?: string };
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
  type: string;
  reportingComponent: string;
  reportingInstance: string;
}

interface Reference {
  kind: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiVersion: string;
  resourceVersion?: string;
  fieldPath?: string;
}

const events: Resource<CoreEvent> = { group: "", version: "v1", kind: "Event", plural: "events", namespaced: true };

// client-go's figures (tools/record).
const CACHE_SIZE = 4096;
const BURST = 25;
const TOKENS_PER_MS = 1 / 300_000;
const SIMILAR_MAX = 10;
const SIMILAR_WINDOW_MS = 600_000;
const ATTEMPTS = 12;
const RETRY_MS = 10_000;
/** What waits to be written; beyond it the newest are dropped. */
const BACKLOG = 1000;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock, log, random, component, host, signal } = options;
  const buckets = createLru<string, { tokens: number; at: number }>(CACHE_SIZE);
  const similar = createLru<string, { messages: Set<string>; at: number }>(CACHE_SIZE);
  const written = createLru<string, { namespace: string; name: string; count: number; first: string }>(CACHE_SIZE);
  const nameEnd = risingNanos(clock, random);
  let backlog = 0;
  let writing: Promise<void> = Promise.resolve();

  /** Takes a token of the object's bucket. */
  const allowed = (about: string): boolean => {
    const now = clock.now();
    const bucket = buckets.get(about) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) * TOKENS_PER_MS);
    bucket.at = now;
    buckets.set(about, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  };

  /** Whether so many different messages of one sort came lately that they are from now on one event. */
  const tooManyAlike = (sort: string, message: string): boolean => {
    const now = clock.now();
    const known = similar.get(sort);
    const entry = known && now - known.at <= SIMILAR_WINDOW_MS ? known : { messages: new Set<string>(), at: now };
    entry.at = now;
    similar.set(sort, entry);
    if (entry.messages.size < SIMILAR_MAX) entry.messages.add(message);
    return entry.messages.size >= SIMILAR_MAX;
  };

  async function write(event: CoreEvent, identity: string): Promise<void> {
    const known = written.get(identity);
    if (known) {
      const count = known.count + 1;
      try {
        const patch = { count, lastTimestamp: event.lastTimestamp, message: event.message };
        await client.patch(events, `${known.namespace}/${known.name}`, patch, { type: "strategic" });
        known.count = count;
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        // It expired: write it anew, with what was counted.
        event.count = count;
        event.firstTimestamp = known.first;
      }
    }
    await client.create(events, event);
    const { namespace = "", name = "" } = event.metadata;
    written.set(identity, { namespace, name, count: event.count, first: event.firstTimestamp });
  }

  async function deliver(event: CoreEvent, identity: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await write(event, identity);
      } catch (error) {
        if (signal?.aborted || isAlreadyExists(error)) return;
        // The server understood and refused (namespace terminating, not allowed): asking again changes nothing.
        const refused = isApiError(error) && error.code < 500 && error.code !== 429;
        if (refused || attempt >= ATTEMPTS) {
          const about = event.involvedObject;
          log.debug("event dropped", { object: `${about.namespace ?? ""}/${about.name ?? ""}`, reason: event.reason, error });
          return;
        }
        await clock.sleep(attempt === 1 ? RETRY_MS * random() : RETRY_MS, signal).catch(() => {}); // stopped: the next failure returns
      }
    }
  }

  return {
    event(about, type, reason, message) {
      if (signal?.aborted || backlog >= BACKLOG) return;
      const involvedObject = referenceTo(about);
      const object = JSON.stringify([
        involvedObject.namespace,
        involvedObject.kind,
        involvedObject.name,
        involvedObject.uid,
        involvedObject.apiVersion,
      ]);
      const sort = JSON.stringify([object, type, reason]);
      const aggregated = tooManyAlike(sort, message);
      if (!allowed(object)) return;
      const identity = aggregated ? sort : JSON.stringify([sort, involvedObject.fieldPath, message]);
      const now = formatTime(clock.now());
      const namespace = involvedObject.namespace || "default";
      const event: CoreEvent = {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: `${involvedObject.name ?? ""}.${nameEnd()}`, namespace },
        involvedObject,
        reason,
        message: aggregated ? `(combined from similar events): ${message}` : message,
        source: host === undefined ? { component } : { component, host },
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
        type,
        reportingComponent: component,
        reportingInstance: host ?? "",
      };
      backlog++;
      // One after the other, so that a repeat finds the event it repeats.
      writing = writing.then(() => deliver(event, identity)).finally(() => backlog--);
    },
    flush: () => writing,
  };
}

function referenceTo(about: Parameters<EventRecorder["event"]>[0]): Reference {
  const { resource, object, fieldPath } = about;
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return {
    kind: resource.kind,
    ...(namespace ? { namespace } : {}),
    ...(name !== undefined ? { name } : {}),
    ...(uid !== undefined ? { uid } : {}),
    apiVersion: apiVersionOf(resource),
    ...(resourceVersion !== undefined ? { resourceVersion } : {}),
    ...(fieldPath !== undefined ? { fieldPath } : {}),
  };
}

/**
 * Gives the ends of event names, which are upstream the time in nanoseconds. Ours is in milliseconds, so the low digits are random; but always
 * rising, since clients that list events of one second show them in the order of their names.
 */
function risingNanos(clock: Clock, random: () => number): () => string {
  let last = 0n;
  return () => {
    const now = BigInt(Math.floor(clock.now())) * 1_000_000n;
    last = now > last ? now + BigInt(Math.floor(random() * 500_000)) : last + 1n + BigInt(Math.floor(random() * 1000));
    return last.toString(16);
  };
}
