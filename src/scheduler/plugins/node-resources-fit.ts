import { MAX_SCORE, type NodeInfo, type Plugin, type Refusal } from "../framework.ts";
import { podRequests, podRequestsNonZero } from "../resources.ts";

/** What the pod asks for must be free; of the nodes that have it, the emptiest is preferred (LeastAllocated on cpu and memory). */
export const nodeResourcesFit: Plugin = {
  name: "NodeResourcesFit",
  weight: 1,
  prepare: (pod) => {
    const requests = [...podRequests(pod)].filter(([, amount]) => amount > 0);
    const extra = podRequestsNonZero(pod);
    return {
      filter: (info) => fits(requests, info),
      score: (info) => (freeShare("cpu", info, extra.get("cpu") ?? 0) + freeShare("memory", info, extra.get("memory") ?? 0)) / 2,
    };
  },
};

function fits(requests: readonly (readonly [string, number])[], info: NodeInfo): Refusal | undefined {
  const podLimit = info.allocatable.get("pods");
  if (podLimit !== undefined && info.pods.size + 1 > podLimit) return { reason: "Too many pods" };
  for (const [name, amount] of requests) {
    const total = info.allocatable.get(name) ?? 0;
    if (amount > total - (info.requested.get(name) ?? 0)) return { reason: `Insufficient ${name}`, unresolvable: amount > total };
  }
  return undefined;
}

function freeShare(name: string, info: NodeInfo, more: number): number {
  const total = info.allocatable.get(name) ?? 0;
  const used = (info.requested.get(name) ?? 0) + more;
  return total === 0 || used > total ? 0 : Math.floor(((total - used) * MAX_SCORE) / total);
}
