// metrics.k8s.io's objects from what was collected, with upstream's words where there is none.

import type { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { NodeMetrics, PodMetrics } from "#kinds/metrics/kinds.ts";
import type { MetricsSource } from "#kinds/metrics/source.ts";
import { formatGoDuration } from "#lib/go-duration.ts";
import { notFound } from "#meta/errors.ts";
import { type DeepReadonly, makeKey, type ObjectMeta } from "#meta/object.ts";
import { formatQuantity, quantityOf } from "#meta/quantity.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";
import { formatTime } from "#meta/time.ts";
import type { Informer } from "#reconcile/informer.ts";
import type { Collector } from "./collector.ts";
import type { Measured, NodeUsage, PodUsage, Usage } from "./readings.ts";

export interface SourceOptions {
  readonly collector: Pick<Collector, "wanted" | "pod" | "node">;
  readonly nodes: Pick<Informer<Node>, "get" | "list">;
  readonly pods: Pick<Informer<Pod>, "get" | "list">;
  readonly now: () => number;
}

export function createMetricsSource({ collector, nodes, pods, now }: SourceOptions): MetricsSource {
  const head = (resource: Resource, { metadata }: DeepReadonly<Node | Pod>) => {
    const { name = "", namespace, labels } = metadata ?? {};
    const made: ObjectMeta = { name, creationTimestamp: formatTime(now()) };
    if (namespace !== undefined) made.namespace = namespace;
    if (labels) made.labels = { ...labels };
    return { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata: made };
  };
  const nodeMetrics = (node: DeepReadonly<Node>, usage: NodeUsage): NodeMetrics => ({
    ...head(NodeMetrics, node),
    ...timesOf(usage),
    usage: amountsOf(usage),
  });
  const podMetrics = (pod: DeepReadonly<Pod>, usage: PodUsage): PodMetrics => ({
    ...head(PodMetrics, pod),
    ...timesOf(usage),
    containers: usage.containers.map((one) => ({ name: one.name, usage: amountsOf(one) })),
  });
  return {
    async node(name) {
      const node = nodes.get(makeKey("", name));
      if (!node) throw notFound({ group: "", plural: "nodes" }, name);
      await collector.wanted();
      const usage = collector.node(name);
      if (!usage) throw notFound({ group: NodeMetrics.group, plural: "nodemetrics" }, name);
      return nodeMetrics(node, usage);
    },
    async nodes(labels) {
      await collector.wanted();
      return nodes
        .list()
        .filter(({ metadata }) => labels.matches(metadata?.labels))
        .toSorted(byName)
        .flatMap((node) => {
          const usage = collector.node(node.metadata?.name ?? "");
          return usage ? [nodeMetrics(node, usage)] : [];
        });
    },
    async pod(namespace, name) {
      const pod = pods.get(makeKey(namespace, name));
      if (!pod) throw notFound({ group: "", plural: "pods" }, `${namespace}/${name}`);
      await collector.wanted();
      const usage = collector.pod(namespace, name);
      if (!usage) throw notFound({ group: PodMetrics.group, plural: "podmetrics" }, `${namespace}/${name}`);
      return podMetrics(pod, usage);
    },
    async pods(namespace, labels) {
      await collector.wanted();
      return pods
        .list(namespace === "" ? { matcher: labels } : { namespace, matcher: labels })
        .filter(({ status }) => status?.phase === "Running")
        .toSorted(byName)
        .flatMap((pod) => {
          const usage = collector.pod(pod.metadata?.namespace ?? "", pod.metadata?.name ?? "");
          return usage ? [podMetrics(pod, usage)] : [];
        });
    },
  };
}

function byName({ metadata: a }: DeepReadonly<Node | Pod>, { metadata: b }: DeepReadonly<Node | Pod>): number {
  const [left, right] = [`${a?.namespace ?? ""}/${a?.name ?? ""}`, `${b?.namespace ?? ""}/${b?.name ?? ""}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

function timesOf({ at, windowMs }: Measured): { readonly timestamp: string; readonly window: string } {
  return { timestamp: formatTime(at), window: formatGoDuration(windowMs) };
}

function amountsOf({ cpuNanoCores, memoryBytes }: Usage): Record<string, string> {
  return {
    cpu: formatQuantity({ nanos: BigInt(Math.trunc(cpuNanoCores)), format: "DecimalSI" }),
    memory: formatQuantity(quantityOf(memoryBytes, "BinarySI")),
  };
}
