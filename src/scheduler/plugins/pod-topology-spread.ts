import type { TopologySpreadConstraint } from "#kinds/api/core-v1.gen.ts";
import { controllerOf, type DeepReadonly } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { type AnyPod, MAX_SCORE, type NodeInfo, type Opinion, type Plugin, type Snapshot } from "../framework.ts";
import { podAllowsNode } from "../node-selection.ts";
import { untolerated } from "../tolerations.ts";

interface Constraint {
  readonly key: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** Whether a running pod counts. */
  readonly matches: (pod: AnyPod) => boolean;
  readonly selfMatch: number;
  /** Matching pods per value of the topology key, over nodes that count. */
  readonly counts: Map<string, number>;
  /** Nodes without the key still take part for other constraints. */
  readonly optional: boolean;
  /** Whether a node takes part for this constraint. */
  readonly counted: (info: NodeInfo) => boolean;
}

/** Spreads pods over zones, hosts or any other label: hard constraints filter, soft ones score. */
export const podTopologySpread: Plugin = {
  name: "PodTopologySpread",
  weight: 2,
  prepare: (pod, snapshot) => {
    const all = pod.spec?.topologySpreadConstraints ?? [];
    const hard = all
      .filter((constraint) => constraint.whenUnsatisfiable === "DoNotSchedule")
      .map((constraint) => prepareConstraint(pod, constraint));
    const soft = all
      .filter((constraint) => constraint.whenUnsatisfiable === "ScheduleAnyway")
      .map((constraint) => prepareConstraint(pod, constraint));
    if (all.length === 0) soft.push(...systemDefaults(pod));
    if (hard.length === 0 && soft.length === 0) return undefined;
    count(pod, hard, snapshot);
    count(pod, soft, snapshot);
    return { ...(hard.length > 0 ? { filter: filterBy(hard) } : {}), ...(soft.length > 0 ? scoreBy(soft) : {}) };
  },
};

function prepareConstraint(pod: AnyPod, constraint: DeepReadonly<TopologySpreadConstraint>): Constraint {
  const extra = (constraint.matchLabelKeys ?? []).flatMap((key) => {
    const value = pod.metadata?.labels?.[key];
    return value === undefined ? [] : [{ key, operator: "In", values: [value] }];
  });
  const base = constraint.labelSelector;
  const selector = labelSelectorMatcher(
    base === undefined || extra.length === 0 ? base : { ...base, matchExpressions: [...(base.matchExpressions ?? []), ...extra] },
  );
  return {
    key: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    matches: (other) => selector.matches(other.metadata?.labels),
    selfMatch: selector.matches(pod.metadata?.labels) ? 1 : 0,
    counts: new Map(),
    optional: false,
    counted: ({ node }) =>
      ((constraint.nodeAffinityPolicy ?? "Honor") === "Ignore" || podAllowsNode(pod, node)) &&
      ((constraint.nodeTaintsPolicy ?? "Ignore") === "Ignore" ||
        untolerated(node, pod.spec?.tolerations, ["NoSchedule", "NoExecute"]) === undefined),
  };
}

/** Nodes take part only if they have the keys of all constraints. */
function count(pod: AnyPod, constraints: readonly Constraint[], snapshot: Snapshot): void {
  const namespace = pod.metadata?.namespace;
  for (const info of snapshot.nodes) {
    const labels = info.node.metadata?.labels ?? {};
    if (!constraints.every(({ key, optional }) => optional || key in labels)) continue;
    for (const constraint of constraints) {
      if (!(constraint.key in labels) || !constraint.counted(info)) continue;
      const value = labels[constraint.key] ?? "";
      let matching = constraint.counts.get(value) ?? 0;
      for (const other of info.pods) {
        if (other.metadata?.namespace === namespace && other.metadata?.deletionTimestamp === undefined && constraint.matches(other))
          matching++;
      }
      constraint.counts.set(value, matching);
    }
  }
}

function filterBy(constraints: readonly Constraint[]): NonNullable<Opinion["filter"]> {
  const least = constraints.map(({ counts, minDomains }) => (counts.size < minDomains ? 0 : Math.min(...counts.values())));
  return (info) => {
    for (const [position, constraint] of constraints.entries()) {
      const value = info.node.metadata?.labels?.[constraint.key];
      if (value === undefined)
        return { reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"], unresolvable: true };
      const skew = (constraint.counts.get(value) ?? 0) + constraint.selfMatch - (least[position] ?? 0);
      if (skew > constraint.maxSkew) return { reasons: ["node(s) didn't match pod topology spread constraints"] };
    }
    return undefined;
  };
}

function scoreBy(constraints: readonly Constraint[]): Pick<Opinion, "score" | "normalize"> {
  // Constraints over many domains weigh more, or a zone constraint would drown a host constraint.
  const weights = constraints.map(({ counts }) => Math.log(counts.size + 2));
  const hasKeys = (info: NodeInfo) => constraints.every(({ key, optional }) => optional || info.node.metadata?.labels?.[key] !== undefined);
  const ignored = -1;
  return {
    score: (info) => {
      if (!hasKeys(info)) return ignored;
      let sum = 0;
      for (const [position, { counts, key, maxSkew }] of constraints.entries()) {
        sum += (counts.get(info.node.metadata?.labels?.[key] ?? "") ?? 0) * (weights[position] ?? 1) + (maxSkew - 1);
      }
      return Math.round(sum);
    },
    normalize: (scores) => {
      const valid = scores.filter((score) => score !== ignored);
      let [min, max] = [Infinity, 0];
      for (const score of valid) [min, max] = [Math.min(min, score), Math.max(max, score)];
      for (let position = 0; position < scores.length; position++) {
        const score = scores[position] ?? ignored;
        scores[position] = score === ignored ? 0 : max === 0 ? MAX_SCORE : Math.floor((MAX_SCORE * (max + min - score)) / max);
      }
    },
  };
}

/**
 * What pods with a controller get when they name no constraints: spread over hosts and zones among their siblings, as
 * upstream's system defaults do.
 */
function systemDefaults(pod: AnyPod): Constraint[] {
  const owner = controllerOf(pod);
  if (!owner) return [];
  const matches = (other: AnyPod) => controllerOf(other)?.uid === owner.uid;
  const constraint = (key: string, maxSkew: number): Constraint => ({
    key,
    maxSkew,
    minDomains: 1,
    matches,
    selfMatch: 1,
    counts: new Map(),
    optional: true,
    counted: ({ node }) => podAllowsNode(pod, node),
  });
  return [constraint("kubernetes.io/hostname", 3), constraint("topology.kubernetes.io/zone", 5)];
}
