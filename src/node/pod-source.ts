// Where an agent gets its node's pods from: a watch of its own, or one watch of all pods that many agents share.

import { Pod } from "#kinds/api/core-v1.gen.ts";
import { keyOf, type Key } from "#meta/object.ts";
import { createInformer, type Change, type Informer, type InformerOptions } from "#reconcile/informer.ts";
import type { PodObject } from "./pod/pod-view.ts";

export interface PodSource extends AsyncDisposable {
  /** Resolves when all pods there are have been told. */
  readonly synced: Promise<void>;
  get(key: Key): PodObject | undefined;
  /** Pods of the node now, as adds, then changes. */
  subscribe(onChange: (change: Change<Pod>) => void): Disposable;
}

/** A watch with a field selector, as the kubelet's. */
export function watchPodsOf(nodeName: string, options: InformerOptions): PodSource {
  return createInformer(Pod, { ...options, fieldSelector: `spec.nodeName=${nodeName}` });
}

/** Hands the pods of one informer out to the agents of many nodes. */
export interface PodRouter extends Disposable {
  forNode(nodeName: string): PodSource;
}

export function createPodRouter(pods: Informer<Pod>): PodRouter {
  const byNode = new Map<string, Map<Key, PodObject>>();
  const subscribers = new Map<string, Set<(change: Change<Pod>) => void>>();
  const subscription = pods.subscribe((change) => {
    // A pod gets its node once and keeps it.
    const node = (change.after ?? change.before)?.spec?.nodeName;
    if (!node) return;
    const key = keyOf(change.after ?? change.before ?? {});
    let known = byNode.get(node);
    if (known === undefined) byNode.set(node, (known = new Map()));
    const before = known.get(key);
    if (change.after !== undefined) known.set(key, change.after);
    else known.delete(key);
    if (known.size === 0) byNode.delete(node);
    // For the node it is new when it was bound, whatever it was before.
    const told: Change<Pod> = { ...(before ? { before } : {}), ...(change.after ? { after: change.after } : {}) };
    for (const onChange of subscribers.get(node) ?? []) onChange(told);
  });
  return {
    forNode: (node) => ({
      synced: pods.synced,
      get: (key) => byNode.get(node)?.get(key),
      subscribe(onChange) {
        for (const after of byNode.get(node)?.values() ?? []) onChange({ after, initial: true });
        let group = subscribers.get(node);
        if (group === undefined) subscribers.set(node, (group = new Set()));
        group.add(onChange);
        return {
          [Symbol.dispose]() {
            group.delete(onChange);
            if (group.size === 0 && subscribers.get(node) === group) subscribers.delete(node);
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    }),
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  };
}
