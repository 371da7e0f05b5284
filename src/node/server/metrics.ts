// /metrics: a few numbers about the node in Prometheus' text form.

import type { PodStats } from "./pod-access.ts";

export function metricsText(nodeName: string, pods: readonly PodStats[]): string {
  const containers = pods.flatMap(({ pod, containers: all }) =>
    all.map((stats) => ({
      ...stats,
      labels: `container="${stats.name}",namespace="${pod.metadata?.namespace ?? ""}",pod="${pod.metadata?.name ?? ""}"`,
    })),
  );
  return [
    "# HELP kubelet_node_name The node's name. The count is always 1.",
    "# TYPE kubelet_node_name gauge",
    `kubelet_node_name{node="${nodeName}"} 1`,
    "# HELP kubelet_running_pods Number of pods that have a running container.",
    "# TYPE kubelet_running_pods gauge",
    `kubelet_running_pods ${pods.filter((pod) => pod.containers.length > 0).length}`,
    "# HELP kubelet_running_containers Number of running containers.",
    "# TYPE kubelet_running_containers gauge",
    `kubelet_running_containers{container_state="running"} ${containers.length}`,
    "# HELP container_memory_working_set_bytes Current working set of the container in bytes.",
    "# TYPE container_memory_working_set_bytes gauge",
    ...containers.map(({ labels, memoryBytes }) => `container_memory_working_set_bytes{${labels}} ${memoryBytes}`),
    "",
  ].join("\n");
}
