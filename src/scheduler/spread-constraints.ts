// Topology spread constraints made ready for counting. Rules: kube-scheduler plugins/podtopologyspread.

import type { ReplicationController, Service, TopologySpreadConstraint } from "#kinds/api/core-v1.gen.ts";
import type { ReplicaSet, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { controllerOf, type DeepReadonly, type Key, type LabelSelector, makeKey } from "#meta/object.ts";
import { type Selection, type TermCompiler, withLabelKeys } from "./affinity-terms.ts";
import type { AnyPod, NodeInfo, PodInfo, Snapshot } from "./framework.ts";
import type { Lister } from "./listers.ts";
import { podAllowsNode } from "./node-selection.ts";
import { untolerated } from "./tolerations.ts";

export interface Constraint {
  readonly key: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** The pods that are to be spread. */
  readonly selection: Selection;
  /** 1 if the pod itself is one of them. */
  readonly selfMatch: number;
  /** Only nodes that the pod's selector and affinity allow take part. */
  readonly honorAffinity: boolean;
  /** Only nodes whose taints the pod tolerates take part. */
  readonly honorTaints: boolean;
}

export interface SpreadHandle {
  readonly compiler: TermCompiler;
  readonly listers: {
    readonly services: Lister<Service>;
    readonly replicationControllers: Lister<ReplicationController>;
    readonly replicaSets: Lister<ReplicaSet>;
    readonly statefulSets: Lister<StatefulSet>;
  };
}

export interface ConstraintMaker {
  constraints(pod: PodInfo, whenUnsatisfiable: "DoNotSchedule" | "ScheduleAnyway"): readonly Constraint[];
  /** Whether soft constraints ignore nodes that lack one of their labels. */
  needsAllLabels(pod: PodInfo): boolean;
}

const SYSTEM_DEFAULTS: readonly TopologySpreadConstraint[] = [
  { topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway", maxSkew: 3 },
  { topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway", maxSkew: 5 },
];
const HARD_TAINTS = ["NoSchedule", "NoExecute"];
const none: readonly never[] = [];

export function createConstraintMaker(
  args: { readonly defaultConstraints?: readonly DeepReadonly<TopologySpreadConstraint>[]; readonly defaultingType: "System" | "List" },
  handle: SpreadHandle,
): ConstraintMaker {
  const systemDefaulted = args.defaultingType === "System";
  const defaults = systemDefaulted ? SYSTEM_DEFAULTS : (args.defaultConstraints ?? none);
  const ownConstraints = (pod: PodInfo) => pod.pod.spec?.topologySpreadConstraints ?? none;
  return {
    constraints(pod, whenUnsatisfiable) {
      const own = ownConstraints(pod);
      const wanted = (own.length > 0 ? own : defaults).filter((constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable);
      if (wanted.length === 0) return none;
      const selector = own.length > 0 ? undefined : defaultSelector(pod.pod, handle.listers);
      if (own.length === 0 && selector === undefined) return none;
      return wanted.map((constraint) =>
        prepare(pod, constraint, selector ?? withLabelKeys(pod.pod, constraint.labelSelector, constraint.matchLabelKeys), handle.compiler),
      );
    },
    needsAllLabels: (pod) => ownConstraints(pod).length > 0 || !systemDefaulted,
  };
}

function prepare(
  pod: PodInfo,
  constraint: DeepReadonly<TopologySpreadConstraint>,
  labelSelector: DeepReadonly<LabelSelector> | undefined,
  compiler: TermCompiler,
): Constraint {
  const selector = compiler.selector(labelSelector);
  const { namespace } = pod;
  return {
    key: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    selection: {
      id: `spread ${namespace} ${JSON.stringify(labelSelector) ?? ""}`,
      namespaces: new Set([namespace]),
      // Upstream counts nobody for an empty selector.
      matches: (other) => !other.deleting && other.namespace === namespace && !selector.empty && selector.matches(other.labels),
    },
    selfMatch: selector.matches(pod.labels) ? 1 : 0,
    honorAffinity: constraint.nodeAffinityPolicy !== "Ignore",
    honorTaints: constraint.nodeTaintsPolicy === "Honor",
  };
}

/** The siblings of a pod: what its Services and its controller select. Undefined: it has none. */
function defaultSelector(pod: AnyPod, listers: SpreadHandle["listers"]): DeepReadonly<LabelSelector> | undefined {
  const { namespace = "", labels = {} } = pod.metadata ?? {};
  const matchLabels: Record<string, string> = {};
  for (const { spec } of listers.services.list({ namespace })) {
    const selected = Object.entries(spec?.selector ?? {});
    if (spec?.selector && selected.every(([key, value]) => labels[key] === value)) Object.assign(matchLabels, spec.selector);
  }
  const owner = controllerOf(pod);
  let ofOwner: DeepReadonly<LabelSelector> | undefined;
  if (owner) {
    const key: Key = makeKey(namespace, owner.name);
    const kind = `${owner.apiVersion} ${owner.kind}`;
    if (kind === "v1 ReplicationController") Object.assign(matchLabels, listers.replicationControllers.get(key)?.spec?.selector);
    else if (kind === "apps/v1 ReplicaSet") ofOwner = listers.replicaSets.get(key)?.spec?.selector;
    else if (kind === "apps/v1 StatefulSet") ofOwner = listers.statefulSets.get(key)?.spec?.selector;
  }
  const asExpressions = Object.entries(ofOwner?.matchLabels ?? {}).map(([key, value]) => ({ key, operator: "In", values: [value] }));
  const matchExpressions = [...asExpressions, ...(ofOwner?.matchExpressions ?? [])];
  if (matchExpressions.length === 0 && Object.keys(matchLabels).length === 0) return undefined;
  return { matchLabels, matchExpressions };
}

/** Whether the node's pods count, and its value of the key is a domain. `needed`: constraints whose labels it must have. */
export function takesPart(pod: PodInfo, info: NodeInfo, constraint: Constraint, needed: readonly Constraint[]): boolean {
  for (const { key } of needed) if (info.labels[key] === undefined) return false;
  if (constraint.honorAffinity && !podAllowsNode(pod.pod, info.node)) return false;
  return !constraint.honorTaints || info.node.spec?.taints === undefined || !untolerated(info.node, pod.pod.spec?.tolerations, HARD_TAINTS);
}

interface ValueCounts {
  /** Values that no pod is at may be absent. */
  readonly counts: ReadonlyMap<string, number>;
  /** Has the values that are domains as its keys. */
  readonly domains: ReadonlyMap<string, unknown>;
  /** The least count of any domain; Infinity if there is none. */
  readonly least: number;
}

/** Pods by the value of the constraint's key. Where all nodes take part, counts that are kept anyway; else it looks at each node. */
export function countsByValue(pod: PodInfo, constraint: Constraint, needed: readonly Constraint[], snapshot: Snapshot): ValueCounts {
  const tally = snapshot.tally(constraint.selection);
  if (allTakePart(pod, constraint, needed, snapshot)) {
    const domains = snapshot.topology(constraint.key);
    const byValue = tally.by(constraint.key);
    return { counts: byValue.counts, domains, least: domains.size === 0 ? Infinity : byValue.least(domains.size) };
  }
  const counts = new Map<string, number>();
  for (const info of snapshot.nodes) {
    const value = info.labels[constraint.key];
    if (value === undefined || !takesPart(pod, info, constraint, needed)) continue;
    counts.set(value, (counts.get(value) ?? 0) + tally.at(info));
  }
  let least = Infinity;
  for (const count of counts.values()) if (count < least) least = count;
  return { counts, domains: counts, least };
}

/** Nodes without the constraint's own label do not matter: they are in no domain. */
function allTakePart(pod: PodInfo, constraint: Constraint, needed: readonly Constraint[], snapshot: Snapshot): boolean {
  const { spec } = pod.pod;
  const choosy =
    spec?.nodeSelector !== undefined || spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined;
  if ((constraint.honorAffinity && choosy) || (constraint.honorTaints && snapshot.anyTainted)) return false;
  const others = needed.filter(({ key }) => key !== constraint.key);
  if (others.length === 0) return true;
  const nodeCount = snapshot.nodes.length;
  return others.every(({ key }) => {
    let labelled = 0;
    for (const count of snapshot.topology(key).values()) labelled += count;
    return labelled === nodeCount;
  });
}
