// What a node says of itself. Pure.

import type { Node, NodeCondition, NodeStatus, NodeSystemInfo } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";

/** The Kubernetes version that this node agent behaves as. */
export const KUBELET_VERSION = "v1.36.1";

export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  /** Port of the agent's own HTTPS API; undefined: none. */
  readonly kubeletPort: number | undefined;
  readonly podCidr: string | undefined;
  readonly info: NodeSystemInfo;
}

const HEALTHY: readonly Pick<NodeCondition, "type" | "status" | "reason" | "message">[] = [
  { type: "MemoryPressure", status: "False", reason: "KubeletHasSufficientMemory", message: "kubelet has sufficient memory available" },
  { type: "DiskPressure", status: "False", reason: "KubeletHasNoDiskPressure", message: "kubelet has no disk pressure" },
  { type: "PIDPressure", status: "False", reason: "KubeletHasSufficientPID", message: "kubelet has sufficient PID available" },
  { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
];

export function nodeLabels(facts: NodeFacts): Record<string, string> {
  const { operatingSystem, architecture } = facts.info;
  return {
    "beta.kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": operatingSystem,
    "kubernetes.io/arch": architecture,
    "kubernetes.io/hostname": facts.name,
    "kubernetes.io/os": operatingSystem,
    ...facts.labels,
  };
}

export function nodeAnnotations(facts: NodeFacts): Record<string, string> {
  return { "volumes.kubernetes.io/controller-managed-attach-detach": "true", ...facts.annotations };
}

/** The object to create. */
export function newNode(facts: NodeFacts, now: number): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: facts.name,
      labels: nodeLabels(facts),
      annotations: nodeAnnotations(facts),
    },
    spec: facts.podCidr === undefined ? {} : { podCIDR: facts.podCidr, podCIDRs: [facts.podCidr] },
    status: nodeStatus(facts, undefined, now),
  };
}

/** `previous` gives the times of conditions that have not changed. */
export function nodeStatus(facts: NodeFacts, previous: DeepReadonly<NodeStatus> | undefined, now: number): NodeStatus {
  return {
    addresses: [...facts.addresses.map((address) => ({ type: "InternalIP", address })), { type: "Hostname", address: facts.name }],
    capacity: { ...facts.capacity },
    allocatable: { ...facts.allocatable },
    conditions: HEALTHY.map((condition) => {
      const before = previous?.conditions?.find((entry) => entry.type === condition.type);
      const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
      return { ...condition, lastHeartbeatTime: formatTime(now), lastTransitionTime: since ?? formatTime(now) };
    }),
    ...(facts.kubeletPort === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: facts.kubeletPort } } }),
    nodeInfo: facts.info,
  };
}
