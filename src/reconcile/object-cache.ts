// The objects of one kind in memory, with indexes. Synchronous and passive: an informer fills it.

import type { DeepReadonly, Key, KubeObject, LabelSelector } from "#meta/object.ts";
import { keyOf } from "#meta/object.ts";
import { labelSelectorMatcher, type LabelMatcher } from "#meta/selectors.ts";
import type { Change } from "./informer.ts";

type IndexFunction<T> = (object: DeepReadonly<T>) => readonly string[];
type Objects<T> = Map<Key, DeepReadonly<T>>;

interface Index<T> {
  readonly values: IndexFunction<T>;
  readonly objects: Map<string, Objects<T>>;
}

/** All conditions that are given must hold. */
export interface CacheListOptions {
  readonly namespace?: string;
  readonly selector?: DeepReadonly<LabelSelector>;
  /** A selector that was compiled already. */
  readonly matcher?: LabelMatcher;
}

/** Objects by key. Changes are given back so that whoever fills the cache can pass them on. */
export interface ObjectCache<T extends KubeObject> {
  readonly size: number;
  get(key: Key): DeepReadonly<T> | undefined;
  list(options?: CacheListOptions): readonly DeepReadonly<T>[];
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
const LABELS = "labels";

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

  /** Moves an object between buckets, without touching those it stays in. */
  const move = (index: Index<T>, key: Key, before: DeepReadonly<T>, after: DeepReadonly<T>) => {
    const from = index.values(before);
    const to = index.values(after);
    if (from.length === to.length && from.every((value, at) => value === to[at])) {
      for (const value of to) index.objects.get(value)?.set(key, after);
      return;
    }
    leave(index, key, before);
    enter(index, key, after);
  };

  /** The fewest objects that are known to hold all those wanted. Most caches are never asked by namespace or label; the indexes exist once one is. */
  const candidates = (namespace: string | undefined, matcher: LabelMatcher | undefined): Iterable<DeepReadonly<T>> => {
    for (const { key, operator, values } of matcher?.requirements ?? []) {
      const value = values[0];
      if (values.length !== 1 || value === undefined || (operator !== "=" && operator !== "==" && operator !== "in")) continue;
      cache.addIndex(LABELS, ({ metadata }) => Object.entries(metadata?.labels ?? {}).map(labelValue));
      return (
        indexes
          .get(LABELS)
          ?.objects.get(labelValue([key, value]))
          ?.values() ?? []
      );
    }
    if (namespace === undefined) return objects.values();
    cache.addIndex(NAMESPACE, (object) => [object.metadata?.namespace ?? ""]);
    return indexes.get(NAMESPACE)?.objects.get(namespace)?.values() ?? [];
  };

  const cache: ObjectCache<T> = {
    get size() {
      return objects.size;
    },
    get: (key) => objects.get(key),
    values: () => objects.values(),

    list({ namespace, selector, matcher = selector && labelSelectorMatcher(selector) } = {}) {
      const source = candidates(namespace, matcher);
      if (matcher === undefined) return [...source];
      const found: DeepReadonly<T>[] = [];
      for (const object of source) {
        if (namespace !== undefined && (object.metadata?.namespace ?? "") !== namespace) continue;
        if (matcher.matches(object.metadata?.labels)) found.push(object);
      }
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
        if (before) move(index, key, before, object);
        else enter(index, key, object);
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

/** No label's name has this character. */
function labelValue([name, value]: readonly [string, string]): string {
  return `${name}=${value}`;
}

function sameVersion(a: DeepReadonly<KubeObject>, b: DeepReadonly<KubeObject>): boolean {
  return (
    a.metadata?.resourceVersion !== undefined &&
    a.metadata.resourceVersion === b.metadata?.resourceVersion &&
    a.metadata.uid === b.metadata.uid
  );
}
