// The API server as a value: built from a store, kinds and access control, it answers requests. It knows no kind by name.

import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { createMetricsRegistry } from "#lib/metrics.ts";
import type { KindDefinition } from "#meta/kind.ts";
import type { Store } from "#store/store.ts";
import type { Authenticator, Authorizer } from "./access.ts";
import { createAdmissionChain } from "./admission-chain.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { createNegotiator } from "./encoding/negotiate.ts";
import type { Allocator, ExtensionHandler, ServerExtension } from "./extension.ts";
import { createProtobufBodies } from "./encoding/protobuf-body.ts";
import type { OpenApiSource } from "./endpoints/openapi-endpoint.ts";
import { addProcessMetrics } from "./endpoints/metrics.ts";
import { createPaths } from "./endpoints/paths.ts";
import { createRequestMetrics } from "./endpoints/request-metrics.ts";
import { addStoredObjects, measuredStore } from "./endpoints/store-metrics.ts";
import type { Handler } from "./http.ts";
import { createKindCatalog, type KindCatalog } from "./kind-catalog.ts";
import { createFieldManagers } from "./objects/field-managers.ts";
import type { ServedKind } from "./objects/served-kind.ts";
import { createTimestamps, type WriteEnvironment } from "./objects/write-call.ts";
import { authenticate } from "./pipeline/authenticate.ts";
import { authorize, unionAuthorizer } from "./pipeline/authorize.ts";
import { deadline } from "./pipeline/deadline.ts";
import { dispatch } from "./pipeline/dispatch.ts";
import { ANONYMOUS, compose, type Exchange } from "./pipeline/exchange.ts";
import { identify } from "./pipeline/identify.ts";
import { impersonate } from "./pipeline/impersonate.ts";
import { measure } from "./pipeline/measure.ts";
import { recover } from "./pipeline/recover.ts";
import { createRegistry, type Registry } from "./registry.ts";
import type { RequestInfo } from "./request-info.ts";
import { uuid } from "./uuid.ts";
import type { VerbServer } from "./verbs/verb.ts";
import { createWatchTicker } from "./verbs/watch-ticker.ts";

export interface ApiServerOptions {
  readonly store: Store;
  readonly kinds: readonly KindDefinition[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Asked in order; the first that knows the user wins; none: system:anonymous. Built by a function since they may read stored objects. */
  readonly authenticators: (registry: Registry) => readonly Authenticator[] | Promise<readonly Authenticator[]>;
  /** Asked in order until one allows or denies. */
  readonly authorizers: (registry: Registry) => readonly Authorizer[] | Promise<readonly Authorizer[]>;
  /** Compiled-in plugins that come before those of extensions, in order. */
  readonly admission?: (registry: Registry) => readonly AdmissionPlugin[];
  readonly extensions?: readonly ServerExtension[];
  /** Reported by /version: gitVersion like `v1.36.4+kobune.0.1.0`. */
  readonly version: { readonly major: string; readonly minor: string; readonly gitVersion: string };
  /** Ready only when these resolve true: shown by /readyz?verbose by name. */
  readonly readiness?: Readonly<Record<string, () => boolean>>;
  /** Where /openapi has its types from; absent: it is not served. */
  readonly openApi?: OpenApiSource;
}

/** A running API server without sockets. listen() (listen.ts) puts it on the network; the in-process transport calls handler directly. */
export interface ApiServer extends AsyncDisposable {
  readonly handler: Handler;
  readonly registry: Registry;
  /** The kinds served, replaceable while the server runs. */
  readonly catalog: KindCatalog;
  /** Ends watches, waits for requests under way (at most graceMs), stops extensions. Does not close the store. */
  stop(graceMs?: number): Promise<void>;
}

const NOTHING: RequestInfo = {
  isResourceRequest: false,
  path: "",
  verb: "",
  apiGroup: "",
  apiVersion: "",
  namespace: "",
  resource: "",
  subresource: "",
  name: "",
  rest: [],
};

/** Starts extensions and gives a server that takes requests. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, log, random } = options;
  const metrics = createMetricsRegistry();
  const now = () => clock.now();
  const store = measuredStore(options.store, metrics, now);
  const catalog = createKindCatalog(options.kinds);
  const allocators = new Map<string, Allocator[]>();
  const handlers = new Map<string, ExtensionHandler>();
  const writes: WriteEnvironment = {
    store,
    clock,
    now: createTimestamps(clock),
    random,
    allocators: (kind) => allocators.get(nameOf(kind)) ?? NO_ALLOCATORS,
    fields: createFieldManagers(() => catalog.kinds),
  };
  const registry = createRegistry(writes, catalog);
  const authorizer = unionAuthorizer(await options.authorizers(registry));
  const authenticators = await options.authenticators(registry);
  const started = await Promise.all(
    (options.extensions ?? []).map((extension) => extension.start({ registry, authorizer, clock, log, random })),
  );
  for (const { handlers: added = [], allocators: taking = [] } of started) {
    for (const handler of added) handlers.set(`${resourceName(handler.resource)}/${handler.subresource}`, handler);
    for (const allocator of taking) {
      const name = resourceName(allocator.resource);
      allocators.set(name, [...(allocators.get(name) ?? []), allocator]);
    }
  }
  const plugins = [...(options.admission?.(registry) ?? []), ...started.flatMap((extension) => extension.admission ?? [])];
  const watches = createWatchTicker(clock);
  catalog.onChange(() =>
    watches.endUnserved((kind) => catalog.find(kind.resource.group, kind.resource.version, kind.resource.plural) === kind),
  );
  const server: VerbServer = {
    store,
    clock,
    log,
    random,
    writes,
    admission: createAdmissionChain(plugins),
    negotiate: createNegotiator(),
    watches,
    authorizer,
    protobuf: createProtobufBodies(catalog, options.openApi?.types),
  };
  let stopping: Promise<void> | undefined;
  const path = createPaths({
    server,
    catalog,
    metrics,
    version: options.version,
    readiness: options.readiness ?? {},
    isStopping: () => stopping !== undefined,
    openApi: options.openApi,
    extensions: new Map(started.flatMap((extension) => Object.entries(extension.paths ?? {}))),
  });
  const requests = createRequestMetrics(
    metrics,
    now,
    (info) => catalog.find(info.apiGroup, info.apiVersion, info.resource) !== undefined,
    (text) => path(text) !== undefined,
  );
  addStoredObjects(metrics, catalog, store);
  addProcessMetrics(metrics, options.version, clock.now());
  const run = compose(
    [
      recover(log, server),
      identify,
      measure(clock, requests, log),
      authenticate(authenticators),
      deadline(clock),
      impersonate(authorizer),
      authorize(authorizer),
    ],
    dispatch({
      server,
      catalog,
      extension: (kind, subresource) => handlers.get(`${nameOf(kind)}/${subresource}`),
      path,
    }),
  );
  for (const { afterStart } of started) {
    if (!afterStart) continue;
    afterStart().catch((error: unknown) => log.error("an extension failed after start", { error }));
  }
  let underWay = 0;
  let onIdle: (() => void) | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    watches.stop();
    if (underWay > 0 && graceMs > 0) {
      const idle = new Promise<void>((resolve) => {
        onIdle = resolve;
      });
      const timer = clock.after(graceMs, () => onIdle?.());
      await idle;
      timer.cancel();
    }
    await Promise.all(started.map((extension) => extension.stop?.()));
    registry[Symbol.dispose]();
  };
  return {
    registry,
    catalog,
    handler: async (request) => {
      const exchange: Exchange = { request, auditId: uuid(random), info: NOTHING, user: ANONYMOUS, warnings: [] };
      underWay++;
      try {
        return await run(exchange);
      } finally {
        underWay--;
        if (underWay === 0) onIdle?.();
      }
    },
    stop: (graceMs = 0) => (stopping ??= stop(graceMs)),
    [Symbol.asyncDispose]: () => (stopping ??= stop(0)),
  };
}

const NO_ALLOCATORS: readonly Allocator[] = [];

function resourceName(resource: { readonly group: string; readonly version: string; readonly plural: string }): string {
  return `${resource.group}/${resource.version}/${resource.plural}`;
}

function nameOf(kind: ServedKind): string {
  return resourceName(kind.resource);
}
