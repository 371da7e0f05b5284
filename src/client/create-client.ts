// The client over a transport: builds paths and queries, encodes, decodes, and turns failures into ApiErrors.

import { keyOf, splitKey, type Key, type KubeList, type KubeObject } from "#meta/object.ts";
import { apiVersionOf, resourcePath, type Resource } from "#meta/resource.ts";
import { errorOf, readBody, watchBatches } from "./body.ts";
import type {
  CallOptions,
  Client,
  DeleteCallOptions,
  ListCallOptions,
  PatchCallOptions,
  PatchType,
  WatchCallOptions,
  WatchEvent,
  WriteCallOptions,
} from "./client.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

const ACCEPT = { accept: "application/json" } as const;
const ACCEPT_METADATA_LIST = { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json" } as const;
const ACCEPT_METADATA = { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json" } as const;
const SEND = { accept: "application/json", "content-type": "application/json" } as const;

export interface CreateClientOptions {
  /** Sent as fieldManager with writes that name none. */
  readonly fieldManager?: string;
}

/** A client that sends everything through `transport`. Holds no state and no connection of its own. */
export function createClient(transport: Transport, clientOptions: CreateClientOptions = {}): Client {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();

  async function send(request: TransportRequest): Promise<TransportResponse> {
    const response = await transport(request);
    if (response.status >= 200 && response.status < 300) return response;
    throw await errorOf(request, response);
  }

  async function call<R>(request: TransportRequest): Promise<R> {
    const response = await send(request);
    const bytes = response.body instanceof Uint8Array ? response.body : await readBody(response.body);
    // The server answers with the type that was asked for; nothing here could check it against an erased T.
    return JSON.parse(decoder.decode(bytes)) as R;
  }

  const pathOf = (resource: Resource, key: Key, subresource?: string) => {
    const { namespace, name } = splitKey(key);
    return resourcePath(resource, { namespace, name, subresource });
  };

  const write = <R>(
    method: "POST" | "PUT",
    path: string,
    resource: Resource | undefined,
    object: KubeObject,
    options: WriteCallOptions = {},
  ): Promise<R> =>
    call<R>({
      method,
      path,
      ...queryOf(writeQuery(options, clientOptions)),
      headers: SEND,
      body: encoder.encode(JSON.stringify(resource ? typed(resource, object) : object)),
      ...signalOf(options),
    });

  return {
    transport,

    get: (resource, key, options = {}) => call({ method: "GET", path: pathOf(resource, key), headers: ACCEPT, ...signalOf(options) }),

    list: <T extends KubeObject>(resource: Resource<T>, options: ListCallOptions = {}) =>
      call<KubeList<T>>({
        method: "GET",
        path: resourcePath(resource, { namespace: options.namespace }),
        ...queryOf(listQuery(options)),
        headers: options.metadataOnly ? ACCEPT_METADATA_LIST : ACCEPT,
        ...signalOf(options),
      }),

    async *watch<T extends KubeObject>(resource: Resource<T>, options: WatchCallOptions = {}): AsyncGenerator<WatchEvent<T>> {
      // The request is also aborted when the consumer leaves its loop early, or the server would go on sending.
      const left = new AbortController();
      const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
      try {
        const response = await send({
          method: "GET",
          path: resourcePath(resource, { namespace: options.namespace }),
          ...queryOf(watchQuery(options)),
          headers: options.metadataOnly ? ACCEPT_METADATA : ACCEPT,
          signal,
        });
        for await (const batch of watchBatches<T>(response.body)) {
          if (options.signal?.aborted) return;
          yield* batch;
        }
      } catch (error) {
        if (options.signal?.aborted) return;
        throw error;
      } finally {
        left.abort();
      }
    },

    create: (resource, object, options) =>
      write("POST", resourcePath(resource, { namespace: object.metadata?.namespace }), resource, object, options),
    update: (resource, object, options) => write("PUT", pathOf(resource, keyOf(object)), resource, object, options),
    updateStatus: (resource, object, options) => write("PUT", pathOf(resource, keyOf(object), "status"), resource, object, options),

    patch: (resource, key, patch, options: PatchCallOptions = {}) => {
      const query = writeQuery(options, clientOptions);
      if (options.force !== undefined) query.set("force", String(options.force));
      return call({
        method: "PATCH",
        path: pathOf(resource, key, options.subresource),
        ...queryOf(query),
        headers: { ...ACCEPT, "content-type": PATCH_TYPES[options.type ?? "merge"] },
        body: encoder.encode(JSON.stringify(patch)),
        ...signalOf(options),
      });
    },

    delete: (resource, key, options = {}) =>
      call<KubeObject>({
        method: "DELETE",
        path: pathOf(resource, key),
        headers: SEND,
        body: encoder.encode(JSON.stringify(deleteOptions(options))),
        ...signalOf(options),
      }),

    async deleteCollection(resource, options = {}) {
      const response = await send({
        method: "DELETE",
        path: resourcePath(resource, { namespace: options.namespace }),
        ...queryOf(listQuery(options)),
        headers: SEND,
        body: encoder.encode(JSON.stringify(deleteOptions(options))),
        ...signalOf(options),
      });
      await readBody(response.body);
    },

    createSubresource: (resource, key, subresource, object, options) =>
      write("POST", pathOf(resource, key, subresource), undefined, object, options),
    getSubresource: (resource, key, subresource, options = {}) =>
      call({ method: "GET", path: pathOf(resource, key, subresource), headers: ACCEPT, ...signalOf(options) }),
    updateSubresource: (resource, key, subresource, object, options) =>
      write("PUT", pathOf(resource, key, subresource), undefined, object, options),
  };
}

/** Items of lists carry no apiVersion and kind; a body must. */
function typed(resource: Resource, object: KubeObject): KubeObject {
  if (object.apiVersion !== undefined && object.kind !== undefined) return object;
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function signalOf(options: CallOptions): { readonly signal?: AbortSignal } {
  return options.signal ? { signal: options.signal } : {};
}

function queryOf(query: URLSearchParams): { readonly query?: URLSearchParams } {
  return query.size > 0 ? { query } : {};
}

function writeQuery(options: WriteCallOptions, defaults: CreateClientOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.dryRun) query.set("dryRun", "All");
  const manager = options.fieldManager ?? defaults.fieldManager;
  if (manager !== undefined) query.set("fieldManager", manager);
  return query;
}

function listQuery(options: ListCallOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.labelSelector) query.set("labelSelector", options.labelSelector);
  if (options.fieldSelector) query.set("fieldSelector", options.fieldSelector);
  if (options.limit !== undefined) query.set("limit", String(options.limit));
  if (options.continue) query.set("continue", options.continue);
  if (options.resourceVersion !== undefined) query.set("resourceVersion", options.resourceVersion);
  return query;
}

function watchQuery(options: WatchCallOptions): URLSearchParams {
  const query = new URLSearchParams({ watch: "true" });
  if (options.labelSelector) query.set("labelSelector", options.labelSelector);
  if (options.fieldSelector) query.set("fieldSelector", options.fieldSelector);
  if (options.resourceVersion !== undefined) query.set("resourceVersion", options.resourceVersion);
  if (options.allowWatchBookmarks) query.set("allowWatchBookmarks", "true");
  if (options.sendInitialEvents) {
    query.set("sendInitialEvents", "true");
    query.set("resourceVersionMatch", "NotOlderThan");
  }
  if (options.timeoutSeconds !== undefined) query.set("timeoutSeconds", String(options.timeoutSeconds));
  return query;
}

function deleteOptions(options: DeleteCallOptions): Record<string, unknown> {
  return {
    kind: "DeleteOptions",
    apiVersion: "v1",
    ...(options.gracePeriodSeconds !== undefined ? { gracePeriodSeconds: options.gracePeriodSeconds } : {}),
    ...(options.propagationPolicy ? { propagationPolicy: options.propagationPolicy } : {}),
    ...(options.preconditions ? { preconditions: options.preconditions } : {}),
    ...(options.dryRun ? { dryRun: ["All"] } : {}),
  };
}
