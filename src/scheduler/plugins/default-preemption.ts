import { fitMessage } from "../decide.ts";
import type { FailedCycle, Plugin, PodInfo, PostFilterResult, Snapshot } from "../framework.ts";
import type { PluginHandle } from "../profile.ts";
import { bestCandidate, dryRun, isPreempted } from "../preemption.ts";

export interface DefaultPreemptionArgs {
  /** How many candidates are enough to choose among, in percent of the nodes, */
  readonly minCandidateNodesPercentage: number;
  /** and at least so many. */
  readonly minCandidateNodesAbsolute: number;
}

/** Makes room for a pod by having less important ones deleted. */
export function defaultPreemption(args: DefaultPreemptionArgs, handle: PluginHandle): Plugin {
  const { listers, clock, random, preemptor } = handle;
  const enough = (nodes: number) =>
    Math.min(Math.max(Math.trunc((nodes * args.minCandidateNodesPercentage) / 100), args.minCandidateNodesAbsolute), nodes);
  const tryIt = (cycle: FailedCycle): PostFilterResult => {
    const { pod, snapshot } = cycle;
    const reason = whyNotEligible(cycle);
    if (reason !== undefined) return { message: reason };
    const offset = (nodes: number) => Math.floor(random() * nodes);
    const { candidates, diagnosis } = dryRun(cycle, listers.budgets.list(), enough, offset, clock.now());
    const best = bestCandidate(candidates, clock.now());
    if (!best) return { message: fitMessage(diagnosis), nominatedNode: "" };
    const displaced = snapshot.nominated(best.node).filter(({ priority }) => priority < pod.priority);
    preemptor.preempt(pod, best, displaced);
    return { message: "", nominatedNode: best.node };
  };
  return {
    name: "DefaultPreemption",
    preEnqueue: (pod) => (preemptor.isPreempting(pod) ? "waiting for the preemption for this pod to be finished" : undefined),
    postFilter: (cycle) => {
      const result = tryIt(cycle);
      return result.message === "" ? result : { ...result, message: `preemption: ${result.message}` };
    },
    // Which changes are worth a try is for the plugins to say that refused the pod.
    events: [{ resource: "Pod", actions: ["delete"], helps: () => false }],
  };
}

function whyNotEligible({ pod, snapshot, diagnosis }: FailedCycle): string | undefined {
  if (pod.pod.spec?.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  const nominated = pod.pod.status?.nominatedNodeName;
  if (!nominated) return undefined;
  // It can never go where it was to go: another node may do.
  if ((diagnosis.refusals.get(nominated) ?? diagnosis.others).unresolvable) return undefined;
  return waitsForVictims(pod, nominated, snapshot) ? "not eligible due to a terminating pod on the nominated node." : undefined;
}

function waitsForVictims(pod: PodInfo, node: string, snapshot: Snapshot): boolean {
  for (const other of snapshot.node(node)?.pods ?? []) if (other.priority < pod.priority && isPreempted(other.pod)) return true;
  return false;
}
