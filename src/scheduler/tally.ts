// Counts of pods by node and by topology, kept current pod by pod, so that no decision has to look at all pods.

import type { AffinityTerm, Selection } from "./affinity-terms.ts";
import type { NodeInfo } from "./framework.ts";

/** Counts by the value of one node label. Values without a matching pod are absent. */
export interface Domains {
  readonly counts: ReadonlyMap<string, number>;
  /** The least of `valueCount` values, absent ones counted as 0. */
  least(valueCount: number): number;
}

/** How many of the placed pods a selection chooses. */
export interface Tally {
  at(node: NodeInfo): number;
  by(topologyKey: string): Domains;
}

/** By how many values have a count, the least is found without looking at all values. */
class CountedDomains implements Domains {
  readonly counts = new Map<string, number>();
  readonly #valuesWith = new Map<number, number>();

  change(value: string, by: number): void {
    const before = this.counts.get(value) ?? 0;
    const after = before + by;
    if (after === 0) this.counts.delete(value);
    else this.counts.set(value, after);
    if (before !== 0) this.#shift(before, -1);
    if (after !== 0) this.#shift(after, 1);
  }

  least(valueCount: number): number {
    if (this.counts.size < valueCount) return 0;
    let least = Infinity;
    for (const count of this.#valuesWith.keys()) if (count < least) least = count;
    return least;
  }

  #shift(count: number, by: number): void {
    const values = (this.#valuesWith.get(count) ?? 0) + by;
    if (values === 0) this.#valuesWith.delete(count);
    else this.#valuesWith.set(count, values);
  }
}

export class CountingTally implements Tally {
  readonly selection: Selection;
  /** By the node's name: what-ifs ask with copies of nodes. */
  readonly #byNode = new Map<string, { readonly node: NodeInfo; count: number }>();
  readonly #byKey = new Map<string, CountedDomains>();

  constructor(selection: Selection) {
    this.selection = selection;
  }

  at(node: NodeInfo): number {
    return this.#byNode.get(node.name)?.count ?? 0;
  }

  by(topologyKey: string): Domains {
    let domains = this.#byKey.get(topologyKey);
    if (!domains) {
      domains = new CountedDomains();
      for (const { node, count } of this.#byNode.values()) {
        const value = node.labels[topologyKey];
        if (value !== undefined) domains.change(value, count);
      }
      this.#byKey.set(topologyKey, domains);
    }
    return domains;
  }

  /** The node's labels must be the same at the adding and at the taking away of a pod. */
  change(node: NodeInfo, by: 1 | -1): void {
    const entry = this.#byNode.get(node.name);
    if (!entry) this.#byNode.set(node.name, { node, count: by });
    else if ((entry.count += by) === 0) this.#byNode.delete(node.name);
    for (const [key, domains] of this.#byKey) {
      const value = node.labels[key];
      if (value !== undefined) domains.change(value, by);
    }
  }
}

export type TermKind = "antiAffinity" | "affinity" | "preferred";

/** Placed pods with one and the same affinity term. */
export interface TermGroup {
  readonly term: AffinityTerm;
  /** Of preferred terms; negative: to be kept away from. */
  readonly weight: number;
  /** How many of them are in each domain of the term's topology. */
  readonly counts: ReadonlyMap<string, number>;
}

interface CountedGroup extends TermGroup {
  readonly id: string;
  readonly counts: Map<string, number>;
  /** Those on nodes without the topology's label, too. */
  pods: number;
}

/** Groups of one kind, found by the namespace they look at. */
export class TermGroups {
  readonly #groups = new Map<string, CountedGroup>();
  readonly #byNamespace = new Map<string, Set<CountedGroup>>();
  readonly #anyNamespace = new Set<CountedGroup>();

  *lookingAt(namespace: string): Iterable<TermGroup> {
    yield* this.#byNamespace.get(namespace) ?? [];
    yield* this.#anyNamespace;
  }

  change(node: NodeInfo, term: AffinityTerm, weight: number, by: 1 | -1): void {
    const id = `${weight} ${term.topologyKey} ${term.selection.id}`;
    let group = this.#groups.get(id);
    if (!group) {
      group = { id, term, weight, counts: new Map(), pods: 0 };
      this.#groups.set(id, group);
      if (term.selection.namespaces === undefined) this.#anyNamespace.add(group);
      for (const namespace of term.selection.namespaces ?? []) {
        const found = this.#byNamespace.get(namespace);
        if (found) found.add(group);
        else this.#byNamespace.set(namespace, new Set([group]));
      }
    }
    group.pods += by;
    if (group.pods === 0) return this.#forget(group);
    const value = node.labels[term.topologyKey];
    if (value === undefined) return;
    const count = (group.counts.get(value) ?? 0) + by;
    if (count === 0) group.counts.delete(value);
    else group.counts.set(value, count);
  }

  #forget(group: CountedGroup): void {
    this.#groups.delete(group.id);
    this.#anyNamespace.delete(group);
    for (const namespace of group.term.selection.namespaces ?? []) {
      const found = this.#byNamespace.get(namespace);
      if (found?.delete(group) && found.size === 0) this.#byNamespace.delete(namespace);
    }
  }
}
