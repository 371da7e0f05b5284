// Counts and times what the server asks of its store, by upstream's names for its storage.

import type { Histogram, MetricsRegistry, Value } from "#lib/metrics.ts";
import { type Store, StoreError } from "#store/store.ts";
import type { KindCatalog } from "../kind-catalog.ts";

/** Upstream's, in seconds. */
const BOUNDS: readonly number[] = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const LABELS = ["operation", "group", "resource"] as const;

interface Operation {
  readonly total: Value;
  readonly seconds: Histogram;
}

/** The store with its writes and lists counted. Gets are answered from memory in a microsecond: they are not. */
export function measuredStore(store: Store, metrics: MetricsRegistry, nowMs: () => number): Store {
  const total = metrics.counter("etcd_requests_total", "Storage requests by operation.", LABELS);
  const errors = metrics.counter("etcd_request_errors_total", "Failed storage requests by operation; conflicts are none.", LABELS);
  const seconds = metrics.histogram("etcd_request_duration_seconds", "Storage request latency in seconds.", BOUNDS, LABELS);
  const known = new Map<string, Operation>();
  const operationOf = (operation: string, key: string): Operation => {
    const prefix = collectionOf(key);
    const name = `${operation} ${prefix}`;
    let found = known.get(name);
    if (!found) {
      const [group, resource] = labelsOf(prefix);
      found = { total: total.with(operation, group, resource), seconds: seconds.with(operation, group, resource) };
      known.set(name, found);
    }
    return found;
  };
  const timed = <T>(operation: string, key: string, run: () => Promise<T>): Promise<T> => {
    const { total: counter, seconds: histogram } = operationOf(operation, key);
    const began = nowMs();
    counter.add();
    return run().then(
      (result) => {
        histogram.observe((nowMs() - began) / 1000);
        return result;
      },
      (error: unknown) => {
        histogram.observe((nowMs() - began) / 1000);
        if (!(error instanceof StoreError && error.code === "conflict")) errors.with(operation, ...labelsOf(collectionOf(key))).add();
        throw error;
      },
    );
  };
  return {
    get revision() {
      return store.revision;
    },
    get compactedRevision() {
      return store.compactedRevision;
    },
    get: (key) => store.get(key),
    list(prefix, options) {
      operationOf("list", prefix).total.add();
      return store.list(prefix, options);
    },
    count: (prefix) => store.count(prefix),
    put: (key, value, expected) => timed(expected === 0 ? "create" : "update", key, () => store.put(key, value, expected)),
    delete: (key, expected) => timed("delete", key, () => store.delete(key, expected)),
    watch: (prefix, options) => store.watch(prefix, options),
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
  };
}

/** `/registry/GROUP/RESOURCE` of a key: two parts after the root tell every collection apart. */
function collectionOf(key: string): string {
  const first = key.indexOf("/", 10);
  if (first < 0) return key;
  const second = key.indexOf("/", first + 1);
  return second < 0 ? key : key.slice(0, second);
}

function labelsOf(collection: string): [group: string, resource: string] {
  const [, , group = "", resource = ""] = collection.split("/");
  return [group, resource];
}

/** How many objects there are of each resource, and how much room they take. */
export function addStoredObjects(metrics: MetricsRegistry, catalog: KindCatalog, store: Store): void {
  metrics.read("gauge", "apiserver_resource_objects", "Number of stored objects by resource.", ["group", "resource"], async () => {
    const counts = new Map<string, readonly [readonly string[], number]>();
    for (const { definition, resource, prefix } of catalog.kinds) {
      if (!definition.virtual) counts.set(prefix, [[resource.group, resource.plural], await store.count(prefix)]);
    }
    return counts.values();
  });
  metrics.read("gauge", "apiserver_storage_objects", "Number of stored objects by resource.", ["resource"], async () => {
    const counts = new Map<string, readonly [readonly string[], number]>();
    for (const { definition, resource, prefix } of catalog.kinds) {
      const name = resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
      if (!definition.virtual) counts.set(prefix, [[name], await store.count(prefix)]);
    }
    return counts.values();
  });
}
