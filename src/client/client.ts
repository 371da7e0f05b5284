// The typed client: what every component uses to talk to an API server. Created by createClient(transport).

import type { Key, KubeList, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { Transport } from "./transport.ts";

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ListCallOptions extends CallOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  /** Asks for metadata alone (PartialObjectMetadata); a server that cannot gives whole objects. */
  readonly metadataOnly?: boolean;
}

export interface WatchCallOptions extends CallOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Events after this version; absent: current objects as ADDED first. */
  readonly resourceVersion?: string;
  readonly allowWatchBookmarks?: boolean;
  /** With resourceVersion absent or "0": current objects as ADDED, then a bookmark annotated `k8s.io/initial-events-end`. */
  readonly sendInitialEvents?: boolean;
  /** As in ListCallOptions. */
  readonly metadataOnly?: boolean;
  readonly timeoutSeconds?: number;
}

export type WatchEvent<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  /** Only metadata.resourceVersion (and annotations) of the object are set. */
  | { readonly type: "BOOKMARK"; readonly object: KubeObject };

export interface DeleteCallOptions extends CallOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

export type PatchType = "json" | "merge" | "strategic" | "apply";

export interface WriteCallOptions extends CallOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
}

export interface PatchCallOptions extends WriteCallOptions {
  /** Default: merge. */
  readonly type?: PatchType;
  readonly subresource?: string;
  readonly force?: boolean;
}

/**
 * Reads and writes objects. All methods reject with ApiError (meta/errors.ts) for an answer that is not 2xx and with
 * the transport's error if there was none. Objects handed in are not changed; objects handed out are the caller's own.
 */
export interface Client {
  get<T extends KubeObject>(resource: Resource<T>, key: Key, options?: CallOptions): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListCallOptions): Promise<KubeList<T>>;
  /**
   * Events in order until the server ends the watch (the iterable then ends), or the signal aborts (it ends too).
   * An ERROR event (410 Expired, ...) rejects with its ApiError.
   */
  watch<T extends KubeObject>(resource: Resource<T>, options?: WatchCallOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteCallOptions): Promise<T>;
  /** Replaces; metadata.resourceVersion in the object makes it conditional. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteCallOptions): Promise<T>;
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteCallOptions): Promise<T>;
  patch<T extends KubeObject>(resource: Resource<T>, key: Key, patch: unknown, options?: PatchCallOptions): Promise<T>;
  /** Deletes. Resolves to the object (if it lives on with a deletionTimestamp) or the server's Status. */
  delete(resource: Resource, key: Key, options?: DeleteCallOptions): Promise<KubeObject>;
  deleteCollection(resource: Resource, options?: ListCallOptions & DeleteCallOptions): Promise<void>;
  /** POST to a subresource: `binding`, `eviction`, `token`, ... */
  createSubresource<T extends KubeObject>(
    resource: Resource,
    key: Key,
    subresource: string,
    object: T,
    options?: WriteCallOptions,
  ): Promise<T>;
  getSubresource<T extends KubeObject>(resource: Resource, key: Key, subresource: string, options?: CallOptions): Promise<T>;
  updateSubresource<T extends KubeObject>(
    resource: Resource,
    key: Key,
    subresource: string,
    object: T,
    options?: WriteCallOptions,
  ): Promise<T>;
  /** For what has no typed form: discovery, logs, /healthz. */
  readonly transport: Transport;
}
