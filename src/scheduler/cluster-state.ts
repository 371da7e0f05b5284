// The scheduler's picture of the cluster: nodes with the pods on them, kept current change by change, with pods that were
// just placed counted before the API shows them ("assumed", as upstream calls it).

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { type DeepReadonly, type Key, keyOf } from "#meta/object.ts";
import { requiredTerms } from "./affinity-terms.ts";
import type { AnyNode, AnyPod, NodeInfo, Snapshot } from "./framework.ts";
import { hostPortsOf } from "./host-ports.ts";
import { addInto, amountsOf, podRequests, type Resources } from "./resources.ts";

interface MutableNodeInfo extends NodeInfo {
  node: AnyNode;
  allocatable: Resources;
  readonly pods: Set<AnyPod>;
  readonly antiAffinityPods: Set<AnyPod>;
  readonly requested: Map<string, number>;
  readonly usedPorts: Set<string>;
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
  const placed = new Map<Key, { readonly pod: AnyPod; readonly node: string; readonly assumed: boolean }>();
  const byNode = new Map<string, Set<Key>>();
  let list: readonly NodeInfo[] | undefined;

  const count = (info: MutableNodeInfo, pod: AnyPod) => {
    info.pods.add(pod);
    if (requiredTerms(pod, "podAntiAffinity").length > 0) info.antiAffinityPods.add(pod);
    addInto(info.requested, podRequests(pod));
    for (const port of hostPortsOf(pod)) info.usedPorts.add(port);
  };
  const uncount = (info: MutableNodeInfo, pod: AnyPod) => {
    if (!info.pods.delete(pod)) return;
    info.antiAffinityPods.delete(pod);
    addInto(info.requested, podRequests(pod), -1);
    for (const port of hostPortsOf(pod)) info.usedPorts.delete(port);
  };
  const put = (key: Key, pod: AnyPod, node: string, assumed: boolean) => {
    remove(key);
    placed.set(key, { pod, node, assumed });
    let keys = byNode.get(node);
    if (!keys) byNode.set(node, (keys = new Set()));
    keys.add(key);
    const info = nodes.get(node);
    if (info) count(info, pod);
  };
  const remove = (key: Key) => {
    const entry = placed.get(key);
    if (!entry) return;
    placed.delete(key);
    const keys = byNode.get(entry.node);
    keys?.delete(key);
    if (keys?.size === 0) byNode.delete(entry.node);
    const info = nodes.get(entry.node);
    if (info) uncount(info, entry.pod);
  };
  return {
    setNode(name, node) {
      const present = nodes.get(name);
      if (!node) {
        nodes.delete(name);
        list = undefined;
      } else if (present) {
        present.node = node;
        present.allocatable = allocatableOf(node);
      } else {
        const info: MutableNodeInfo = {
          node,
          name,
          pods: new Set(),
          antiAffinityPods: new Set(),
          allocatable: allocatableOf(node),
          requested: new Map(),
          usedPorts: new Set(),
        };
        nodes.set(name, info);
        for (const key of byNode.get(name) ?? []) {
          const entry = placed.get(key);
          if (entry) count(info, entry.pod);
        }
        list = undefined;
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
    snapshot: () => ({ nodes: (list ??= [...nodes.values()]), namespaceLabels }),
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
