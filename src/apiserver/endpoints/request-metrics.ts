// Counts requests by upstream's metric names and labels. Labels are only ever names of served kinds and known paths, so that their number is bounded.

import type { Histogram, MetricsRegistry, Value } from "#lib/metrics.ts";
import type { ApiResponse } from "../http.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { RequestInfo } from "../request-info.ts";

const DURATION_BOUNDS: readonly number[] = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const SLI_BOUNDS: readonly number[] = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const SIZE_BOUNDS: readonly number[] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const EVENT_SIZE_BOUNDS: readonly number[] = [1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072];
const CONNECT: ReadonlySet<string> = new Set(["log", "exec", "proxy", "attach", "portforward"]);
const METHODS: ReadonlySet<string> = new Set(["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
const LABELS = ["verb", "group", "version", "resource", "subresource", "scope", "component"] as const;

/** One combination of labels, with the families' series at hand. */
interface Series {
  readonly labels: readonly string[];
  readonly dryRun: string;
  readonly codes: Map<number, Value>;
  readonly duration: Histogram;
  /** Absent for what upstream's latency objective leaves out: watches and connections. */
  readonly sli: Histogram | undefined;
  /** Only of reads. */
  readonly size: Histogram | undefined;
}

export interface RequestMetrics {
  /** Call when a request arrives; hand the result to one of the others, once. */
  begin(exchange: Exchange, longRunning: boolean): Inflight;
  /** Counts what was answered, or for a stream what is now under way until it ends. */
  answered(inflight: Inflight, exchange: Exchange, response: ApiResponse, now: () => number): ApiResponse;
  failed(inflight: Inflight, exchange: Exchange, code: number, now: number): void;
}

export interface Inflight {
  readonly beganMs: number;
  readonly kind: Value | undefined;
}

export function createRequestMetrics(
  metrics: MetricsRegistry,
  now: () => number,
  isServed: (info: RequestInfo) => boolean,
  isPath: (path: string) => boolean,
): RequestMetrics {
  const withDryRun = ["verb", "dry_run", ...LABELS.slice(1)];
  const total = metrics.counter(
    "apiserver_request_total",
    "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
    [...withDryRun, "code"],
  );
  const duration = metrics.histogram(
    "apiserver_request_duration_seconds",
    "Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.",
    DURATION_BOUNDS,
    withDryRun,
  );
  const sli = metrics.histogram(
    "apiserver_request_sli_duration_seconds",
    "Response latency distribution in seconds, without watches and connections.",
    SLI_BOUNDS,
    LABELS,
  );
  const sizes = metrics.histogram("apiserver_response_sizes", "Response size distribution in bytes of reads.", SIZE_BOUNDS, LABELS);
  const running = metrics.gauge("apiserver_longrunning_requests", "Gauge of all active long-running apiserver requests.", LABELS);
  const inflight = metrics.gauge("apiserver_current_inflight_requests", "Requests being served now, by kind.", ["request_kind"]);
  const terminated = metrics.counter(
    "apiserver_request_terminations_total",
    "Number of requests which apiserver terminated in self-defense.",
    [...LABELS, "code"],
  );
  const eventCount = metrics.counter("apiserver_watch_events_total", "Number of events sent in watch clients.", [
    "group",
    "version",
    "resource",
  ]);
  const eventSizes = metrics.histogram("apiserver_watch_events_sizes", "Watch event size distribution in bytes.", EVENT_SIZE_BOUNDS, [
    "group",
    "version",
    "resource",
  ]);
  const readOnly = inflight.with("readOnly");
  const mutating = inflight.with("mutating");
  readOnly.set(0);
  mutating.set(0);

  const all = new Map<string, Series>();
  const seriesOf = (exchange: Exchange): Series => {
    const { info, request } = exchange;
    const verb = verbOf(exchange);
    const dryRun = request.method === "GET" ? "" : dryRunOf(request.query);
    const scope = scopeOf(info);
    const key = `${verb} ${dryRun} ${scope} ${info.apiGroup}/${info.apiVersion}/${info.resource}/${info.subresource} ${info.isResourceRequest ? "" : info.path}`;
    const found = all.get(key);
    if (found) return found;
    const known = info.isResourceRequest ? isServed(info) : isPath(info.path);
    const labels = !known
      ? [verb, "", "", "", "", "", "apiserver"]
      : info.isResourceRequest
        ? [verb, info.apiGroup, info.apiVersion, info.resource, info.subresource, scope, "apiserver"]
        : [verb, "", "", "", info.path, "", "apiserver"];
    const name = known ? key : `unknown ${verb} ${dryRun}`;
    const unknown = all.get(name);
    if (unknown) return unknown;
    const [first = "", ...rest] = labels;
    const series: Series = {
      labels,
      dryRun,
      codes: new Map(),
      duration: duration.with(first, dryRun, ...rest),
      sli: verb === "WATCH" || verb === "CONNECT" ? undefined : sli.with(...labels),
      size: verb === "GET" || verb === "LIST" ? sizes.with(...labels) : undefined,
    };
    all.set(name, series);
    return series;
  };
  const count = (series: Series, code: number, ms: number): void => {
    let value = series.codes.get(code);
    if (!value) {
      const [verb = "", ...rest] = series.labels;
      value = total.with(verb, series.dryRun, ...rest, String(code));
      series.codes.set(code, value);
    }
    value.add();
    series.duration.observe(ms / 1000);
    series.sli?.observe(ms / 1000);
  };
  return {
    begin({ request }, longRunning) {
      const kind = longRunning ? undefined : request.method === "GET" || request.method === "HEAD" ? readOnly : mutating;
      kind?.add(1);
      return { beganMs: now(), kind };
    },
    answered({ beganMs, kind }, exchange, response) {
      kind?.add(-1);
      const series = seriesOf(exchange);
      const { push, body, status } = response;
      if (!push) {
        count(series, status, now() - beganMs);
        if (body instanceof Uint8Array) series.size?.observe(body.length);
        return response;
      }
      const { apiGroup, apiVersion, resource } = exchange.info;
      const gauge = running.with(...series.labels);
      const sent = eventCount.with(apiGroup, apiVersion, resource);
      const sentSizes = eventSizes.with(apiGroup, apiVersion, resource);
      return {
        ...response,
        push(sink) {
          gauge.add(1);
          const stop = push({
            // A chunk is as many events as became durable together.
            write(chunk) {
              sent.add();
              sentSizes.observe(chunk.length);
              return sink.write(chunk);
            },
            end: () => sink.end(),
          });
          let open = true;
          return () => {
            if (open) {
              gauge.add(-1);
              count(series, status, now() - beganMs);
            }
            open = false;
            stop();
          };
        },
      };
    },
    failed({ beganMs, kind }, exchange, code, nowMs) {
      kind?.add(-1);
      const series = seriesOf(exchange);
      count(series, code, nowMs - beganMs);
      if (code === 429 || code === 504) terminated.with(...series.labels, String(code)).add();
    },
  };
}

/** Upstream's words: methods, but LIST, WATCH, APPLY and CONNECT by name. */
function verbOf({ info, request }: Exchange): string {
  if (CONNECT.has(info.subresource)) return "CONNECT";
  if (info.verb === "watch") return "WATCH";
  if (info.verb === "list") return "LIST";
  const { method } = request;
  if (method === "PATCH" && request.headers["content-type"]?.startsWith("application/apply-patch")) return "APPLY";
  return METHODS.has(method) ? method : "other";
}

function scopeOf({ isResourceRequest, name, verb, namespace }: RequestInfo): string {
  if (!isResourceRequest) return "";
  if (name !== "" || verb === "create") return "resource";
  return namespace === "" ? "cluster" : "namespace";
}

function dryRunOf(query: URLSearchParams): string {
  const values = query.getAll("dryRun");
  if (values.length === 0) return "";
  return values.every((value) => value === "All") ? "All" : "invalid";
}
