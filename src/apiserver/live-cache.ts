// A live decoded view of one kind: listed once, then kept current by a store watch.

import type { DeepReadonly, Key, KubeObject } from "#meta/object.ts";
import type { Store, StoreEvent } from "#store/store.ts";
import type { ServedKind } from "./objects/served-kind.ts";
import type { Cache } from "./registry.ts";

type Change = Parameters<Parameters<Cache<KubeObject>["subscribe"]>[0]>[0];

export interface LiveCache extends Cache<KubeObject>, Disposable {}

/** Starts at once. It follows the store until disposed; if the store ends its watch behind a compaction, it reads anew. */
export function createLiveCache(store: Store, kind: ServedKind): LiveCache {
  const { forms, prefix } = kind;
  const objects = new Map<Key, DeepReadonly<KubeObject>>();
  const byNamespace = new Map<string, Map<Key, DeepReadonly<KubeObject>>>();
  const listeners = new Set<(change: Change) => void>();
  let watching: Disposable | undefined;
  let disposed = false;

  const keyOf = (storeKey: string): Key => {
    const path = storeKey.slice(prefix.length);
    return kind.resource.namespaced ? path : `/${path}`;
  };
  const set = (key: Key, after: DeepReadonly<KubeObject> | undefined) => {
    const before = objects.get(key);
    const namespace = key.slice(0, key.indexOf("/"));
    if (after) {
      objects.set(key, after);
      let group = byNamespace.get(namespace);
      if (!group) byNamespace.set(namespace, (group = new Map()));
      group.set(key, after);
    } else {
      objects.delete(key);
      const group = byNamespace.get(namespace);
      if (group?.delete(key) && group.size === 0) byNamespace.delete(namespace);
    }
    if (!before && !after) return;
    for (const listener of listeners) listener({ ...(before ? { before } : {}), ...(after ? { after } : {}) });
  };
  const onEvents = (events: readonly StoreEvent[]) => {
    for (const event of events) set(keyOf(event.key), event.after && forms.decoded(event.after));
  };
  const fill = (listed: Awaited<ReturnType<Store["list"]>>) => {
    if (disposed) return;
    const seen = new Set<Key>();
    for (const entry of listed.entries) {
      const key = keyOf(entry.key);
      seen.add(key);
      const object = forms.decoded(entry);
      if (objects.get(key) !== object) set(key, object);
    }
    for (const key of Array.from(objects.keys())) if (!seen.has(key)) set(key, undefined);
    watching = store.watch(prefix, { after: listed.revision, onEvents, onEnd: (error) => void (error.code === "compacted" && start()) });
  };
  const start = (): Promise<void> => {
    const listed = store.list(prefix);
    if (listed instanceof Promise) return listed.then(fill);
    fill(listed);
    return Promise.resolve();
  };
  const ready = start();
  return {
    ready,
    get: (key) => objects.get(key),
    list: (namespace) => [...(namespace ? (byNamespace.get(namespace)?.values() ?? []) : objects.values())],
    subscribe(onChange) {
      listeners.add(onChange);
      for (const after of objects.values()) onChange({ after });
      return { [Symbol.dispose]: () => void listeners.delete(onChange) };
    },
    [Symbol.dispose]() {
      disposed = true;
      watching?.[Symbol.dispose]();
      listeners.clear();
    },
  };
}
