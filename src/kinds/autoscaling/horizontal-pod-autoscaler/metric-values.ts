// Asks the metrics APIs, in the words and with the refusals of upstream's clients.

import type { ObjectReference } from "#kinds/api/core-v1.gen.ts";
import type { CrossVersionObjectReference } from "#kinds/api/autoscaling-v2.gen.ts";
import { parseGoDuration } from "#lib/go-duration.ts";
import { isApiError } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { milliValue } from "#meta/quantity.ts";
import { parseApiVersion } from "#meta/resource.ts";
import type { PodMetric, PodMetrics } from "./replicas.ts";

/** GET of a path with a query; rejects with ApiError. */
export type ReadPath = (path: string, query?: Readonly<Record<string, string>>) => Promise<unknown>;

/** What serves a kind: `deployments.apps`. Rejects if nothing does. */
export type ResourceOfKind = (group: string, kind: string) => Promise<string>;

/** Amounts are in thousandths of the metric's unit. All reject with an error whose message is upstream's. */
export interface MetricValues {
  /** Of the pods that have the metric, or of one container of each. */
  ofPodResource(namespace: string, selector: string, resource: string, container: string | undefined): Promise<PodMetrics>;
  ofPods(namespace: string, selector: string, metric: Metric): Promise<PodMetrics>;
  ofObject(namespace: string, object: DeepReadonly<CrossVersionObjectReference>, metric: Metric): Promise<number>;
  /** The sum of all values that the selector takes. */
  external(namespace: string, metric: Metric): Promise<number>;
}

export interface Metric {
  readonly name: string;
  /** As text; "" takes all. */
  readonly selector: string;
}

interface PodUsage extends KubeObject {
  readonly timestamp: string;
  readonly window: string;
  readonly containers?: readonly { readonly name: string; readonly usage?: Readonly<Record<string, string>> }[];
}

interface MetricValue {
  readonly describedObject?: ObjectReference;
  readonly timestamp?: string;
  readonly windowSeconds?: number;
  /** The name in v1beta1. */
  readonly window?: number;
  readonly value: string;
}

interface Items<T> {
  readonly items?: readonly T[];
}

const CUSTOM = "custom.metrics.k8s.io";
const CUSTOM_VERSIONS = ["v1beta2", "v1beta1"];
const EXTERNAL = "external.metrics.k8s.io";
/** Where a custom metric does not tell its window. */
const DEFAULT_WINDOW_MS = 60_000;
/** A sum beyond 64 bits is cut: the largest whole number below that can be said. */
const MAX_USAGE = 2 ** 63 - 1024;

export function createMetricValues(read: ReadPath, resourceOf: ResourceOfKind): MetricValues {
  /** `target` is what client-go names where a server knows nothing of the path. */
  const ask = async <T>(api: string, target: string, path: string, query: Readonly<Record<string, string>>): Promise<T> => {
    try {
      const used = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ""));
      return (await read(path, used)) as T; // the form is the API's
    } catch (error) {
      throw new Error(`unable to fetch metrics from ${api} metrics API: ${explain(error, target)}`, { cause: error });
    }
  };
  const custom = async (namespace: string, resource: string, name: string, metric: Metric, labelSelector = ""): Promise<MetricValue[]> => {
    const version = await customVersion(read);
    const place = `/apis/${CUSTOM}/${version}/namespaces/${encodeURIComponent(namespace)}`;
    const path = resource === "" ? `${place}/metrics/${metric.name}` : `${place}/${resource}/${encodeURIComponent(name)}/${metric.name}`;
    const query = { labelSelector, metricLabelSelector: metric.selector };
    const { items = [] } = await ask<Items<MetricValue>>("custom", `${resource || "metrics"}.${CUSTOM} ${name}`, path, query);
    return [...items];
  };
  return {
    async ofPodResource(namespace, labelSelector, resource, container) {
      const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${encodeURIComponent(namespace)}/pods`;
      const { items = [] } = await ask<Items<PodUsage>>("resource", "pods.metrics.k8s.io", path, { labelSelector });
      if (items.length === 0) throw new Error("no metrics returned from resource metrics API");
      const found = new Map<string, PodMetric>();
      for (const item of items) {
        const value = container === undefined ? sumOf(item, resource) : ofContainer(item, container, resource);
        if (value !== undefined) found.set(item.metadata?.name ?? "", metricOf(value, item.timestamp, parseGoDuration(item.window) ?? 0));
      }
      return found;
    },
    async ofPods(namespace, selector, metric) {
      const items = await custom(namespace, "pods", "*", metric, selector);
      if (items.length === 0) throw new Error("no metrics returned from custom metrics API");
      return new Map(
        items.map(({ describedObject, timestamp, windowSeconds, window, value }) => {
          const seconds = windowSeconds ?? window;
          const windowMs = seconds === undefined ? DEFAULT_WINDOW_MS : seconds * 1000;
          return [describedObject?.name ?? "", metricOf(milliValue(value), timestamp ?? "", windowMs)];
        }),
      );
    },
    async ofObject(namespace, { apiVersion = "", kind, name }, metric) {
      const { group } = parseApiVersion(apiVersion);
      // A namespace is asked about by itself: a reference cannot name another one than the autoscaler's.
      const isNamespace = kind === "Namespace" && group === "";
      const items = isNamespace
        ? await custom(namespace, "", "", metric)
        : await custom(namespace, await mapped(resourceOf, group, kind), name, metric);
      const [only] = items;
      if (items.length !== 1 || only === undefined) {
        const words = `the custom metrics API server returned ${items.length} results when we asked for exactly one`;
        throw new Error(`unable to fetch metrics from custom metrics API: ${words}`);
      }
      return milliValue(only.value);
    },
    async external(namespace, { name, selector }) {
      const path = `/apis/${EXTERNAL}/v1beta1/namespaces/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
      const { items = [] } = await ask<Items<MetricValue>>("external", `${name}.${EXTERNAL}`, path, { labelSelector: selector });
      if (items.length === 0) throw new Error("no metrics returned from external metrics API");
      let sum = 0;
      for (const { value } of items) sum += milliValue(value);
      return Math.min(sum, MAX_USAGE);
    },
  };
}

async function mapped(resourceOf: ResourceOfKind, group: string, kind: string): Promise<string> {
  try {
    return await resourceOf(group, kind);
  } catch (error) {
    const name = group === "" ? kind : `${kind}.${group}`;
    const words = `unable to map kind ${name} to resource: ${messageOf(error)}`;
    throw new Error(`unable to fetch metrics from custom metrics API: ${words}`, { cause: error });
  }
}

/** The server's preferred version if we know it, else the newest that both know. */
async function customVersion(read: ReadPath): Promise<string> {
  const fail = (words: string, cause?: unknown) => new Error(`unable to fetch metrics from custom metrics API: ${words}`, { cause });
  let group: { readonly versions?: readonly { readonly version: string }[]; readonly preferredVersion?: { readonly version: string } };
  try {
    group = (await read(`/apis/${CUSTOM}`)) as typeof group; // an APIGroup
  } catch (error) {
    if (isApiError(error) && error.code === 404) throw fail(`no custom metrics API (${CUSTOM}) registered`, error);
    throw fail(messageOf(error), error);
  }
  const offered = [group.preferredVersion, ...(group.versions ?? [])].map((one) => one?.version ?? "");
  const version = offered.find((one) => CUSTOM_VERSIONS.includes(one));
  if (version === undefined) throw fail("no known available metric versions found");
  return version;
}

function explain(error: unknown, target: string): string {
  const isUnknown = isApiError(error) && error.code === 404 && error.message === "the server could not find the requested resource";
  return isUnknown ? `${error.message} (get ${target.trim()})` : messageOf(error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function metricOf(value: number, timestamp: string, windowMs: number): PodMetric {
  return { value, at: Date.parse(timestamp), windowMs };
}

/** Undefined: one of the containers, or all, have no such metric. */
function sumOf({ containers = [] }: PodUsage, resource: string): number | undefined {
  let sum: number | undefined;
  for (const { usage } of containers) {
    const value = usage?.[resource];
    if (value === undefined) return undefined;
    // Each container's usage by itself is rounded up to thousandths.
    sum = (sum ?? 0) + milliValue(value);
  }
  return sum;
}

function ofContainer({ containers = [] }: PodUsage, container: string, resource: string): number | undefined {
  const value = containers.find(({ name }) => name === container)?.usage?.[resource];
  return value === undefined ? undefined : milliValue(value);
}
