import { type AffinityTerm, affinityTerm, preferredTerms, requiredTerms } from "../affinity-terms.ts";
import { type AnyPod, MAX_SCORE, type NodeInfo, type Opinion, type Plugin, type Snapshot } from "../framework.ts";

/** How much a required affinity of a running pod counts for the newcomer's score (upstream's hardPodAffinityWeight). */
const HARD_AFFINITY_WEIGHT = 1;

/** Places pods near those they want to be near and away from those they (or those) do not. */
export const interPodAffinity: Plugin = {
  name: "InterPodAffinity",
  weight: 2,
  prepare: (pod, snapshot) => {
    const near = requiredTerms(pod, "podAffinity").map((term) => affinityTerm(pod, term, snapshot));
    const away = requiredTerms(pod, "podAntiAffinity").map((term) => affinityTerm(pod, term, snapshot));
    const filter = filterFor(pod, snapshot, near, away);
    const score = scoreFor(pod, snapshot);
    return filter || score ? { ...(filter ? { filter } : {}), ...score } : undefined;
  },
};

function filterFor(pod: AnyPod, snapshot: Snapshot, near: readonly AffinityTerm[], away: readonly AffinityTerm[]): Opinion["filter"] {
  /** Domains, as `key=value`, that running pods keep the newcomer out of. */
  const refused = new Set<string>();
  /** Per affinity term: domains with a matching pod. A pod counts if it matches all terms, as upstream. */
  const nearDomains = near.map(() => new Set<string>());
  const awayDomains = away.map(() => new Set<string>());
  for (const info of snapshot.affinityNodes) {
    for (const other of info.affinityPods) {
      for (const term of requiredTerms(other, "podAntiAffinity")) {
        if (affinityTerm(other, term, snapshot).matches(pod)) addDomain(refused, info, term.topologyKey);
      }
    }
  }
  for (const info of near.length > 0 || away.length > 0 ? snapshot.nodes : []) {
    for (const other of info.pods) {
      if (near.length > 0 && near.every((term) => term.matches(other))) {
        for (const [position, term] of near.entries()) addDomain(nearDomains[position], info, term.topologyKey);
      }
      for (const [position, term] of away.entries()) if (term.matches(other)) addDomain(awayDomains[position], info, term.topologyKey);
    }
  }
  if (refused.size === 0 && near.length === 0 && away.length === 0) return undefined;
  // The first of a group that wants to be together has nobody to join: it may go anywhere that has the topology keys.
  const first = nearDomains.every((domains) => domains.size === 0) && near.every((term) => term.matches(pod));
  return (info) => {
    for (const [position, term] of near.entries()) {
      const domain = domainOf(info, term.topologyKey);
      if (domain === undefined || (!first && nearDomains[position]?.has(domain) !== true)) {
        return { reasons: ["node(s) didn't match pod affinity rules"], unresolvable: true };
      }
    }
    for (const [position, term] of away.entries()) {
      const domain = domainOf(info, term.topologyKey);
      if (domain !== undefined && awayDomains[position]?.has(domain)) return { reasons: ["node(s) didn't match pod anti-affinity rules"] };
    }
    for (const domain of refused) {
      const [key, value] = split(domain);
      if (info.node.metadata?.labels?.[key] === value) return { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"] };
    }
    return undefined;
  };
}

function scoreFor(pod: AnyPod, snapshot: Snapshot): Pick<Opinion, "score" | "normalize"> | undefined {
  const own = [
    ...preferredTerms(pod, "podAffinity").map(({ podAffinityTerm, weight }) => affinityTerm(pod, podAffinityTerm, snapshot, weight)),
    ...preferredTerms(pod, "podAntiAffinity").map(({ podAffinityTerm, weight }) => affinityTerm(pod, podAffinityTerm, snapshot, -weight)),
  ];
  const sums = new Map<string, number>();
  const add = (info: NodeInfo, key: string, weight: number) => {
    const domain = domainOf(info, key);
    if (domain !== undefined) sums.set(domain, (sums.get(domain) ?? 0) + weight);
  };
  for (const info of own.length > 0 ? snapshot.nodes : []) {
    for (const other of info.pods) for (const term of own) if (term.matches(other)) add(info, term.topologyKey, term.weight);
  }
  for (const info of snapshot.affinityNodes) {
    for (const other of info.affinityPods) {
      for (const term of requiredTerms(other, "podAffinity")) {
        if (affinityTerm(other, term, snapshot).matches(pod)) add(info, term.topologyKey, HARD_AFFINITY_WEIGHT);
      }
      for (const { podAffinityTerm, weight } of preferredTerms(other, "podAffinity")) {
        if (affinityTerm(other, podAffinityTerm, snapshot).matches(pod)) add(info, podAffinityTerm.topologyKey, weight);
      }
      for (const { podAffinityTerm, weight } of preferredTerms(other, "podAntiAffinity")) {
        if (affinityTerm(other, podAffinityTerm, snapshot).matches(pod)) add(info, podAffinityTerm.topologyKey, -weight);
      }
    }
  }
  if (sums.size === 0) return undefined;
  const entries = [...sums].map(([domain, weight]) => ({ parts: split(domain), weight }));
  return {
    score: (info) =>
      entries.reduce((sum, { parts: [key, value], weight }) => (info.node.metadata?.labels?.[key] === value ? sum + weight : sum), 0),
    normalize: (scores) => {
      let [min, max] = [Infinity, -Infinity];
      for (const score of scores) [min, max] = [Math.min(min, score), Math.max(max, score)];
      for (let position = 0; position < scores.length; position++) {
        scores[position] = max === min ? 0 : Math.floor((MAX_SCORE * ((scores[position] ?? 0) - min)) / (max - min));
      }
    },
  };
}

function domainOf(info: NodeInfo, key: string): string | undefined {
  const value = info.node.metadata?.labels?.[key];
  return value === undefined ? undefined : `${key}=${value}`;
}

function addDomain(domains: Set<string> | undefined, info: NodeInfo, key: string): void {
  const domain = domainOf(info, key);
  if (domain !== undefined) domains?.add(domain);
}

/** Label keys hold no "=". */
function split(domain: string): [string, string] {
  const at = domain.indexOf("=");
  return [domain.slice(0, at), domain.slice(at + 1)];
}
