// The kubelet's /metrics/resource as a reading. Pure.

import type { ContainerReading, NodeReading } from "#kinds/metrics/node-reading.ts";

type Draft = { -readonly [K in keyof ContainerReading]: ContainerReading[K] };

/** Lines of other metrics are passed over. Throws if there is no time in it, or a line of ours cannot be read. */
export function parseResourceMetrics(text: string, now: number): NodeReading {
  const containers = new Map<string, Draft>();
  let cpu: number | undefined;
  let memory: number | undefined;
  let at = 0;
  for (const line of text.split("\n")) {
    const parts =
      /^(container_cpu_usage_seconds_total|container_memory_working_set_bytes|container_start_time_seconds|node_cpu_usage_seconds_total|node_memory_working_set_bytes)(?:\{(.*)\})? (\S+)(?: (\d+))?$/.exec(
        line,
      );
    if (!parts) continue;
    const [, name = "", labelText = "", valueText = "", time] = parts;
    const value = Number(valueText);
    if (Number.isNaN(value)) throw new SyntaxError(`no number in ${line}`);
    if (time !== undefined && name !== "container_start_time_seconds") at = Math.max(at, Number(time));
    if (name === "node_cpu_usage_seconds_total") cpu = value * 1e9;
    else if (name === "node_memory_working_set_bytes") memory = value;
    else {
      const labels = labelsOf(labelText);
      const { container = "", namespace = "", pod = "" } = labels;
      const key = `${namespace}/${pod}/${container}`;
      let draft = containers.get(key);
      if (!draft) {
        draft = { namespace, pod, container, startedAt: 0, cpuNanoSeconds: 0, memoryBytes: 0 };
        containers.set(key, draft);
      }
      if (name === "container_cpu_usage_seconds_total") draft.cpuNanoSeconds = value * 1e9;
      else if (name === "container_memory_working_set_bytes") draft.memoryBytes = value;
      else draft.startedAt = value * 1000;
    }
  }
  return {
    at: at || now,
    ...(cpu === undefined || memory === undefined ? {} : { node: { cpuNanoSeconds: cpu, memoryBytes: memory } }),
    containers: [...containers.values()],
  };
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.replace(/\\(.)/g, (_, one: string) => (one === "n" ? "\n" : one));
  }
  return labels;
}
