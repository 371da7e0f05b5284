import { type AffinityTerm, allOf } from "../affinity-terms.ts";
import { type Filter, MAX_SCORE, type NodeInfo, type Plugin, type PodInfo, type Refusal, type Score, type Snapshot } from "../framework.ts";
import { interPodAffinityEvents } from "./inter-pod-affinity-events.ts";

export interface InterPodAffinityArgs {
  /** How much a required affinity of a placed pod counts for the newcomer's score. */
  readonly hardPodAffinityWeight: number;
  /** Preferred terms of placed pods count only for newcomers that have some, too. */
  readonly ignorePreferredTermsOfExistingPods?: boolean;
}

const NOT_NEAR: Refusal = { reasons: ["node(s) didn't match pod affinity rules"], unresolvable: true };
const TOO_NEAR: Refusal = { reasons: ["node(s) didn't match pod anti-affinity rules"] };
const UNWELCOME: Refusal = { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"] };

/** Places pods near those they want to be near and away from those they (or those) do not. */
export function interPodAffinity(args: InterPodAffinityArgs): Plugin {
  return { name: "InterPodAffinity", filter, score: (pod, snapshot) => score(pod, snapshot, args), events: interPodAffinityEvents };
}

/** Pods by the value of a topology label, with what a what-if adds or takes away. */
interface Counts {
  readonly key: string;
  readonly real: ReadonlyMap<string, number>;
  readonly shifted: Map<string, number>;
}

const countsOf = (key: string, real: ReadonlyMap<string, number>): Counts => ({ key, real, shifted: new Map() });

function countAt({ key, real, shifted }: Counts, info: NodeInfo): number | undefined {
  const value = info.labels[key];
  return value === undefined ? undefined : (real.get(value) ?? 0) + (shifted.size === 0 ? 0 : (shifted.get(value) ?? 0));
}

function shiftAt({ key, shifted }: Counts, info: NodeInfo, by: number): void {
  const value = info.labels[key];
  if (value === undefined) return;
  const count = (shifted.get(value) ?? 0) + by;
  if (count === 0) shifted.delete(value);
  else shifted.set(value, count);
}

const idOf = ({ topologyKey, selection }: AffinityTerm) => `${topologyKey} ${selection.id}`;

function filter(pod: PodInfo, snapshot: Snapshot): Filter | undefined {
  /** Placed pods that do not want this one near, by term. */
  const unwelcome = new Map<string, Counts>();
  for (const { term, counts } of snapshot.existingTerms("antiAffinity", pod.namespace)) {
    if (counts.size > 0 && term.selection.matches(pod)) unwelcome.set(idOf(term), countsOf(term.topologyKey, counts));
  }
  const { affinity, antiAffinity } = pod;
  // Pods that room is being made for may have terms, too.
  if (unwelcome.size === 0 && affinity.length === 0 && antiAffinity.length === 0 && !snapshot.anyNominated) return undefined;
  // A pod counts for affinity if it matches all terms.
  const friends = allOf(affinity);
  const friendTally = friends && snapshot.tally(friends);
  const near = friendTally ? affinity.map(({ topologyKey }) => countsOf(topologyKey, friendTally.by(topologyKey).counts)) : [];
  const away = antiAffinity.map(({ topologyKey, selection }) => countsOf(topologyKey, snapshot.tally(selection).by(topologyKey).counts));
  const matchesItself = friends?.matches(pod) ?? false;

  const check = (info: NodeInfo): Refusal | undefined => {
    let found = true;
    for (const counts of near) {
      const count = countAt(counts, info);
      if (count === undefined) return NOT_NEAR;
      if (count <= 0) found = false;
    }
    // The first of a group that wants to be together has nobody to join: it may go anywhere that has the topology keys.
    if (!found && !(matchesItself && near.every(isEmpty))) return NOT_NEAR;
    for (const counts of away) if ((countAt(counts, info) ?? 0) > 0) return TOO_NEAR;
    for (const counts of unwelcome.values()) if ((countAt(counts, info) ?? 0) > 0) return UNWELCOME;
    return undefined;
  };
  const shift = (info: NodeInfo, other: PodInfo, by: 1 | -1) => {
    if (friends?.matches(other)) for (const counts of near) shiftAt(counts, info, by);
    for (const [position, { selection }] of antiAffinity.entries()) {
      const counts = away[position];
      if (counts && selection.matches(other)) shiftAt(counts, info, by);
    }
    for (const term of other.antiAffinity) {
      if (!term.selection.matches(pod)) continue;
      let counts = unwelcome.get(idOf(term));
      if (!counts) unwelcome.set(idOf(term), (counts = countsOf(term.topologyKey, new Map())));
      shiftAt(counts, info, by);
    }
  };
  return { check, shift };
}

/** No pod at all, whatever the value. */
function isEmpty({ real, shifted }: Counts): boolean {
  if (shifted.size === 0) return real.size === 0;
  for (const [value, count] of real) if (count + (shifted.get(value) ?? 0) > 0) return false;
  for (const [value, count] of shifted) if (count + (real.get(value) ?? 0) > 0) return false;
  return true;
}

interface WeightedCounts {
  readonly key: string;
  readonly weight: number;
  readonly counts: ReadonlyMap<string, number>;
}

function score(pod: PodInfo, snapshot: Snapshot, args: InterPodAffinityArgs): Score | undefined {
  if (args.ignorePreferredTermsOfExistingPods && pod.preferred.length === 0) return undefined;
  const parts: WeightedCounts[] = [];
  const add = ({ topologyKey: key }: AffinityTerm, weight: number, counts: ReadonlyMap<string, number>) => {
    if (weight !== 0 && counts.size > 0) parts.push({ key, weight, counts });
  };
  for (const term of pod.preferred) add(term, term.weight, snapshot.tally(term.selection).by(term.topologyKey).counts);
  for (const { term, counts } of snapshot.existingTerms("affinity", pod.namespace)) {
    if (term.selection.matches(pod)) add(term, args.hardPodAffinityWeight, counts);
  }
  for (const { term, weight, counts } of snapshot.existingTerms("preferred", pod.namespace)) {
    if (term.selection.matches(pod)) add(term, weight, counts);
  }
  if (parts.length === 0) return undefined;
  return {
    score: ({ labels }) => {
      let sum = 0;
      for (const { key, weight, counts } of parts) {
        const value = labels[key];
        if (value !== undefined) sum += weight * (counts.get(value) ?? 0);
      }
      return sum;
    },
    normalize: (scores) => {
      let [min, max] = [Infinity, -Infinity];
      for (const one of scores) [min, max] = [Math.min(min, one), Math.max(max, one)];
      for (let position = 0; position < scores.length; position++) {
        scores[position] = max === min ? 0 : Math.trunc(MAX_SCORE * (((scores[position] ?? 0) - min) / (max - min)));
      }
    },
  };
}
