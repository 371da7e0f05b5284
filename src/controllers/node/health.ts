// Whether nodes are alive, and how fast pods may be driven off those that are not. Pure.

import type { Node, NodeCondition } from "#kinds/api/core-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** The conditions a node agent posts; when it is silent nobody knows them. */
const AGENT_CONDITIONS = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const;

/** What the agent says from time to time: as long as it changes, the node lives. */
export function heartbeatOf(node: DeepReadonly<Node>, renewTime: string | undefined): string {
  return `${getCondition(node.status?.conditions, "Ready")?.lastHeartbeatTime ?? ""} ${renewTime ?? ""}`;
}

/** The node's conditions after its agent was silent for too long; the very same list if they say so already. `now` is RFC 3339. */
export function silentConditions(node: DeepReadonly<Node>, now: string): readonly DeepReadonly<NodeCondition>[] {
  const current = node.status?.conditions ?? [];
  const conditions = [...current];
  let changed = false;
  for (const type of AGENT_CONDITIONS) {
    const index = current.findIndex((condition) => condition.type === type);
    const before = current[index];
    if (before?.status === "Unknown") continue;
    changed = true;
    if (before) {
      conditions[index] = {
        ...before,
        status: "Unknown",
        reason: "NodeStatusUnknown",
        message: "Kubelet stopped posting node status.",
        lastTransitionTime: now,
      };
    } else {
      const created = node.metadata?.creationTimestamp;
      conditions.push({
        type,
        status: "Unknown",
        reason: "NodeStatusNeverUpdated",
        message: "Kubelet never posted node status.",
        ...(created !== undefined ? { lastHeartbeatTime: created } : {}),
        lastTransitionTime: now,
      });
    }
  }
  return changed ? conditions : current;
}

export function zoneOf(node: DeepReadonly<Node>): string {
  const labels = node.metadata?.labels;
  return `${labels?.["topology.kubernetes.io/region"] ?? ""}/${labels?.["topology.kubernetes.io/zone"] ?? ""}`;
}

// Upstream's defaults of --node-eviction-rate, --secondary-node-eviction-rate, --unhealthy-zone-threshold, --large-cluster-size-threshold.
const RATE = 0.1;
const SECONDARY_RATE = 0.01;
const UNHEALTHY_SHARE = 0.55;
const LARGE_ZONE = 50;

/** Nodes a second in a zone whose pods may be driven off; `halted` if no zone has a living node: then the fault is rather ours. */
export function evictionRate(nodes: readonly DeepReadonly<Node>[], zone: string): number | "halted" {
  const zones = new Map<string, { ready: number; total: number }>();
  for (const node of nodes) {
    const name = zoneOf(node);
    const counts = zones.get(name) ?? { ready: 0, total: 0 };
    counts.total++;
    if (getCondition(node.status?.conditions, "Ready")?.status === "True") counts.ready++;
    zones.set(name, counts);
  }
  if ([...zones.values()].every(({ ready }) => ready === 0)) return "halted";
  const { ready, total } = zones.get(zone) ?? { ready: 0, total: 0 };
  const unready = total - ready;
  const partly = ready > 0 && unready > 2 && unready / total >= UNHEALTHY_SHARE;
  if (!partly) return RATE;
  return total > LARGE_ZONE ? SECONDARY_RATE : 0;
}
