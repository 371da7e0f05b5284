// Keeps a claim that pods use until the last of them is gone.

import type { Client } from "#client/client.ts";
import { PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { finalizerStep } from "#kinds/shared/protection.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { type ControllerDefinition, index, watch } from "#reconcile/controller.ts";
import { type AnyClaim, claimKeysOf, claimsOf, notForPod } from "../claims.ts";

export const PVC_PROTECTION = "kubernetes.io/pvc-protection";
const PODS_BY_CLAIM = "pods-by-claim";

export function persistentVolumeClaimProtection(): ControllerDefinition {
  const livePods = sharedPodLists();
  return {
    name: "pvc-protection-controller",
    for: PersistentVolumeClaim,
    // As many as may share a list.
    concurrency: 32,
    watches: [watch(Pod, (pod) => claimKeysOf(pod))],
    indexes: [index(Pod, PODS_BY_CLAIM, claimKeysOf)],
    async reconcile(key, { cache, client, signal }) {
      const claim = cache(PersistentVolumeClaim).get(key);
      if (!claim) return;
      const next = finalizerStep(claim, PVC_PROTECTION, () =>
        cache(Pod)
          .byIndex(PODS_BY_CLAIM, key)
          .some((pod) => usesOnNode(pod, claim)),
      );
      if (!next) return;
      if (claim.metadata?.deletionTimestamp !== undefined) {
        // The cache may be behind a pod that was just scheduled: its volume would be taken from under it.
        const pods = await livePods(claim.metadata.namespace ?? "", client, signal);
        if (pods.some((pod) => usesOnNode(pod, claim))) return;
      }
      await client.update(PersistentVolumeClaim, next, { signal });
    },
  };
}

/** Lists of a namespace's pods that begin after they were asked for: whoever asks while one is under way shares the next. */
function sharedPodLists(): (namespace: string, client: Client, signal: AbortSignal) => Promise<readonly Pod[]> {
  const running = new Map<string, Promise<readonly Pod[]>>();
  const next = new Map<string, Promise<readonly Pod[]>>();
  return (namespace, client, signal) => {
    const shared = next.get(namespace);
    if (shared) return shared;
    const begin = async () => {
      await running.get(namespace)?.catch(() => {}); // whoever asked for it hears of it
      next.delete(namespace);
      const listing = client.list(Pod, { namespace, signal }).then(({ items }) => items);
      running.set(namespace, listing);
      try {
        return await listing;
      } finally {
        if (running.get(namespace) === listing) running.delete(namespace);
      }
    };
    const asked = begin(); // not before the next turn
    next.set(namespace, asked);
    return asked;
  };
}

/** A pod without a node has not got the claim yet, and will not get one that is going. One that ended may still hold it, until it is deleted. */
function usesOnNode(pod: DeepReadonly<Pod>, claim: AnyClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const shutDown = pod.metadata?.deletionTimestamp !== undefined && pod.metadata.deletionGracePeriodSeconds === 0;
  return claimsOf(pod).some(
    ({ name, ephemeral }) => name === claim.metadata?.name && (!ephemeral || (!shutDown && notForPod(pod, claim) === undefined)),
  );
}
