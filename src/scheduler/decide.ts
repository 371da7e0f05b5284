// Chooses the node for a pod: filters, then scores those that are left. A pod, a snapshot and a profile in; a node or the
// reasons why not out. Rules: kube-scheduler schedule_one.go.

import { type Diagnosis, type FailedCycle, type Filter, type NodeInfo, type PodInfo, type Refusal, type Snapshot } from "./framework.ts";
import { copyOf } from "./node-info.ts";
import type { Profile } from "./profile.ts";

export type Choice =
  | { readonly node: NodeInfo }
  /** It fits nowhere. */
  | { readonly failed: FailedCycle }
  | { readonly noNodes: true };

/** Where the next search begins, so that all nodes of a large cluster get their share. */
export interface Rotation {
  start: number;
}

/** Of how many nodes more than this not all are looked at. */
const MIN_FEASIBLE = 100;
const MIN_PERCENTAGE = 5;

interface NamedFilter {
  readonly plugin: string;
  readonly filter: Filter;
}

const none: readonly PodInfo[] = [];
const NOTHING: Refusal = { reasons: [], unresolvable: true };

export function chooseNode(pod: PodInfo, snapshot: Snapshot, profile: Profile, rotation: Rotation, random: () => number): Choice {
  const { nodes } = snapshot;
  if (nodes.length === 0) return { noNodes: true };
  const filters: NamedFilter[] = [];
  const restricting: string[] = [];
  let nodeNames: ReadonlySet<string> | undefined;
  for (const plugin of profile.filters) {
    const answer = plugin.filter(pod, snapshot);
    if (!answer) continue;
    if ("refusal" in answer) return { failed: refusedPod(pod, snapshot, plugin.name, answer.refusal) };
    filters.push({ plugin: plugin.name, filter: answer });
    if (!answer.nodeNames) continue;
    restricting.push(plugin.name);
    nodeNames = nodeNames?.intersection(answer.nodeNames) ?? answer.nodeNames;
    if (nodeNames.size === 0) {
      const names = restricting.toSorted();
      const reason =
        names.length === 1
          ? `node(s) didn't satisfy plugin ${names[0] ?? ""}`
          : `node(s) didn't satisfy plugin(s) [${names.join(" ")}] simultaneously`;
      return { failed: refusedPod(pod, snapshot, names, { reasons: [reason], unresolvable: true }) };
    }
  }

  const refusals = new Map<string, Refusal>();
  const rejectedBy = new Set<string>(restricting);
  const nominated = snapshot.node(pod.pod.status?.nominatedNodeName ?? "");
  if (nominated && !refuses(nominated, pod, filters, snapshot)) return { node: nominated };

  const candidates = nodeNames ? [...nodeNames].flatMap((name) => snapshot.node(name) ?? []) : nodes;
  const wanted = profile.scores.length === 0 ? 1 : feasibleToFind(candidates.length, profile.percentageOfNodesToScore);
  const feasible: NodeInfo[] = [];
  const start = rotation.start;
  let looked = 0;
  for (; looked < candidates.length && feasible.length < wanted; looked++) {
    const info = candidates[(start + looked) % candidates.length];
    if (!info) break;
    const refused = refuses(info, pod, filters, snapshot);
    if (!refused) feasible.push(info);
    else {
      refusals.set(info.name, refused.refusal);
      rejectedBy.add(refused.plugin);
    }
  }
  rotation.start = (start + looked) % nodes.length;
  if (feasible.length > 0) return { node: best(pod, feasible, snapshot, profile, random) };

  const others: Refusal =
    restricting.length === 0
      ? NOTHING
      : { reasons: [`node(s) didn't satisfy plugin(s) [${restricting.toSorted().join(" ")}]`], unresolvable: true };
  const diagnosis: Diagnosis = { nodeCount: nodes.length, refusals, others, rejectedBy };
  return {
    failed: {
      pod,
      snapshot,
      diagnosis,
      fits: (info) => refuses(info, pod, filters, snapshot)?.refusal,
      shift: (info, other, by) => shiftAll(filters, info, other, by),
    },
  };
}

/** How many nodes that fit are enough to choose among. */
export function feasibleToFind(nodes: number, percentageOfNodesToScore: number): number {
  if (nodes < MIN_FEASIBLE) return nodes;
  const percentage = percentageOfNodesToScore === 0 ? Math.max(50 - Math.trunc(nodes / 125), MIN_PERCENTAGE) : percentageOfNodesToScore;
  return Math.max(Math.trunc((nodes * percentage) / 100), MIN_FEASIBLE);
}

function refusedPod(pod: PodInfo, snapshot: Snapshot, plugin: string | readonly string[], refusal: Refusal): FailedCycle {
  const diagnosis: Diagnosis = {
    nodeCount: snapshot.nodes.length,
    refusals: new Map(),
    others: refusal,
    podRefusal: refusal.reasons.join(", "),
    rejectedBy: new Set(typeof plugin === "string" ? [plugin] : plugin),
  };
  return { pod, snapshot, diagnosis, fits: () => refusal, shift: () => {} };
}

interface Refused {
  readonly plugin: string;
  readonly refusal: Refusal;
}

function firstRefusal(info: NodeInfo, filters: readonly NamedFilter[]): Refused | undefined {
  for (const { plugin, filter } of filters) {
    const refusal = filter.check(info);
    if (refusal) return { plugin, refusal };
  }
  return undefined;
}

function shiftAll(filters: readonly NamedFilter[], info: NodeInfo, other: PodInfo, by: 1 | -1): void {
  for (const { filter } of filters) filter.shift?.(info, other, by);
}

/**
 * Pods that room is being made for, and that are not less important, count as if they were there; but the pod must fit
 * without them, too, since they may go elsewhere.
 */
function refuses(info: NodeInfo, pod: PodInfo, filters: readonly NamedFilter[], snapshot: Snapshot): Refused | undefined {
  const expected = snapshot.anyNominated ? snapshot.nominated(info.name) : none;
  if (expected.length === 0) return firstRefusal(info, filters);
  const yieldTo = expected.filter((other) => other.priority >= pod.priority && other.key !== pod.key);
  if (yieldTo.length > 0) {
    const full = copyOf(info);
    for (const other of yieldTo) {
      full.add(other);
      shiftAll(filters, full, other, 1);
    }
    const refused = firstRefusal(full, filters);
    for (const other of yieldTo) shiftAll(filters, full, other, -1);
    if (refused) return refused;
  }
  return firstRefusal(info, filters);
}

function best(pod: PodInfo, feasible: readonly NodeInfo[], snapshot: Snapshot, profile: Profile, random: () => number): NodeInfo {
  const [only] = feasible;
  if (only && feasible.length === 1) return only;
  const totals = new Float64Array(feasible.length);
  const scores: number[] = Array.from({ length: feasible.length }, () => 0);
  for (const { plugin, weight } of profile.scores) {
    const answer = plugin.score(pod, snapshot, feasible);
    if (!answer) continue;
    for (let position = 0; position < feasible.length; position++) {
      const info = feasible[position];
      if (info) scores[position] = answer.score(info);
    }
    answer.normalize?.(scores);
    for (let position = 0; position < totals.length; position++)
      totals[position] = (totals[position] ?? 0) + (scores[position] ?? 0) * weight;
  }
  // Of equals one at random, so that equal nodes fill evenly.
  let highest = -Infinity;
  let equals = 0;
  let chosen = only;
  for (let position = 0; position < totals.length; position++) {
    const total = totals[position] ?? 0;
    if (total > highest) {
      highest = total;
      equals = 1;
      chosen = feasible[position];
    } else if (total === highest && random() < 1 / ++equals) chosen = feasible[position];
  }
  if (!chosen) throw new RangeError("no feasible node to choose from");
  return chosen;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` and what was tried to make room. */
export function fitMessage(diagnosis: Diagnosis, afterwards = ""): string {
  const { nodeCount, podRefusal } = diagnosis;
  const parts = podRefusal === undefined ? histogram(diagnosis) : podRefusal;
  return `0/${nodeCount} nodes are available:${parts === "" ? "" : ` ${parts}.`}${afterwards === "" ? "" : ` ${afterwards}`}`;
}

function histogram({ nodeCount, refusals, others }: Diagnosis): string {
  const counts = new Map<string, number>();
  const add = (refusal: Refusal, nodes: number) => {
    for (const reason of refusal.reasons) counts.set(reason, (counts.get(reason) ?? 0) + nodes);
  };
  const same = new Map<Refusal, number>();
  for (const refusal of refusals.values()) same.set(refusal, (same.get(refusal) ?? 0) + 1);
  for (const [refusal, nodes] of same) add(refusal, nodes);
  if (refusals.size < nodeCount) add(others, nodeCount - refusals.size);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted()
    .join(", ");
}
