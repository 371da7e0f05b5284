// The paths that are no resources: which step answers which, in one list.

import type { MetricsRegistry } from "#lib/metrics.ts";
import { jsonResponse } from "../encoding/status-response.ts";
import { createDiscovery } from "../discovery/discovery.ts";
import type { Handler } from "../http.ts";
import type { KindCatalog } from "../kind-catalog.ts";
import type { Step } from "../pipeline/exchange.ts";
import type { VerbServer } from "../verbs/verb.ts";
import { createHealth, type HealthMetrics } from "./health.ts";
import { answerMetrics } from "./metrics.ts";
import { createOpenApi, type OpenApiSource } from "./openapi-endpoint.ts";

export interface PathOptions {
  readonly server: VerbServer;
  readonly catalog: KindCatalog;
  readonly metrics: MetricsRegistry;
  readonly version: { readonly major: string; readonly minor: string; readonly gitVersion: string };
  readonly readiness: Readonly<Record<string, () => boolean>>;
  readonly isStopping: () => boolean;
  readonly openApi: OpenApiSource | undefined;
  /** What extensions answer, by exact path. */
  readonly extensions: ReadonlyMap<string, Handler>;
}

/** Finds who answers a path; undefined if nobody does. */
export function createPaths(options: PathOptions): (path: string) => Step | undefined {
  const { server, catalog, metrics, readiness, extensions, openApi } = options;
  const live = { ping: () => true, log: () => true, etcd: async () => (await server.store.get("/health")) === undefined };
  const ready = { ...live, ...readiness, shutdown: () => !options.isStopping() };
  const results: HealthMetrics = {
    last: metrics.gauge("kubernetes_healthcheck", "This metric records the result of a single healthcheck.", ["name", "type"]),
    total: metrics.counter("kubernetes_healthchecks_total", "This metric records the results of all healthcheck.", [
      "name",
      "status",
      "type",
    ]),
  };
  const exact = new Map<string, Step>([
    ["/version", () => jsonResponse(versionInfo(options.version))],
    ["/metrics", () => answerMetrics(metrics)],
  ]);
  for (const [path, handler] of extensions) exact.set(path, (exchange) => handler(exchange.request));
  const families = [
    createDiscovery(server, catalog),
    createHealth("livez", live, results),
    createHealth("readyz", ready, results),
    createHealth("healthz", live, results),
    ...(openApi ? [createOpenApi(catalog, openApi, options.version.gitVersion, server.clock)] : []),
  ];
  const listed = () => {
    const groups = catalog.groups.flatMap(({ group, versions }) =>
      group === ""
        ? ["/api", ...versions.map(({ version }) => `/api/${version}`)]
        : [`/apis/${group}`, ...versions.map(({ version }) => `/apis/${group}/${version}`)],
    );
    const health = [
      ...Object.keys(live).flatMap((name) => [`/livez/${name}`, `/healthz/${name}`]),
      ...Object.keys(ready).map((name) => `/readyz/${name}`),
    ];
    const documents = openApi ? ["/openapi/v2", "/openapi/v3"] : [];
    return [...groups, ...health, ...documents, ...exact.keys(), "/apis", "/livez", "/readyz", "/healthz"].toSorted();
  };
  const root: Step = () => jsonResponse({ paths: listed() });
  return (path) => {
    if (path === "/" || path === "") return root;
    const found = exact.get(path);
    if (found) return found;
    for (const family of families) {
      const step = family(path);
      if (step) return step;
    }
    return undefined;
  };
}

function versionInfo({ major, minor, gitVersion }: PathOptions["version"]) {
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Math.max(0, Number(minor) - 1)),
    gitVersion,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: `node ${process.version}`,
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
