// The server's own door to stored objects, for access control, admission and kinds' server hooks. It bypasses
// authentication, authorization and admission, but not defaulting, validation, finalizers or optimistic concurrency.

import { clone } from "#lib/clone.ts";
import { isNotFound } from "#meta/errors.ts";
import { splitKey, type DeepReadonly, type Key, type KubeObject } from "#meta/object.ts";
import { apiVersionOf, groupResource, type Resource } from "#meta/resource.ts";
import type { KindCatalog } from "./kind-catalog.ts";
import { createLiveCache, type LiveCache } from "./live-cache.ts";
import { createObject } from "./objects/create-object.ts";
import { deleteObject } from "./objects/delete-object.ts";
import { storeKey, storePrefix, type ServedKind } from "./objects/served-kind.ts";
import { updateObject } from "./objects/update-object.ts";
import type { WriteCall, WriteEnvironment } from "./objects/write-call.ts";

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
   * sees and may set everything, status too. Throws notFound. Hooks are told `subresource`, whose rules may differ; a dry run stores nothing.
   */
  update<T extends KubeObject>(
    resource: Resource<T>,
    key: Key,
    change: (object: T) => boolean | void,
    options?: { readonly subresource?: string; readonly dryRun?: boolean },
  ): Promise<T>;
  /** Deletes with finalizers and grace period honoured; no error if it does not exist. */
  delete(
    resource: Resource,
    key: Key,
    options?: { readonly gracePeriodSeconds?: number; readonly uid?: string; readonly resourceVersion?: string },
  ): Promise<void>;
  cache<T extends KubeObject>(resource: Resource<T>): Cache<T>;
}

/** The server itself, in hooks that want to know who writes. */
const SERVER_CALL: WriteCall = {
  user: { name: "system:apiserver", groups: ["system:masters", "system:authenticated"] },
  dryRun: false,
  subresource: "*",
  admission: undefined,
  warn() {},
  manager: undefined,
};

/** Disposing stops the caches. */
export function createRegistry(environment: WriteEnvironment, catalog: KindCatalog): Registry & Disposable {
  const caches = new Map<ServedKind, LiveCache>();
  const kindOf = (resource: Resource): ServedKind => {
    const kind = catalog.find(resource.group, resource.version, resource.plural);
    if (!kind) throw new TypeError(`no such kind is served: ${groupResource(resource)} in version ${resource.version}`);
    return kind;
  };
  return {
    async get<T extends KubeObject>(resource: Resource<T>, key: Key): Promise<T | undefined> {
      const kind = kindOf(resource);
      const { namespace, name } = splitKey(key);
      const entry = await environment.store.get(storeKey(kind, namespace, name));
      return entry && (kind.forms.fresh(entry) as T); // what is stored under a kind is of that kind
    },
    async list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<T[]> {
      const kind = kindOf(resource);
      const { entries } = await environment.store.list(storePrefix(kind, namespace ?? ""));
      return entries.map((entry) => kind.forms.fresh(entry) as T); // likewise
    },
    async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
      const kind = kindOf(resource);
      const copy: KubeObject = { ...(clone(object) as KubeObject), kind: resource.kind, apiVersion: apiVersionOf(resource) };
      const { entry } = await createObject(environment, kind, copy, object.metadata?.namespace ?? "", SERVER_CALL);
      return kind.forms.fresh(entry) as T; // likewise
    },
    async update<T extends KubeObject>(
      resource: Resource<T>,
      key: Key,
      change: (object: T) => boolean | void,
      { subresource = "*", dryRun = false }: { readonly subresource?: string; readonly dryRun?: boolean } = {},
    ): Promise<T> {
      const kind = kindOf(resource);
      const { namespace, name } = splitKey(key);
      const edit = (current: DeepReadonly<KubeObject>): KubeObject | undefined => {
        const next = clone(current) as T; // clone drops the read-only marks; what is stored under a kind is of that kind
        if (change(next) === false) return undefined;
        return next;
      };
      const { entry } = await updateObject(environment, kind, { namespace, name, change: edit }, { ...SERVER_CALL, subresource, dryRun });
      return kind.forms.fresh(entry) as T; // likewise
    },
    async delete(resource, key, options = {}) {
      const { gracePeriodSeconds, uid, resourceVersion } = options;
      const preconditions = { ...(uid !== undefined ? { uid } : {}), ...(resourceVersion !== undefined ? { resourceVersion } : {}) };
      const deleteOptions = { ...(gracePeriodSeconds !== undefined ? { gracePeriodSeconds } : {}), preconditions };
      try {
        await deleteObject(environment, kindOf(resource), { ...splitKey(key), options: deleteOptions }, SERVER_CALL);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
    cache<T extends KubeObject>(resource: Resource<T>): Cache<T> {
      const kind = kindOf(resource);
      let cache = caches.get(kind);
      if (!cache) caches.set(kind, (cache = createLiveCache(environment.store, kind)));
      return cache as unknown as Cache<T>; // a view of what is stored under the kind: objects of that kind
    },
    [Symbol.dispose]() {
      for (const cache of caches.values()) cache[Symbol.dispose]();
      caches.clear();
    },
  };
}
