// The objects of one kind in memory, with indexes. Synchronous and passive: an informer fills it.

import type { DeepReadonly, Key, KubeObject, LabelSelector } from "#meta/object.ts";
import { keyOf } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import type { Change } from "./informer.ts";

type IndexFunction<T> = (object: DeepReadonly<T>) => readonly string[];
type Objects<T> = Map<Key, DeepReadonly<T>>;

interface Index<T> {
  readonly values: IndexFunction<T>;
  readonly objects: Map<string, Objects<T>>;
}

/** Objects by key. Changes are given back so that whoever fills the cache can pass them on. */
export interface ObjectCache<T extends KubeObject> {
  readonly size: number;
  get(key: Key): DeepReadonly<T> | undefined;
  list(options?: { readonly namespace?: string; readonly selector?: DeepReadonly<LabelSelector> }): readonly DeepReadonly<T>[];
  byIndex(index: string, value: string): readonly DeepReadonly<T>[];
  addIndex(name: string, values: IndexFunction<T>): void;
  /** All objects, in no particular order. */
  values(): Iterable<DeepReadonly<T>>;
  /** Puts an object in, or over the one with its key. */
  set(object: DeepReadonly<T>): Change<T>;
  /** Takes out the object with this one's key; undefined if there is none. */
  remove(object: DeepReadonly<KubeObject>): Change<T> | undefined;
  /** Makes the cache hold exactly `objects`; gives the changes this took. */
  replace(objects: readonly DeepReadonly<T>[]): Change<T>[];
}

const NAMESPACE = "namespace";

export function createObjectCache<T extends KubeObject>(): ObjectCache<T> {
  const objects: Objects<T> = new Map();
  const indexes = new Map<string, Index<T>>();

  const enter = (index: Index<T>, key: Key, object: DeepReadonly<T>) => {
    for (const value of index.values(object)) {
      const bucket = index.objects.get(value);
      if (bucket) bucket.set(key, object);
      else index.objects.set(value, new Map([[key, object]]));
    }
  };
  const leave = (index: Index<T>, key: Key, object: DeepReadonly<T>) => {
    for (const value of index.values(object)) {
      const bucket = index.objects.get(value);
      if (bucket?.delete(key) && bucket.size === 0) index.objects.delete(value);
    }
  };

  const cache: ObjectCache<T> = {
    get size() {
      return objects.size;
    },
    get: (key) => objects.get(key),
    values: () => objects.values(),

    list({ namespace, selector } = {}) {
      let source: Iterable<DeepReadonly<T>>;
      if (namespace === undefined) source = objects.values();
      else {
        // Most caches are never asked by namespace; the index exists once one is.
        cache.addIndex(NAMESPACE, (object) => [object.metadata?.namespace ?? ""]);
        source = indexes.get(NAMESPACE)?.objects.get(namespace)?.values() ?? [];
      }
      if (selector === undefined) return [...source];
      const matcher = labelSelectorMatcher(selector);
      const found: DeepReadonly<T>[] = [];
      for (const object of source) if (matcher.matches(object.metadata?.labels)) found.push(object);
      return found;
    },

    byIndex(name, value) {
      const index = indexes.get(name);
      if (!index) throw new RangeError(`no index named ${name}`);
      return [...(index.objects.get(value)?.values() ?? [])];
    },

    addIndex(name, values) {
      if (indexes.has(name)) return;
      const index: Index<T> = { values, objects: new Map() };
      indexes.set(name, index);
      for (const [key, object] of objects) enter(index, key, object);
    },

    set(object) {
      const key = keyOf(object);
      const before = objects.get(key);
      objects.set(key, object);
      for (const index of indexes.values()) {
        if (before) leave(index, key, before);
        enter(index, key, object);
      }
      return before ? { before, after: object } : { after: object };
    },

    remove(object) {
      const key = keyOf(object);
      const before = objects.get(key);
      if (!before) return undefined;
      objects.delete(key);
      for (const index of indexes.values()) leave(index, key, before);
      return { before };
    },

    replace(next) {
      const changes: Change<T>[] = [];
      const kept = new Set<Key>();
      for (const object of next) kept.add(keyOf(object));
      for (const [key, object] of objects) {
        const change = kept.has(key) ? undefined : cache.remove(object);
        if (change) changes.push(change);
      }
      for (const object of next) {
        const before = objects.get(keyOf(object));
        if (before && sameVersion(before, object)) continue;
        changes.push(cache.set(object));
      }
      return changes;
    },
  };
  return cache;
}

function sameVersion(a: DeepReadonly<KubeObject>, b: DeepReadonly<KubeObject>): boolean {
  return (
    a.metadata?.resourceVersion !== undefined &&
    a.metadata.resourceVersion === b.metadata?.resourceVersion &&
    a.metadata.uid === b.metadata.uid
  );
}
