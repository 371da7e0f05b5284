// /stats/summary: usage of the node's pods in the kubelet's form.

import { freemem, loadavg, totalmem, uptime } from "node:os";
import { formatTime } from "#meta/time.ts";
import type { PodStats } from "./pod-access.ts";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

export function summaryOf(nodeName: string, pods: readonly PodStats[], now: number): unknown {
  const time = formatTime(now);
  const usage = (cpuNanoCores: number, memoryBytes: number) => ({
    cpu: { time, usageNanoCores: Math.round(cpuNanoCores) },
    memory: { time, workingSetBytes: memoryBytes },
  });
  const used = totalmem() - freemem();
  return {
    node: {
      nodeName,
      startTime: formatTime(now - uptime() * 1000),
      // The load of the last minute is what there is without sampling.
      cpu: { time, usageNanoCores: Math.round((loadavg()[0] ?? 0) * 1e9) },
      memory: { time, availableBytes: freemem(), usageBytes: used, workingSetBytes: used },
    },
    pods: pods.map(({ pod: { metadata, status }, containers }) => ({
      podRef: { name: metadata?.name, namespace: metadata?.namespace, uid: metadata?.uid },
      ...(status?.startTime ? { startTime: status.startTime } : {}),
      containers: containers.map(({ name, cpuNanoCores, memoryBytes }) => ({ name, ...usage(cpuNanoCores, memoryBytes) })),
      ...usage(sum(containers.map((one) => one.cpuNanoCores)), sum(containers.map((one) => one.memoryBytes))),
    })),
  };
}
