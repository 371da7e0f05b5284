// Runs controllers: feeds their queues from shared informers and calls their reconciles, by the rules of the loop.

import type { Client } from "#client/client.ts";
import { createBackoff } from "#lib/backoff.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { isConflict } from "#meta/errors.ts";
import { keyOf, type DeepReadonly, type Key, type KubeObject } from "#meta/object.ts";
import { apiVersionOf, groupResource, type Resource } from "#meta/resource.ts";
import { TerminalError, type ControllerDefinition, type LoopDefinition, type ReconcileContext } from "./controller.ts";
import { createEventRecorder } from "./events.ts";
import { createInformerSet, type InformerSet } from "./informer.ts";
import { createWorkQueue } from "./work-queue.ts";
import { trackWrites, type Write } from "./write-tracking.ts";

export interface RunControllersOptions {
  readonly controllers: readonly ControllerDefinition[];
  readonly loops?: readonly LoopDefinition[];
  /** The client of a controller by its name. The informers' is asked for as `shared-informers`, unless `informers` is given. */
  readonly clientFor: (name: string) => Client;
  /** Caches to share with others; whoever made them disposes them. Default: made here and disposed by stop(). */
  readonly informers?: InformerSet;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Stops as stop() does. */
  readonly signal?: AbortSignal;
  /** Freezes cached objects; for tests. */
  readonly freeze?: boolean;
  /** How long sources may take to sync before `synced` rejects, naming them; default 120 s. Controllers still start once they do. */
  readonly syncTimeoutMs?: number;
}

export interface RunningControllers extends AsyncDisposable {
  readonly informers: InformerSet;
  /** Resolves when every controller has its caches and runs. */
  readonly synced: Promise<void>;
  /** Closes queues, aborts what is under way, and waits until nothing of it is left. Idempotent. */
  stop(): Promise<void>;
}

const DEFAULT_CONCURRENCY = 4;
const SYNC_TIMEOUT_MS = 120_000;
/** How long a key is held back for a cache to show its own write. The watch may be down: after this, stale reads are better than none. */
const CATCH_UP_MS = 5_000;
const LOOP_BACKOFF = { initialMs: 1_000, maxMs: 60_000, jitter: 0.5 } as const;

export async function runControllers(options: RunControllersOptions): Promise<RunningControllers> {
  const { clientFor, clock, log, random, freeze = false } = options;
  const stopping = new AbortController();
  const own = options.informers ? undefined : createInformerSet({ client: clientFor("shared-informers"), clock, log, random, freeze });
  const informers = options.informers ?? own;
  if (!informers) throw new TypeError("no informers"); // one of the two is there

  const running = options.controllers.map((controller) => startController(controller, { ...options, informers, signal: stopping.signal }));
  const loops = (options.loops ?? []).map((loop) => runLoop(loop, { ...options, informers, signal: stopping.signal }));
  const synced = syncWithin(running, options.syncTimeoutMs ?? SYNC_TIMEOUT_MS, clock, stopping.signal);
  synced.catch((error: unknown) => log.error("controllers did not start", { error }));

  let stopped: Promise<void> | undefined;
  const stop = () =>
    (stopped ??= (async () => {
      stopping.abort();
      options.signal?.removeEventListener("abort", onAbort);
      await Promise.all([...running.map((controller) => controller.done), ...loops]);
      await own?.[Symbol.asyncDispose]();
    })());
  const onAbort = () => void stop();
  if (options.signal?.aborted) await stop();
  else options.signal?.addEventListener("abort", onAbort, { once: true });
  return { informers, synced, stop, [Symbol.asyncDispose]: stop };
}

interface Running {
  readonly name: string;
  /** Kinds not yet cached. */
  readonly missing: () => Resource[];
  /** Resolves when its caches are filled and it runs. */
  readonly started: Promise<void>;
  /** Resolves when it has stopped. */
  readonly done: Promise<void>;
}

type Environment = Omit<RunControllersOptions, "informers"> & { readonly informers: InformerSet; readonly signal: AbortSignal };

/** What stands for a kind in sets. */
const idOf = (resource: Resource) => `${apiVersionOf(resource)}/${resource.plural}`;

function startController(controller: ControllerDefinition, environment: Environment): Running {
  const { informers, clock, random, signal } = environment;
  const client = environment.clientFor(controller.account ?? controller.name);
  const log = environment.log.with({ controller: controller.name });
  const queue = createWorkQueue({ clock });
  const kinds = new Map<string, Resource>();
  for (const resource of [controller.for, ...(controller.watches ?? []).map((watch) => watch.resource), ...(controller.reads ?? [])]) {
    kinds.set(idOf(resource), resource);
  }
  for (const { resource, name, values } of controller.indexes ?? []) informers.informer(resource).addIndex(name, values);

  const cache: ReconcileContext["cache"] = (resource) => {
    if (!kinds.has(idOf(resource)))
      throw new TypeError(`controller ${controller.name} did not name ${groupResource(resource)} among what it reads`);
    return informers.informer(resource);
  };
  const events = createEventRecorder({ client, clock, log, random, component: controller.eventSource ?? controller.name, signal });

  const subscribe = (resource: Resource, map: (object: DeepReadonly<KubeObject>) => readonly Key[]) =>
    informers.informer(resource).subscribe(({ before, after, initial }) => {
      const priority = initial ? "background" : "normal";
      // Both sides: a change of label or owner wakes the one that was left as well as the one that was joined.
      if (before) for (const key of map(before)) queue.add(key, { priority });
      if (after) for (const key of map(after)) queue.add(key, { priority });
    });
  const subscriptions: Disposable[] = [];

  /** Ends the run once the caches show what it wrote; the key is not handed out before that. */
  async function settle(key: Key, writes: readonly Write[]): Promise<void> {
    const awaited = writes.flatMap((write) => {
      const informer = kinds.has(idOf(write.resource)) ? informers.existing(write.resource) : undefined;
      if (!informer) return [];
      const shown =
        "revision" in write ? () => informer.revision >= write.revision : () => informer.get(write.key)?.metadata?.uid !== write.goneUid;
      return shown() ? [] : [{ informer, shown }];
    });
    if (awaited.length > 0) {
      const enough = new AbortController();
      const timer = clock.after(CATCH_UP_MS, () => {
        log.debug("cache is behind own write", { key });
        if (!controller.awaitsOwnWrites) enough.abort();
      });
      const onStop = () => enough.abort();
      signal.addEventListener("abort", onStop, { once: true });
      await Promise.all(awaited.map(({ informer, shown }) => informer.until(shown, enough.signal)));
      timer.cancel();
      signal.removeEventListener("abort", onStop);
    }
    queue.done(key);
  }

  async function runKey(key: Key): Promise<void> {
    const writes: Write[] = [];
    const tracked = trackWrites(client, (write) => void writes.push(write));
    try {
      const result = await controller.reconcile(key, { client: tracked, clock, log, events, cache, signal, random });
      queue.forget(key);
      if (result?.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof TerminalError) {
        queue.forget(key);
        log.error("reconcile failed for good", { key, error });
      } else {
        if (isConflict(error)) log.debug("reconcile met a conflict", { key, error: error instanceof Error ? error.message : error });
        else log.error("reconcile failed", { key, error });
        queue.addRateLimited(key);
      }
    } finally {
      if (writes.length === 0) queue.done(key);
      // Not awaited: the worker takes other keys meanwhile. settle() cannot reject.
      else void settle(key, writes);
    }
  }

  async function work(): Promise<void> {
    for (let key = await queue.next(); key !== undefined; key = await queue.next()) await runKey(key);
  }

  const sources = Array.from(kinds.values(), (resource) => informers.informer(resource));
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const started = (async () => {
    await Promise.race([aborted, Promise.all(sources.map((informer) => informer.synced))]);
    if (signal.aborted) return;
    const { concerns = () => true } = controller;
    subscriptions.push(subscribe(controller.for, (object) => (concerns(object, cache) ? [keyOf(object)] : [])));
    for (const watch of controller.watches ?? []) subscriptions.push(subscribe(watch.resource, (object) => watch.map(object, cache)));
  })();
  const done = (async () => {
    await started;
    const workers = signal.aborted ? [] : Array.from({ length: controller.concurrency ?? DEFAULT_CONCURRENCY }, work);
    await aborted;
    for (const subscription of subscriptions) subscription[Symbol.dispose]();
    await queue.close();
    await Promise.all(workers);
    await events.flush();
  })();
  return {
    name: controller.name,
    missing: () => sources.filter((informer) => !informer.hasSynced).map((informer) => informer.resource),
    started,
    done,
  };
}

/** Runs a loop until the signal aborts, again after each failure. */
async function runLoop(loop: LoopDefinition, environment: Environment): Promise<void> {
  const { informers, clock, random, signal } = environment;
  const client = environment.clientFor(loop.name);
  const log = environment.log.with({ controller: loop.name });
  const events = createEventRecorder({ client, clock, log, random, component: loop.eventSource ?? loop.name, signal });
  const backoff = createBackoff({ ...LOOP_BACKOFF, random });
  while (!signal.aborted) {
    try {
      await loop.run({ client, clock, log, events, informers, signal, random });
      return;
    } catch (error) {
      if (signal.aborted) return;
      log.error("loop failed", { error });
      await clock.sleep(backoff.next(), signal).catch(() => {}); // only rejects when stopped: the loop's condition sees it
    }
  }
}

async function syncWithin(running: readonly Running[], timeoutMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(timeoutMs, () => {
    const sources = running.flatMap(({ name, missing }) => missing().map((resource) => `${name} waits for ${groupResource(resource)}`));
    if (!signal.aborted) late.reject(new Error(`cannot fill caches within ${timeoutMs} ms: ${sources.join(", ")}`));
  });
  try {
    await Promise.race([late.promise, Promise.all(running.map(({ started }) => started))]);
  } finally {
    timer.cancel();
  }
}
