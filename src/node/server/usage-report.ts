// Usage of a node and its containers at one time: what the resource metrics and the summary are made of.

import { cpus, freemem, totalmem } from "node:os";
import type { ContainerReading, NodeReading } from "#kinds/metrics/node-reading.ts";
import type { PodAccess } from "./pod-access.ts";

export async function usageReport(access: Pick<PodAccess, "stats" | "virtual">, now: () => number): Promise<NodeReading> {
  const containers: ContainerReading[] = [];
  for (const { pod, containers: all } of await access.stats()) {
    const { namespace = "", name = "" } = pod.metadata ?? {};
    for (const { name: container, startedAt, cpuNanoSeconds, memoryBytes } of all)
      containers.push({ namespace, pod: name, container, startedAt, cpuNanoSeconds, memoryBytes });
  }
  return { at: now(), ...(access.virtual ? {} : { node: machineUsage() }), containers };
}

export function machineUsage(): { readonly cpuNanoSeconds: number; readonly memoryBytes: number } {
  let busyMs = 0;
  for (const { times } of cpus()) busyMs += times.user + times.nice + times.sys + times.irq;
  return { cpuNanoSeconds: busyMs * 1e6, memoryBytes: totalmem() - freemem() };
}
