// Keeps a cache of one kind current by list and watch, through lost connections and expired versions.

import type { Client } from "#client/client.ts";
import { createBackoff } from "#lib/backoff.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { isApiError, isExpired } from "#meta/errors.ts";
import type { DeepReadonly, Key, KubeObject } from "#meta/object.ts";
import { apiVersionOf, groupResource, type Resource } from "#meta/resource.ts";
import { createObjectCache, type CacheListOptions } from "./object-cache.ts";

/** What changed. `before` is absent for an add, `after` for a delete. */
export interface Change<T> {
  readonly before?: DeepReadonly<T>;
  readonly after?: DeepReadonly<T>;
  /** The object was there before the subscriber or the informer came: part of the first list, not news. */
  readonly initial?: boolean;
}

/** A cache of one kind, kept current by list and watch. Survives lost connections by listing again. */
export interface Informer<T extends KubeObject> extends AsyncDisposable {
  readonly resource: Resource<T>;
  /** Resolves once the first full list is cached and every subscriber has seen it. */
  readonly synced: Promise<void>;
  /** Whether the first full list is cached. */
  readonly hasSynced: boolean;
  /** The revision the cache has reached, as a number; 0 before the first list. */
  readonly revision: number;
  get(key: Key): DeepReadonly<T> | undefined;
  /** In no particular order. `selector` undefined selects all; an empty selector too. */
  list(options?: CacheListOptions): readonly DeepReadonly<T>[];
  /** Objects for which the index function (see addIndex) returned `value`. */
  byIndex(index: string, value: string): readonly DeepReadonly<T>[];
  /** Adds an index; before or after sync. The function must be pure. Same name twice: the first stays. */
  addIndex(name: string, values: (object: DeepReadonly<T>) => readonly string[]): void;
  /** Sends the current objects as adds (synchronously), then changes in order. The callback must not await; it enqueues keys. */
  subscribe(onChange: (change: Change<T>) => void): Disposable;
  /** Resolves as soon as `condition` holds, looked at now and after each change of the cache; or when the signal aborts. */
  until(condition: () => boolean, signal?: AbortSignal): Promise<void>;
}

/** One informer per kind, shared by all loops of a component; started at first use. */
export interface InformerSet extends AsyncDisposable {
  informer<T extends KubeObject>(resource: Resource<T>): Informer<T>;
  /** The informer of a kind if some loop has asked for it. */
  existing<T extends KubeObject>(resource: Resource<T>): Informer<T> | undefined;
  /** Resolves when every informer asked for so far has synced. */
  synced(): Promise<void>;
}

export interface InformerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
  /** Freezes every cached object deeply, so that a loop that changes one fails: for tests. */
  readonly freeze?: boolean;
  /** Only objects that the server selects by these. */
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly namespace?: string;
  /** Asks the server for metadata alone. */
  readonly metadataOnly?: boolean;
  /** Keeps what this returns instead of the object, which it may change; it must keep name, namespace, uid and resourceVersion. */
  readonly reduce?: (object: KubeObject) => KubeObject;
}

export interface InformerSetOptions extends InformerOptions {
  /** As `reduce`, for one kind; undefined keeps its objects whole. */
  readonly reduceOf?: (resource: Resource) => InformerOptions["reduce"];
}

/** client-go's reflector: 0.8 s doubling to 30 s, with full jitter. */
const BACKOFF = { initialMs: 800, maxMs: 30_000, jitter: 1 } as const;
/** The server is asked to end watches after half an hour to an hour, so that load moves between servers. */
const WATCH_SECONDS = 1800;
/** A watch that ends sooner without an event is taken for a failure, or it would be repeated in a busy loop. */
const SHORT_WATCH_MS = 1000;

/** Starts at once; dispose to stop. */
export function createInformer<T extends KubeObject>(resource: Resource<T>, options: InformerOptions): Informer<T> {
  const { client, clock, random } = options;
  const log = options.log.with({ informer: groupResource(resource) });
  const cache = createObjectCache<T>();
  const subscribers = new Set<(change: Change<T>) => void>();
  const waiters = new Set<() => void>();
  const stop = new AbortController();
  const firstList = Promise.withResolvers<void>();
  const backoff = createBackoff({ ...BACKOFF, random });
  const selection = {
    ...(options.namespace !== undefined ? { namespace: options.namespace } : {}),
    ...(options.labelSelector !== undefined ? { labelSelector: options.labelSelector } : {}),
    ...(options.fieldSelector !== undefined ? { fieldSelector: options.fieldSelector } : {}),
    ...(options.metadataOnly ? { metadataOnly: true } : {}),
  };
  let hasSynced = false;
  let revision = 0;

  const prepare = (received: T): DeepReadonly<T> => {
    const object = options.reduce ? (options.reduce(received) as T) : received; // who reduces also says what is left of T
    object.apiVersion ??= apiVersionOf(resource);
    object.kind ??= resource.kind;
    // Nobody who reconciles reads them, and they are a good part of an object's size. The server takes a write without them as "unchanged".
    if (object.metadata?.managedFields) delete object.metadata.managedFields;
    // The cast is the point where an object stops being anybody's own.
    return (options.freeze ? deepFreeze(object) : object) as DeepReadonly<T>;
  };

  const tell = (onChange: (change: Change<T>) => void, change: Change<T>) => {
    try {
      onChange(change);
    } catch (error) {
      log.error("informer subscriber failed", { error });
    }
  };
  const publish = (change: Change<T>) => {
    for (const onChange of subscribers) tell(onChange, change);
  };
  const advance = (version: string | undefined) => {
    const reached = Number(version);
    if (Number.isSafeInteger(reached)) revision = reached;
    for (const check of waiters) check();
  };

  /** Lists all, and gives the version to watch from. */
  async function fill(): Promise<string> {
    const list = await client.list(resource, { ...selection, signal: stop.signal });
    const objects: DeepReadonly<T>[] = [];
    for (const item of list.items) objects.push(prepare(item));
    const changes = cache.replace(objects);
    const version = list.metadata?.resourceVersion ?? "";
    if (Number.isSafeInteger(Number(version))) revision = Number(version);
    for (const change of changes) publish(hasSynced ? change : { ...change, initial: true });
    advance(version);
    if (!hasSynced) {
      hasSynced = true;
      firstList.resolve();
    }
    return version;
  }

  /** Watches from `version` until the server ends the watch; tells each version reached, so that the next one can go on there. */
  async function follow(version: string, onVersion: (version: string) => void): Promise<void> {
    const startedAt = clock.now();
    let events = 0;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + random()));
    const watch = client.watch(resource, {
      ...selection,
      resourceVersion: version,
      allowWatchBookmarks: true,
      timeoutSeconds,
      signal: stop.signal,
    });
    for await (const event of watch) {
      events++;
      const reached = event.object.metadata?.resourceVersion;
      if (event.type !== "BOOKMARK") {
        const change = event.type === "DELETED" ? cache.remove(event.object) : cache.set(prepare(event.object));
        if (reached !== undefined && Number.isSafeInteger(Number(reached))) revision = Number(reached);
        if (change) publish(change);
      }
      advance(reached);
      if (reached !== undefined) onVersion(reached);
      if (events === 1) backoff.reset();
    }
    if (events === 0 && clock.now() - startedAt < SHORT_WATCH_MS && !stop.signal.aborted) {
      throw new Error("watch ended at once without an event");
    }
  }

  async function run(): Promise<void> {
    let version: string | undefined;
    let expiries = 0;
    while (!stop.signal.aborted) {
      try {
        version ??= await fill();
        await follow(version, (reached) => {
          version = reached;
          expiries = 0;
        });
      } catch (error) {
        if (stop.signal.aborted) return;
        if (isExpired(error) && version !== undefined && expiries++ === 0) {
          version = undefined;
          continue;
        }
        // A refusal may mean that what we know is void (kind gone, rights changed): start over. After a lost connection, go on where we were.
        if (isApiError(error) && error.code < 500 && error.code !== 429) version = undefined;
        const delayMs = backoff.next();
        log.warn("informer lost its source", { error: error instanceof Error ? error.message : error, retryInMs: Math.round(delayMs) });
        await clock.sleep(delayMs, stop.signal).catch(() => {}); // only rejects when stopped: the loop's condition sees it
      }
    }
  }
  const running = run();

  return {
    resource,
    synced: firstList.promise,
    get hasSynced() {
      return hasSynced;
    },
    get revision() {
      return revision;
    },
    get: (key) => cache.get(key),
    list: (listOptions) => cache.list(listOptions),
    byIndex: (index, value) => cache.byIndex(index, value),
    addIndex: (name, values) => cache.addIndex(name, values),
    subscribe(onChange) {
      for (const object of cache.list()) tell(onChange, { after: object, initial: true });
      subscribers.add(onChange);
      return { [Symbol.dispose]: () => void subscribers.delete(onChange) };
    },
    until(condition, signal) {
      if (condition() || signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const finish = () => {
          waiters.delete(check);
          signal?.removeEventListener("abort", finish);
          resolve();
        };
        const check = () => {
          if (condition()) finish();
        };
        waiters.add(check);
        signal?.addEventListener("abort", finish, { once: true });
      });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      subscribers.clear();
    },
  };
}

/** An empty set; informers start as they are asked for and stop with the set. */
export function createInformerSet(options: InformerSetOptions): InformerSet {
  const informers = new Map<string, Informer<KubeObject>>();
  const idOf = (resource: Resource) => `${apiVersionOf(resource)}/${resource.plural}`;
  let disposed = false;
  return {
    informer<T extends KubeObject>(resource: Resource<T>): Informer<T> {
      const id = idOf(resource);
      let informer = informers.get(id);
      if (!informer) {
        if (disposed) throw new TypeError("informer set is disposed");
        const reduce = options.reduceOf?.(resource);
        informer = createInformer(resource, reduce ? { ...options, reduce } : options) as unknown as Informer<KubeObject>; // one map holds informers of all types; the id stands for T
        informers.set(id, informer);
      }
      return informer as unknown as Informer<T>; // as above
    },
    existing: <T extends KubeObject>(resource: Resource<T>) => informers.get(idOf(resource)) as unknown as Informer<T> | undefined, // as above
    async synced() {
      await Promise.all(Array.from(informers.values(), (informer) => informer.synced));
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      await Promise.all(Array.from(informers.values(), (informer) => informer[Symbol.asyncDispose]()));
    },
  };
}

function deepFreeze<V>(value: V): V {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const field of Object.values(value)) deepFreeze(field);
  }
  return value;
}
