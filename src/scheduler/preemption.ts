// Which pods would have to go for a pod to fit, and on which node that does the least harm. Pure. Rules: kube-scheduler
// framework/preemption and plugins/defaultpreemption.

import type { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { type AnyPod, type Diagnosis, type FailedCycle, type NodeInfo, type PodInfo, type Refusal } from "./framework.ts";
import { copyOf } from "./node-info.ts";

export interface Candidate {
  readonly node: string;
  /** The most important first. */
  readonly victims: readonly PodInfo[];
  /** How many of them a budget protects. */
  readonly violations: number;
}

export type Budgets = readonly DeepReadonly<PodDisruptionBudget>[];

const NO_VICTIMS: Refusal = { reasons: ["No preemption victims found for incoming pod"], unresolvable: true };
const NOT_HELPFUL: Refusal = { reasons: ["Preemption is not helpful for scheduling"], unresolvable: true };

export interface DryRun {
  readonly candidates: readonly Candidate[];
  /** Why not, of the nodes that were looked at in vain. */
  readonly diagnosis: Diagnosis;
}

/** Looks at nodes from `offset` on until there are `wanted` candidates, one of them at least violating no budget. */
export function dryRun(
  cycle: FailedCycle,
  budgets: Budgets,
  wanted: (potential: number) => number,
  offset: (potential: number) => number,
  nowMs: number,
): DryRun {
  const { diagnosis, snapshot } = cycle;
  const potential = snapshot.nodes.filter(({ name }) => (diagnosis.refusals.get(name) ?? diagnosis.others).unresolvable !== true);
  const refusals = new Map<string, Refusal>();
  const harmless: Candidate[] = [];
  const violating: Candidate[] = [];
  const enough = wanted(potential.length);
  const start = potential.length === 0 ? 0 : offset(potential.length);
  for (let looked = 0; looked < potential.length; looked++) {
    if (harmless.length > 0 && harmless.length + violating.length >= enough) break;
    const info = potential[(start + looked) % potential.length];
    if (!info) continue;
    const found = victimsOn(info, cycle, budgets, nowMs);
    if ("victims" in found) (found.violations === 0 ? harmless : violating).push(found);
    else refusals.set(info.name, found);
  }
  return {
    candidates: [...harmless.slice(0, enough), ...violating.slice(0, enough)],
    diagnosis: { nodeCount: diagnosis.nodeCount, refusals, others: NOT_HELPFUL, rejectedBy: new Set() },
  };
}

/** The fewest and least important pods without which the pod would fit. */
function victimsOn(info: NodeInfo, cycle: FailedCycle, budgets: Budgets, nowMs: number): Candidate | Refusal {
  const { pod, fits, shift } = cycle;
  const potential = [...info.pods].filter(({ priority }) => priority < pod.priority);
  if (potential.length === 0) return NO_VICTIMS;
  const left = copyOf(info);
  const gone = new Set<PodInfo>();
  const remove = (other: PodInfo) => {
    left.remove(other);
    shift(left, other, -1);
    gone.add(other);
  };
  const restore = (other: PodInfo) => {
    left.add(other);
    shift(left, other, 1);
    gone.delete(other);
  };
  try {
    for (const other of potential) remove(other);
    const refusal = fits(left);
    if (refusal) return refusal;
    const ranked = potential.toSorted((a, b) => moreImportant(a, b, nowMs));
    const { violating, harmless } = byBudgets(ranked, budgets);
    let violations = 0;
    const victims: PodInfo[] = [];
    // As many as possible are spared, those that budgets protect first.
    for (const other of [...violating, ...harmless]) {
      restore(other);
      if (!fits(left)) continue;
      remove(other);
      victims.push(other);
      if (violating.includes(other)) violations++;
    }
    // What the filters of this node refused was not a pod's doing: nobody has to go for it.
    if (victims.length === 0) return NO_VICTIMS;
    return { node: info.name, victims: victims.toSorted((a, b) => moreImportant(a, b, nowMs)), violations };
  } finally {
    for (const other of gone) shift(left, other, 1);
  }
}

function moreImportant(a: PodInfo, b: PodInfo, nowMs: number): number {
  return b.priority - a.priority || startOf(a.pod, nowMs) - startOf(b.pod, nowMs);
}

/** One that has not started counts as starting now. */
function startOf(pod: AnyPod, nowMs: number): number {
  return pod.status?.startTime ? Date.parse(pod.status.startTime) : nowMs;
}

/** A budget allows so many; the next one it selects violates it. Pods that are on their way out already do not count. */
function byBudgets(pods: readonly PodInfo[], budgets: Budgets): { violating: PodInfo[]; harmless: PodInfo[] } {
  const violating: PodInfo[] = [];
  const harmless: PodInfo[] = [];
  const allowed = budgets.map(({ status }) => status?.disruptionsAllowed ?? 0);
  for (const pod of pods) {
    let violates = false;
    for (const [position, { metadata, spec, status }] of budgets.entries()) {
      if (metadata?.namespace !== pod.namespace || Object.keys(pod.labels ?? {}).length === 0) continue;
      const selector = labelSelectorMatcher(spec?.selector);
      if (selector.empty || !selector.matches(pod.labels)) continue;
      if (status?.disruptedPods?.[pod.pod.metadata?.name ?? ""] !== undefined) continue;
      const left = (allowed[position] ?? 0) - 1;
      allowed[position] = left;
      if (left < 0) violates = true;
    }
    (violates ? violating : harmless).push(pod);
  }
  return { violating, harmless };
}

/** Fewest violated budgets, then least important victims, then fewest, then those that started last. */
export function bestCandidate(candidates: readonly Candidate[], nowMs: number): Candidate | undefined {
  const measures: readonly ((candidate: Candidate) => number)[] = [
    ({ violations }) => violations,
    ({ victims }) => victims[0]?.priority ?? 0,
    // Priorities may be negative: each victim counts, or many would look better than few.
    ({ victims }) => victims.reduce((sum, { priority }) => sum + priority + 2 ** 31, 0),
    ({ victims }) => victims.length,
    ({ victims }) => -earliestStart(victims, nowMs),
  ];
  let left = candidates;
  for (const measure of measures) {
    if (left.length <= 1) break;
    const values = left.map(measure);
    const least = Math.min(...values);
    left = left.filter((_, position) => values[position] === least);
  }
  return left[0];
}

/** Among the most important ones. */
function earliestStart(victims: readonly PodInfo[], nowMs: number): number {
  const highest = Math.max(...victims.map(({ priority }) => priority));
  return Math.min(...victims.filter(({ priority }) => priority === highest).map(({ pod }) => startOf(pod, nowMs)));
}

/** Went because a more important pod needs the room. */
export function isPreempted(pod: AnyPod): boolean {
  return (
    pod.metadata?.deletionTimestamp !== undefined &&
    (pod.status?.conditions?.some(
      ({ type, status, reason }) => type === "DisruptionTarget" && status === "True" && reason === "PreemptionByScheduler",
    ) ??
      false)
  );
}
