// The server's own door to stored objects, for access control, admission and kinds' server hooks. It bypasses
// authentication, authorization and admission, but not defaulting, validation, finalizers or optimistic concurrency.
// (createRegistry to follow)

import type { DeepReadonly, Key, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

/** A live, decoded, in-memory view of one kind. Filled at first use, kept current by a store watch. */
export interface Cache<T extends KubeObject> {
  get(key: Key): DeepReadonly<T> | undefined;
  list(namespace?: string): readonly DeepReadonly<T>[];
  /** Called after each change (and for each object there is at subscription). */
  subscribe(onChange: (change: { readonly before?: DeepReadonly<T>; readonly after?: DeepReadonly<T> }) => void): Disposable;
  /** Resolves when the view shows everything that was durable at the call. */
  readonly ready: Promise<void>;
}

export interface Registry {
  /** A fresh copy the caller may change; undefined if it does not exist. */
  get<T extends KubeObject>(resource: Resource<T>, key: Key): Promise<T | undefined>;
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<T[]>;
  /** Throws ApiError alreadyExists, invalid. */
  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  /**
   * Reads, lets `change` edit the copy (return false: leave it as it is), writes if still unchanged, and repeats on conflict. The change
   * sees and may set everything, status too. Throws notFound.
   */
  update<T extends KubeObject>(resource: Resource<T>, key: Key, change: (object: T) => boolean | void): Promise<T>;
  /** Deletes with finalizers and grace period honoured; no error if it does not exist. */
  delete(
    resource: Resource,
    key: Key,
    options?: { readonly gracePeriodSeconds?: number; readonly uid?: string; readonly resourceVersion?: string },
  ): Promise<void>;
  cache<T extends KubeObject>(resource: Resource<T>): Cache<T>;
}
