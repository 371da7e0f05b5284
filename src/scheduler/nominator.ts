// Pods for which room is being made on a node: others of no greater importance must not take it from them.

import type { Key } from "#meta/object.ts";
import type { PodInfo } from "./framework.ts";

export interface Nominator {
  readonly size: number;
  on(node: string): readonly PodInfo[];
  nodeOf(key: Key): string | undefined;
  /** A pod waits for room on a node; undefined or "": it does not. */
  set(pod: PodInfo, node: string | undefined): void;
  delete(key: Key): void;
}

const nobody: readonly PodInfo[] = [];

export function createNominator(): Nominator {
  const nodes = new Map<Key, string>();
  const pods = new Map<string, PodInfo[]>();
  const remove = (key: Key) => {
    const node = nodes.get(key);
    if (node === undefined) return;
    nodes.delete(key);
    const left = (pods.get(node) ?? []).filter((pod) => pod.key !== key);
    if (left.length > 0) pods.set(node, left);
    else pods.delete(node);
  };
  return {
    get size() {
      return nodes.size;
    },
    on: (node) => pods.get(node) ?? nobody,
    nodeOf: (key) => nodes.get(key),
    set(pod, node) {
      remove(pod.key);
      if (!node) return;
      nodes.set(pod.key, node);
      pods.set(node, [...(pods.get(node) ?? []), pod]);
    },
    delete: remove,
  };
}
