// The scheduling framework: what plugins may say about pods and nodes. Each plugin is one file in plugins/; which of them
// are asked, and with what weight, is a profile's matter. Terms and order are upstream's (kube-scheduler's framework).

import type { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly, Key } from "#meta/object.ts";
import type { Selection } from "./affinity-terms.ts";
import type { EventInterest } from "./cluster-events.ts";
import type { NodeInfo } from "./node-info.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Tally, TermGroup, TermKind } from "./tally.ts";

export type { NodeInfo } from "./node-info.ts";
export type { PodInfo } from "./pod-info.ts";

export type AnyPod = DeepReadonly<Pod>;
export type AnyNode = DeepReadonly<Node>;

/** The cluster as decisions see it: what the API shows, and what was just decided. Nothing changes while a decision is made. */
export interface Snapshot {
  /** Nodes of different zones in turn, so that a sample of neighbours is spread over zones. */
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
  /** Nodes by the value of a label; those without it are left out. */
  topology(key: string): ReadonlyMap<string, number>;
  /** Whether some node has a taint that keeps pods away. */
  readonly anyTainted: boolean;
  /** Whether some node has a taint that pods would rather avoid. */
  readonly anySoftlyTainted: boolean;
  /** Whether some node is cordoned. */
  readonly anyCordoned: boolean;
  /** How many pods match, by node and by topology. Kept current from the first time that it is asked for. */
  tally(selection: Selection): Tally;
  /** Affinity terms of placed pods that may look at pods of this namespace. */
  existingTerms(kind: TermKind, namespace: string): Iterable<TermGroup>;
  /** How many placed pods use the claim. */
  claimUsers(claim: Key): number;
  /** How many nodes have the image. */
  nodesWithImage(name: string): number;
  readonly anyNominated: boolean;
  /** Pods that room is being made for on the node. */
  nominated(node: string): readonly PodInfo[];
  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined;
}

/** Why a node will not do. */
export interface Refusal {
  /** Each is counted by itself in the message to the user. */
  readonly reasons: readonly string[];
  /** No pod's leaving the node could change it. */
  readonly unresolvable?: boolean;
}

/** Says of nodes whether a certain pod may go there. */
export interface Filter {
  /** Undefined: the node will do. */
  readonly check: (info: NodeInfo) => Refusal | undefined;
  /** Only these nodes come into question. */
  readonly nodeNames?: ReadonlySet<string>;
  /** What-if: counts a pod on the node, or no longer. The caller takes back what it did. */
  readonly shift?: (info: NodeInfo, other: PodInfo, by: 1 | -1) => void;
}

/** The pod can go nowhere, whatever the node. */
export interface PodRefusal {
  readonly refusal: Refusal;
}

export interface Score {
  /** Of a node that passed all filters. */
  readonly score: (info: NodeInfo) => number;
  /** Brings raw scores to 0..100, in place. Default: they are within it already. */
  readonly normalize?: (scores: number[]) => void;
}

/** What a plugin holds for a pod that was given a node, until the pod is bound or given up. */
export interface Reservation {
  /** Has to be done before the pod is bound. Absent: nothing. */
  readonly preBind?: (signal: AbortSignal) => Promise<void>;
  readonly release: () => void;
}

/** What is known of a pod that fits nowhere. */
export interface Diagnosis {
  readonly nodeCount: number;
  /** By node. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** Of nodes that `refusals` does not name. */
  readonly others: Refusal;
  /** What a plugin said of the pod whatever the node. */
  readonly podRefusal?: string;
  /** Names of the plugins that refused: a change that none of them minds is no reason to try again. */
  readonly rejectedBy: ReadonlySet<string>;
}

/** A pod that fits nowhere as things are. */
export interface FailedCycle {
  readonly pod: PodInfo;
  readonly snapshot: Snapshot;
  readonly diagnosis: Diagnosis;
  /** Whether it would fit there, nominated pods counted; for what-ifs on a copy of a node. */
  readonly fits: (info: NodeInfo) => Refusal | undefined;
  /** Tells the filters of a what-if. */
  readonly shift: (info: NodeInfo, other: PodInfo, by: 1 | -1) => void;
}

export interface PostFilterResult {
  /** For the user, after the reasons. */
  readonly message: string;
  /** The node on which room is being made; "": it has none any more; undefined: nothing to say. */
  readonly nominatedNode?: string;
}

/**
 * A plugin: a name and what it has to say at each extension point. `filter` and `score` run once per pod and return a
 * function for nodes; undefined: no opinion on this pod, which then costs nothing more.
 */
export interface Plugin {
  /** Upstream's name. */
  readonly name: string;
  /** Which of two waiting pods goes first: negative for `a`, 0 if it has no preference. */
  readonly queueSort?: (a: PodInfo, b: PodInfo) => number;
  /** Why the pod may not even be tried. */
  readonly preEnqueue?: (pod: PodInfo) => string | undefined;
  readonly filter?: (pod: PodInfo, snapshot: Snapshot) => Filter | PodRefusal | undefined;
  readonly postFilter?: (cycle: FailedCycle) => PostFilterResult;
  readonly score?: (pod: PodInfo, snapshot: Snapshot, feasible: readonly NodeInfo[]) => Score | undefined;
  readonly reserve?: (pod: PodInfo, node: NodeInfo) => Reservation | undefined;
  readonly bind?: (pod: PodInfo, node: string, signal: AbortSignal) => Promise<void>;
  /** Changes after which a pod that this plugin refused may be worth another try. */
  readonly events?: readonly EventInterest[];
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
