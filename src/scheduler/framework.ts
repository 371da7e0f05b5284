// The scheduling framework: what a plugin may say about pods and nodes. Each plugin is one file in plugins/; the list of
// them is profile.ts. Terms and order are upstream's (kube-scheduler's framework).

import type { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { Resources } from "./resources.ts";

export type AnyPod = DeepReadonly<Pod>;
export type AnyNode = DeepReadonly<Node>;

/** A node as the scheduler sees it: with the pods that run or were just placed there. Plugins must not change it. */
export interface NodeInfo {
  readonly node: AnyNode;
  readonly name: string;
  readonly pods: ReadonlySet<AnyPod>;
  /** Pods with inter-pod affinity or anti-affinity of any sort. */
  readonly affinityPods: ReadonlySet<AnyPod>;
  readonly allocatable: Resources;
  /** Sum of what its pods request. */
  readonly requested: Resources;
  /** The same with upstream's stand-ins for cpu and memory that pods do not ask for; for scores. */
  readonly requestedNonZero: Resources;
  /** `protocol/ip/port` taken by host ports. */
  readonly usedPorts: ReadonlySet<string>;
}

/** All nodes at one moment. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  /** Those of them that have affinityPods: few, in most clusters. */
  readonly affinityNodes: readonly NodeInfo[];
  /** Labels of a namespace, for namespace selectors. */
  readonly namespaceLabels: (name: string) => Readonly<Record<string, string>> | undefined;
}

/** Why a node will not do. `unresolvable`: nothing that leaves the node could change it. */
export interface Refusal {
  /** Each is counted by itself in the message to the user. */
  readonly reasons: readonly string[];
  readonly unresolvable?: boolean;
}

/**
 * A plugin. For each pod `prepare` runs once and returns what it wants to say about nodes; undefined: it has no opinion on
 * this pod, and costs nothing more. All functions are pure.
 */
export interface Plugin {
  /** Upstream's name. */
  readonly name: string;
  /** How much its score counts; upstream's default weights. */
  readonly weight: number;
  readonly prepare: (pod: AnyPod, snapshot: Snapshot) => Opinion | undefined;
}

export interface Opinion {
  /** Undefined: the node will do. */
  readonly filter?: (info: NodeInfo) => Refusal | undefined;
  /** Raw score of a node that passed all filters; normalised to 0..100 by `normalize`. */
  readonly score?: (info: NodeInfo) => number;
  /** Default: scores are already within 0..100. */
  readonly normalize?: (scores: number[]) => void;
}

export const MAX_SCORE = 100;

/** Scales to 0..100 by the largest; `reverse`: the smallest raw score is best. */
export function normalizeByMax(scores: number[], reverse: boolean): void {
  let max = 0;
  for (const score of scores) max = Math.max(max, score);
  for (let position = 0; position < scores.length; position++) {
    const score = max === 0 ? 0 : Math.floor(((scores[position] ?? 0) * MAX_SCORE) / max);
    scores[position] = reverse ? MAX_SCORE - score : score;
  }
}
