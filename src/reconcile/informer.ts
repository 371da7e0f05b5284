// (interfaces below; implementation to follow in this file)

import type { DeepReadonly, Key, KubeObject, LabelSelector } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

/** What changed. `before` is absent for an add, `after` for a delete. */
export interface Change<T> {
  readonly before?: DeepReadonly<T>;
  readonly after?: DeepReadonly<T>;
}

/** A cache of one kind, kept current by list and watch. Survives lost connections by listing again. */
export interface Informer<T extends KubeObject> extends AsyncDisposable {
  readonly resource: Resource<T>;
  /** Resolves once the first full list is cached and every subscriber has seen it. */
  readonly synced: Promise<void>;
  /** The revision the cache has reached, as a number; 0 before the first list. */
  readonly revision: number;
  get(key: Key): DeepReadonly<T> | undefined;
  /** In no particular order. `selector` undefined selects all; an empty selector too. */
  list(options?: { readonly namespace?: string; readonly selector?: DeepReadonly<LabelSelector> }): readonly DeepReadonly<T>[];
  /** Objects for which the index function (see addIndex) returned `value`. */
  byIndex(index: string, value: string): readonly DeepReadonly<T>[];
  /** Adds an index; before or after sync. The function must be pure. Same name twice: the first stays. */
  addIndex(name: string, values: (object: DeepReadonly<T>) => readonly string[]): void;
  /** Sends the current objects as adds (synchronously), then changes in order. The callback must not await; it enqueues keys. */
  subscribe(onChange: (change: Change<T>) => void): Disposable;
}

/** One informer per kind, shared by all loops of a component; started at first use. */
export interface InformerSet extends AsyncDisposable {
  informer<T extends KubeObject>(resource: Resource<T>): Informer<T>;
  /** Resolves when every informer asked for so far has synced. */
  synced(): Promise<void>;
}
