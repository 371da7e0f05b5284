// The scheduler's picture of the cluster: nodes with the pods on them and counts over both, kept current change by change,
// with pods that were just placed counted before the API shows them ("assumed", as upstream calls it).

import { type Key, makeKey } from "#meta/object.ts";
import type { Selection } from "./affinity-terms.ts";
import type { AnyNode, NodeInfo, PodInfo, Snapshot } from "./framework.ts";
import { MutableNodeInfo } from "./node-info.ts";
import { interleaveZones, zoneKeyOf } from "./node-order.ts";
import { createNominator, type Nominator } from "./nominator.ts";
import { CountingTally, TermGroups, type TermKind } from "./tally.ts";

/** A pod that is counted. Its node may not be known yet, or no longer. */
interface Placed {
  readonly pod: PodInfo;
  readonly node: string;
  readonly assumed: boolean;
}

export interface ClusterState {
  readonly snapshot: Snapshot;
  /** Pods that room is being made for. */
  readonly nominator: Nominator;
  /** As the API shows it; undefined: it is gone. */
  setNode(name: string, node: AnyNode | undefined): void;
  /** A pod as the API shows it, with a node; undefined: it has none, has ended or is gone. */
  setPod(key: Key, pod: PodInfo | undefined): void;
  /** Counts a pod on a node until setPod shows where it is, or forget(). */
  assume(pod: PodInfo, node: string): void;
  /** Ends an assumption; nothing happens if the API has shown the pod meanwhile. */
  forget(key: Key): void;
  /** Whether a pod is placed, for real or assumed. */
  isPlaced(key: Key): boolean;
  isAssumed(key: Key): boolean;
  /** Labels of a namespace changed. */
  namespaceChanged(): void;
}

/** Beyond it the tally that was not asked for longest is given up; it is counted anew if it is asked for again. */
const MAX_TALLIES = 2048;
const TAINT_EFFECTS: ReadonlySet<string> = new Set(["NoSchedule", "NoExecute"]);

export function createClusterState(namespaceLabels: Snapshot["namespaceLabels"]): ClusterState {
  const nodes = new Map<string, MutableNodeInfo>();
  const placed = new Map<Key, Placed>();
  const byNode = new Map<string, Set<Placed>>();
  const byNamespace = new Map<string, Set<Placed>>();
  const claimUsers = new Map<Key, number>();
  const images = new Map<string, number>();
  const tainted = new Set<string>();
  const softlyTainted = new Set<string>();
  const cordoned = new Set<string>();
  const tallies = new Map<string, CountingTally>();
  const groups: Readonly<Record<TermKind, TermGroups>> = {
    affinity: new TermGroups(),
    antiAffinity: new TermGroups(),
    preferred: new TermGroups(),
  };
  const topologies = new Map<string, Map<string, number>>();
  const nominator = createNominator();
  let order: readonly NodeInfo[] | undefined;

  const count = (info: MutableNodeInfo, pod: PodInfo, by: 1 | -1) => {
    if (by === 1) info.add(pod);
    else info.remove(pod);
    for (const term of pod.antiAffinity) groups.antiAffinity.change(info, term, 0, by);
    for (const term of pod.affinity) groups.affinity.change(info, term, 1, by);
    for (const term of pod.preferred) groups.preferred.change(info, term, term.weight, by);
    for (const tally of tallies.values()) {
      const { namespaces } = tally.selection;
      if ((namespaces === undefined || namespaces.has(pod.namespace)) && tally.selection.matches(pod)) tally.change(info, by);
    }
  };
  const countClaims = (pod: PodInfo, by: 1 | -1) => {
    for (const claim of pod.claims) {
      const key = makeKey(pod.namespace, claim);
      const users = (claimUsers.get(key) ?? 0) + by;
      if (users === 0) claimUsers.delete(key);
      else claimUsers.set(key, users);
    }
  };
  const put = (pod: PodInfo, node: string, assumed: boolean) => {
    remove(pod.key);
    const entry: Placed = { pod, node, assumed };
    placed.set(pod.key, entry);
    addTo(byNode, node, entry);
    addTo(byNamespace, pod.namespace, entry);
    countClaims(pod, 1);
    const info = nodes.get(node);
    if (info) count(info, pod, 1);
  };
  const remove = (key: Key) => {
    const entry = placed.get(key);
    if (!entry) return;
    placed.delete(key);
    removeFrom(byNode, entry.node, entry);
    removeFrom(byNamespace, entry.pod.namespace, entry);
    countClaims(entry.pod, -1);
    const info = nodes.get(entry.node);
    if (info) count(info, entry.pod, -1);
  };
  const countImages = (node: AnyNode, by: 1 | -1) => {
    for (const image of node.status?.images ?? []) {
      for (const name of image.names ?? []) {
        const users = (images.get(name) ?? 0) + by;
        if (users === 0) images.delete(name);
        else images.set(name, users);
      }
    }
  };
  const noteTaints = (name: string, node: AnyNode | undefined) => {
    const taints = node?.spec?.taints ?? [];
    note(
      tainted,
      name,
      taints.some(({ effect }) => TAINT_EFFECTS.has(effect)),
    );
    note(
      softlyTainted,
      name,
      taints.some(({ effect }) => effect === "PreferNoSchedule"),
    );
    note(cordoned, name, node?.spec?.unschedulable === true);
  };
  const forgetTally = (id: string) => void tallies.delete(id);

  const snapshot: Snapshot = {
    get nodes() {
      return (order ??= interleaveZones(nodes.values()));
    },
    node: (name) => nodes.get(name),
    get anyTainted() {
      return tainted.size > 0;
    },
    get anySoftlyTainted() {
      return softlyTainted.size > 0;
    },
    get anyCordoned() {
      return cordoned.size > 0;
    },
    topology(key) {
      let values = topologies.get(key);
      if (!values) {
        values = new Map();
        for (const { labels } of nodes.values()) {
          const value = labels[key];
          if (value !== undefined) values.set(value, (values.get(value) ?? 0) + 1);
        }
        topologies.set(key, values);
      }
      return values;
    },
    tally(selection) {
      let tally = tallies.get(selection.id);
      if (tally) tallies.delete(selection.id);
      else tally = countNow(selection);
      // Last in the map is the most recently used.
      tallies.set(selection.id, tally);
      if (tallies.size > MAX_TALLIES) for (const id of tallies.keys()) return (forgetTally(id), tally);
      return tally;
    },
    existingTerms: (kind, namespace) => groups[kind].lookingAt(namespace),
    claimUsers: (claim) => claimUsers.get(claim) ?? 0,
    nodesWithImage: (name) => images.get(name) ?? 0,
    get anyNominated() {
      return nominator.size > 0;
    },
    nominated: (node) => nominator.on(node),
    namespaceLabels,
  };
  const countNow = (selection: Selection): CountingTally => {
    const tally = new CountingTally(selection);
    const entries =
      selection.namespaces === undefined ? [placed.values()] : [...selection.namespaces].map((name) => byNamespace.get(name) ?? []);
    for (const some of entries) {
      for (const { pod, node } of some) {
        const info = nodes.get(node);
        if (info && selection.matches(pod)) tally.change(info, 1);
      }
    }
    return tally;
  };

  return {
    snapshot,
    nominator,
    setNode(name, node) {
      const present = nodes.get(name);
      noteTaints(name, node);
      if (present) countImages(present.node, -1);
      if (node) countImages(node, 1);
      const here = byNode.get(name) ?? [];
      const relabelled = present && node && !sameLabels(present.node, node);
      if (present && (!node || relabelled)) for (const { pod } of here) count(present, pod, -1);
      if (present && node) {
        if (zoneKeyOf(present.node) !== zoneKeyOf(node)) order = undefined;
        present.setNode(node);
        if (relabelled) {
          topologies.clear();
          for (const { pod } of here) count(present, pod, 1);
        }
        return;
      }
      order = undefined;
      topologies.clear();
      if (!node) return void nodes.delete(name);
      const info = new MutableNodeInfo(node);
      nodes.set(name, info);
      for (const { pod } of here) count(info, pod, 1);
    },
    setPod(key, pod) {
      const node = pod?.pod.spec?.nodeName;
      if (pod && node) put(pod, node, false);
      else remove(key);
    },
    assume: (pod, node) => put(pod, node, true),
    forget(key) {
      if (placed.get(key)?.assumed) remove(key);
    },
    isPlaced: (key) => placed.has(key),
    isAssumed: (key) => placed.get(key)?.assumed === true,
    namespaceChanged() {
      for (const [id, tally] of tallies) if (tally.selection.namespaces === undefined) tallies.delete(id);
    },
  };
}

function sameLabels(a: AnyNode, b: AnyNode): boolean {
  const [before, after] = [a.metadata?.labels ?? {}, b.metadata?.labels ?? {}];
  const keys = Object.keys(before);
  return keys.length === Object.keys(after).length && keys.every((key) => before[key] === after[key]);
}

function note(set: Set<string>, name: string, holds: boolean): void {
  if (holds) set.add(name);
  else set.delete(name);
}

function addTo<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const found = index.get(key);
  if (found) found.add(value);
  else index.set(key, new Set([value]));
}

function removeFrom<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const found = index.get(key);
  if (found?.delete(value) && found.size === 0) index.delete(key);
}
