// Chooses the node for a pod. Pure: a pod, a snapshot and plugins in, a node or the reasons why not out.

import type { AnyPod, NodeInfo, Opinion, Plugin, Refusal, Snapshot } from "./framework.ts";

export type Choice =
  | { readonly node: string }
  /** Message for the PodScheduled condition, worded as upstream's FitError. */
  | { readonly message: string; readonly refusals: ReadonlyMap<string, Refusal> };

export function chooseNode(pod: AnyPod, snapshot: Snapshot, plugins: readonly Plugin[], random: () => number): Choice {
  if (snapshot.nodes.length === 0) return { message: "no nodes available to schedule pods", refusals: new Map() };
  const opinions = plugins.flatMap((plugin) => {
    const opinion = plugin.prepare(pod, snapshot);
    return opinion ? [{ plugin, opinion }] : [];
  });
  const refusals = new Map<string, Refusal>();
  const feasible: NodeInfo[] = [];
  for (const info of snapshot.nodes) {
    const refusal = firstRefusal(info, opinions);
    if (refusal) refusals.set(info.name, refusal);
    else feasible.push(info);
  }
  if (feasible.length === 0) return { message: fitMessage(snapshot.nodes.length, refusals), refusals };
  return { node: best(feasible, opinions, random).name };
}

type Opinions = readonly { readonly plugin: Plugin; readonly opinion: Opinion }[];

function firstRefusal(info: NodeInfo, opinions: Opinions): Refusal | undefined {
  for (const { opinion } of opinions) {
    const refusal = opinion.filter?.(info);
    if (refusal) return refusal;
  }
  return undefined;
}

function best(feasible: readonly NodeInfo[], opinions: Opinions, random: () => number): NodeInfo {
  const [only] = feasible;
  if (only && feasible.length === 1) return only;
  const totals = new Float64Array(feasible.length);
  for (const { plugin, opinion } of opinions) {
    if (!opinion.score) continue;
    const scores = feasible.map(opinion.score);
    opinion.normalize?.(scores);
    for (const [position, score] of scores.entries()) totals[position] = (totals[position] ?? 0) + score * plugin.weight;
  }
  // Of equals one at random, so that equal nodes fill evenly.
  let highest = -1;
  let equals = 0;
  let chosen: NodeInfo | undefined;
  for (const [position, info] of feasible.entries()) {
    const total = totals[position] ?? 0;
    if (total > highest) {
      highest = total;
      equals = 1;
      chosen = info;
    } else if (total === highest && random() < 1 / ++equals) chosen = info;
  }
  if (!chosen) throw new RangeError("no feasible node to choose from");
  return chosen;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` */
export function fitMessage(nodes: number, refusals: ReadonlyMap<string, Refusal>): string {
  const counts = new Map<string, number>();
  for (const { reasons } of refusals.values()) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${nodes} nodes are available: ${parts.join(", ")}.`;
}
