// /metrics/resource: usage in Prometheus' text form, with the kubelet's names. What metrics servers read.

import type { ContainerReading, NodeReading } from "#kinds/metrics/node-reading.ts";

export function resourceMetricsText({ at, node, containers }: NodeReading): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, samples: Iterable<readonly [string, number]>) => {
    lines.push(`# HELP ${name} [STABLE] ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) lines.push(`${name}${labels} ${value} ${at}`);
  };
  const ofContainers = (value: (one: ContainerReading) => number) =>
    containers.map((one) => [`{container="${one.container}",namespace="${one.namespace}",pod="${one.pod}"}`, value(one)] as const);
  const ofPods = (value: (one: ContainerReading) => number) => {
    const sums = new Map<string, number>();
    for (const one of containers) {
      const labels = `{namespace="${one.namespace}",pod="${one.pod}"}`;
      sums.set(labels, (sums.get(labels) ?? 0) + value(one));
    }
    return sums;
  };
  const seconds = ({ cpuNanoSeconds }: { readonly cpuNanoSeconds: number }) => cpuNanoSeconds / 1e9;
  const bytes = ({ memoryBytes }: { readonly memoryBytes: number }) => memoryBytes;
  family(
    "container_cpu_usage_seconds_total",
    "counter",
    "Cumulative cpu time consumed by the container in core-seconds",
    ofContainers(seconds),
  );
  family("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes", ofContainers(bytes));
  family(
    "container_start_time_seconds",
    "gauge",
    "Start time of the container since unix epoch in seconds",
    ofContainers(({ startedAt }) => startedAt / 1000),
  );
  if (node) {
    family("node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds", [["", seconds(node)]]);
    family("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes", [["", bytes(node)]]);
  }
  family("pod_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the pod in core-seconds", ofPods(seconds));
  family("pod_memory_working_set_bytes", "gauge", "Current working set of the pod in bytes", ofPods(bytes));
  lines.push("# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise");
  lines.push("# TYPE resource_scrape_error gauge", "resource_scrape_error 0", "");
  return lines.join("\n");
}
