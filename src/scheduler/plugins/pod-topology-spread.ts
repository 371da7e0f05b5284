import type { TopologySpreadConstraint } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { EventInterest } from "../cluster-events.ts";
import {
  type AnyNode,
  type AnyPod,
  type Filter,
  MAX_SCORE,
  type NodeInfo,
  type Plugin,
  type PodInfo,
  type Refusal,
  type Score,
  type Snapshot,
} from "../framework.ts";
import { type Constraint, type ConstraintMaker, countsByValue, createConstraintMaker, takesPart } from "../spread-constraints.ts";
import type { SpreadHandle } from "../spread-constraints.ts";

export interface PodTopologySpreadArgs {
  /** For pods that name no constraints. */
  readonly defaultConstraints?: readonly DeepReadonly<TopologySpreadConstraint>[];
  /** System: over hosts and zones, softly. */
  readonly defaultingType: "System" | "List";
}

const TOO_MANY: Refusal = { reasons: ["node(s) didn't match pod topology spread constraints"] };
const NO_LABEL: Refusal = {
  reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  unresolvable: true,
};
const HOSTNAME = "kubernetes.io/hostname";
/** Raw score of a node that lacks a topology label: it gets none at all. */
const IGNORED = -1;

/** Spreads pods over zones, hosts or any other label: hard constraints filter, soft ones score. */
export function podTopologySpread(args: PodTopologySpreadArgs, handle: SpreadHandle): Plugin {
  const maker = createConstraintMaker(args, handle);
  return {
    name: "PodTopologySpread",
    filter: (pod, snapshot) => filter(pod, maker.constraints(pod, "DoNotSchedule"), snapshot),
    score: (pod, snapshot, feasible) => score(pod, maker, snapshot, feasible),
    events: eventsFor(maker),
  };
}

/** Counts of one constraint. What a what-if shifts is held in a copy. */
class SpreadCounts {
  readonly constraint: Constraint;
  #counts: ReadonlyMap<string, number>;
  #least: number | undefined;
  /** Domains; those that no pod is in are absent from shared counts. */
  readonly #domains: ReadonlyMap<string, unknown>;
  #own: Map<string, number> | undefined;

  constructor(constraint: Constraint, counts: ReadonlyMap<string, number>, domains: ReadonlyMap<string, unknown>, least: number) {
    this.constraint = constraint;
    this.#counts = counts;
    this.#domains = domains;
    this.#least = domains.size < constraint.minDomains ? 0 : least;
  }

  get least(): number {
    if (this.#least === undefined) {
      let least = Infinity;
      if (this.#domains.size < this.constraint.minDomains) least = 0;
      else for (const value of this.#domains.keys()) least = Math.min(least, this.at(value));
      this.#least = least;
    }
    return this.#least;
  }

  at(value: string): number {
    return this.#counts.get(value) ?? 0;
  }

  shift(value: string, by: number): void {
    this.#own ??= new Map(this.#counts);
    this.#own.set(value, (this.#own.get(value) ?? 0) + by);
    this.#counts = this.#own;
    this.#least = undefined;
  }
}

function filter(pod: PodInfo, constraints: readonly Constraint[], snapshot: Snapshot): Filter | undefined {
  if (constraints.length === 0) return undefined;
  const all = constraints.map((constraint) => {
    const { counts, domains, least } = countsByValue(pod, constraint, constraints, snapshot);
    return new SpreadCounts(constraint, counts, domains, least);
  });
  return {
    check: ({ labels }) => {
      for (const counts of all) {
        const { constraint } = counts;
        const value = labels[constraint.key];
        if (value === undefined) return NO_LABEL;
        if (counts.at(value) + constraint.selfMatch - counts.least > constraint.maxSkew) return TOO_MANY;
      }
      return undefined;
    },
    shift: (info, other, by) => {
      for (const counts of all) {
        const { constraint } = counts;
        const value = info.labels[constraint.key];
        if (value !== undefined && constraint.selection.matches(other) && takesPart(pod, info, constraint, constraints))
          counts.shift(value, by);
      }
    },
  };
}

function score(pod: PodInfo, maker: ConstraintMaker, snapshot: Snapshot, feasible: readonly NodeInfo[]): Score | undefined {
  const constraints = maker.constraints(pod, "ScheduleAnyway");
  if (constraints.length === 0) return undefined;
  // Nodes need the labels of all constraints that the pod itself names; the system's own are for whom they fit.
  const needsAll = maker.needsAllLabels(pod);
  const hasAll = ({ labels }: NodeInfo) => constraints.every(({ key }) => labels[key] !== undefined);
  const considered = needsAll ? feasible.filter(hasAll) : feasible;
  const parts = constraints.map((constraint) => {
    const { key, maxSkew } = constraint;
    if (key === HOSTNAME) {
      const tally = snapshot.tally(constraint.selection);
      return { key, maxSkew, weight: Math.log(considered.length + 2), count: (info: NodeInfo) => tally.at(info) };
    }
    const values = new Set(considered.map(({ labels }) => labels[key] ?? ""));
    const { counts } = countsByValue(pod, constraint, needsAll ? constraints : [], snapshot);
    // Constraints over many domains weigh more, or one over zones would drown one over hosts.
    return { key, maxSkew, weight: Math.log(values.size + 2), count: ({ labels }: NodeInfo) => counts.get(labels[key] ?? "") ?? 0 };
  });
  return {
    score: (info) => {
      if (needsAll && !hasAll(info)) return IGNORED;
      let sum = 0;
      for (const { key, maxSkew, weight, count } of parts) {
        if (info.labels[key] !== undefined) sum += count(info) * weight + (maxSkew - 1);
      }
      return Math.round(sum);
    },
    normalize: (scores) => {
      let [min, max] = [Infinity, 0];
      for (const one of scores) if (one !== IGNORED) [min, max] = [Math.min(min, one), Math.max(max, one)];
      for (let position = 0; position < scores.length; position++) {
        const one = scores[position] ?? IGNORED;
        scores[position] = one === IGNORED ? 0 : max === 0 ? MAX_SCORE : Math.floor((MAX_SCORE * (max + min - one)) / max);
      }
    },
  };
}

function eventsFor(maker: ConstraintMaker): EventInterest[] {
  const matches = ({ selection }: Constraint, { metadata }: AnyPod) =>
    selection.matches({ namespace: metadata?.namespace ?? "", labels: metadata?.labels, deleting: false });
  const hasLabels = (node: AnyNode, constraints: readonly Constraint[]) =>
    constraints.every(({ key }) => node.metadata?.labels?.[key] !== undefined);
  return [
    {
      resource: "Pod",
      actions: ["add", "labels", "tolerations", "delete"],
      helps: (pod, before, after) => {
        const involved = (other: AnyPod | undefined) =>
          other === undefined ||
          other.metadata?.uid === pod.uid ||
          (Boolean(other.spec?.nodeName || other.status?.nominatedNodeName) && other.metadata?.namespace === pod.namespace);
        if (!involved(before) || !involved(after)) return false;
        const constraints = maker.constraints(pod, "DoNotSchedule");
        if (!before || !after) {
          const other = before ?? after;
          return other !== undefined && constraints.some((constraint) => matches(constraint, other));
        }
        const tolerates = after.metadata?.uid === pod.uid && after.spec?.tolerations?.length !== before.spec?.tolerations?.length;
        return (
          (tolerates && constraints.some(({ honorTaints }) => honorTaints)) ||
          constraints.some((constraint) => matches(constraint, before) !== matches(constraint, after))
        );
      },
    },
    {
      resource: "Node",
      actions: ["add", "delete", "labels", "taints"],
      helps: (pod, before, after) => {
        const constraints = maker.constraints(pod, "DoNotSchedule");
        const was = before !== undefined && hasLabels(before, constraints);
        const is = after !== undefined && hasLabels(after, constraints);
        if (!before || !after || was !== is) return was || is;
        const moved = constraints.some(({ key }) => before.metadata?.labels?.[key] !== after.metadata?.labels?.[key]);
        return is && (moved || JSON.stringify(before.spec?.taints) !== JSON.stringify(after.spec?.taints));
      },
    },
  ];
}
