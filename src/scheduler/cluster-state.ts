// The scheduler's picture of the cluster: nodes with the pods on them, kept current change by change, with pods that were
// just placed counted before the API shows them ("assumed", as upstream calls it).

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { type DeepReadonly, type Key, keyOf } from "#meta/object.ts";
import type { AnyNode, AnyPod, NodeInfo, Snapshot } from "./framework.ts";
import { hostPortsOf } from "./host-ports.ts";
import { addInto, amountsOf, podRequests, podRequestsNonZero, type Resources } from "./resources.ts";

interface MutableNodeInfo extends NodeInfo {
  node: AnyNode;
  allocatable: Resources;
  readonly pods: Set<AnyPod>;
  readonly affinityPods: Set<AnyPod>;
  readonly requested: Map<string, number>;
  readonly requestedNonZero: Map<string, number>;
  readonly usedPorts: Set<string>;
}

/** A pod that is counted, with what it was counted as. */
interface Placed {
  readonly pod: AnyPod;
  readonly node: string;
  readonly assumed: boolean;
  readonly requests: Resources;
  readonly nonZero: Resources;
}

export interface ClusterState {
  /** As the API shows it; undefined: it is gone. */
  setNode(name: string, node: AnyNode | undefined): void;
  setPod(key: Key, pod: AnyPod | undefined): void;
  /** Counts a pod on a node until setPod shows where it is, or forget(). */
  assume(pod: AnyPod, node: string): void;
  forget(key: Key): void;
  /** Whether a pod is placed, for real or assumed. */
  isPlaced(key: Key): boolean;
  snapshot(): Snapshot;
}

export function createClusterState(namespaceLabels: Snapshot["namespaceLabels"]): ClusterState {
  const nodes = new Map<string, MutableNodeInfo>();
  /** Where each pod is counted. Its node may not be known yet, or no longer. */
  const placed = new Map<Key, Placed>();
  const byNode = new Map<string, Set<Key>>();
  let list: readonly NodeInfo[] | undefined;
  let affinityList: readonly NodeInfo[] | undefined;

  const count = (info: MutableNodeInfo, { pod, requests, nonZero }: Placed) => {
    info.pods.add(pod);
    if (pod.spec?.affinity?.podAffinity || pod.spec?.affinity?.podAntiAffinity) {
      if (info.affinityPods.size === 0) affinityList = undefined;
      info.affinityPods.add(pod);
    }
    addInto(info.requested, requests);
    addInto(info.requestedNonZero, nonZero);
    for (const port of hostPortsOf(pod)) info.usedPorts.add(port);
  };
  const uncount = (info: MutableNodeInfo, { pod, requests, nonZero }: Placed) => {
    if (!info.pods.delete(pod)) return;
    if (info.affinityPods.delete(pod) && info.affinityPods.size === 0) affinityList = undefined;
    addInto(info.requested, requests, -1);
    addInto(info.requestedNonZero, nonZero, -1);
    for (const port of hostPortsOf(pod)) info.usedPorts.delete(port);
    // Pods that were bound by hand may share a port.
    if (info.usedPorts.size > 0) for (const other of info.pods) for (const port of hostPortsOf(other)) info.usedPorts.add(port);
  };
  const put = (key: Key, pod: AnyPod, node: string, assumed: boolean) => {
    remove(key);
    const entry = { pod, node, assumed, requests: podRequests(pod), nonZero: podRequestsNonZero(pod) };
    placed.set(key, entry);
    let keys = byNode.get(node);
    if (!keys) byNode.set(node, (keys = new Set()));
    keys.add(key);
    const info = nodes.get(node);
    if (info) count(info, entry);
  };
  const remove = (key: Key) => {
    const entry = placed.get(key);
    if (!entry) return;
    placed.delete(key);
    const keys = byNode.get(entry.node);
    keys?.delete(key);
    if (keys?.size === 0) byNode.delete(entry.node);
    const info = nodes.get(entry.node);
    if (info) uncount(info, entry);
  };
  return {
    setNode(name, node) {
      const present = nodes.get(name);
      if (!node) {
        nodes.delete(name);
        list = affinityList = undefined;
      } else if (present) {
        present.node = node;
        present.allocatable = allocatableOf(node);
      } else {
        const info: MutableNodeInfo = {
          node,
          name,
          pods: new Set(),
          affinityPods: new Set(),
          allocatable: allocatableOf(node),
          requested: new Map(),
          requestedNonZero: new Map(),
          usedPorts: new Set(),
        };
        nodes.set(name, info);
        for (const key of byNode.get(name) ?? []) {
          const entry = placed.get(key);
          if (entry) count(info, entry);
        }
        list = affinityList = undefined;
      }
    },
    setPod(key, pod) {
      const node = pod?.spec?.nodeName;
      if (pod && node && !isTerminal(pod)) put(key, pod, node, false);
      // A pod that was assumed somewhere stays so until its binding shows or fails.
      else if (!pod || node || placed.get(key)?.assumed !== true) remove(key);
    },
    assume: (pod, node) => put(keyOf(pod), pod, node, true),
    forget(key) {
      if (placed.get(key)?.assumed) remove(key);
    },
    isPlaced: (key) => placed.has(key),
    snapshot() {
      list ??= [...nodes.values()];
      affinityList ??= list.filter((info) => info.affinityPods.size > 0);
      return { nodes: list, affinityNodes: affinityList, namespaceLabels };
    },
  };
}

function allocatableOf(node: AnyNode): Resources {
  return amountsOf(node.status?.allocatable ?? node.status?.capacity);
}

/** Whether the scheduler called `name` has to place the pod. */
export function isWaiting(pod: DeepReadonly<Pod>, name: string): boolean {
  return (
    !pod.spec?.nodeName &&
    !isTerminal(pod) &&
    pod.metadata?.deletionTimestamp === undefined &&
    (pod.spec?.schedulerName ?? "default-scheduler") === name
  );
}
