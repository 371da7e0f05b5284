import { MAX_SCORE, type NodeInfo, type Plugin, type Refusal } from "../framework.ts";
import { podRequests, podRequestsNonZero, type Resources } from "../resources.ts";

const SCORED = ["cpu", "memory"];

/** What the pod asks for must be free; of the nodes that have it, the emptiest is preferred (LeastAllocated on cpu and memory). */
export const nodeResourcesFit: Plugin = {
  name: "NodeResourcesFit",
  weight: 1,
  prepare: (pod) => {
    const requests = [...podRequests(pod)].filter(([, amount]) => amount > 0);
    const extra = podRequestsNonZero(pod);
    return {
      filter: (info) => fits(requests, info),
      score: (info) => freeShare(info, extra),
    };
  },
};

function fits(requests: readonly (readonly [string, number])[], info: NodeInfo): Refusal | undefined {
  const reasons: string[] = [];
  let unresolvable = false;
  if (info.pods.size + 1 > (info.allocatable.get("pods") ?? 0)) reasons.push("Too many pods");
  for (const [name, amount] of requests) {
    const total = info.allocatable.get(name) ?? 0;
    if (amount <= total - (info.requested.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    unresolvable ||= amount > total;
  }
  return reasons.length > 0 ? { reasons, unresolvable } : undefined;
}

/** 0 to 100; resources that the node does not have do not count. */
function freeShare({ allocatable, requestedNonZero }: NodeInfo, more: Resources): number {
  let sum = 0;
  let counted = 0;
  for (const name of SCORED) {
    const total = allocatable.get(name) ?? 0;
    if (total === 0) continue;
    const used = (requestedNonZero.get(name) ?? 0) + (more.get(name) ?? 0);
    sum += used > total ? 0 : Math.floor(((total - used) * MAX_SCORE) / total);
    counted++;
  }
  return counted === 0 ? 0 : Math.floor(sum / counted);
}
