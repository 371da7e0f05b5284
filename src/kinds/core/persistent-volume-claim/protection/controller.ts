// Keeps a claim that pods use until the last of them is gone.

import { PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { finalizerStep } from "#kinds/shared/protection.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { type ControllerDefinition, index, watch } from "#reconcile/controller.ts";
import { type AnyClaim, claimKeysOf, claimsOf, notForPod } from "../claims.ts";

export const PVC_PROTECTION = "kubernetes.io/pvc-protection";
const PODS_BY_CLAIM = "pods-by-claim";

export const persistentVolumeClaimProtection: ControllerDefinition = {
  name: "pvc-protection-controller",
  for: PersistentVolumeClaim,
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
      const { items } = await client.list(Pod, { namespace: claim.metadata.namespace ?? "", signal });
      if (items.some((pod) => usesOnNode(pod, claim))) return;
    }
    await client.update(PersistentVolumeClaim, next, { signal });
  },
};

/** A pod without a node has not got the claim yet, and will not get one that is going. One that ended may still hold it, until it is deleted. */
function usesOnNode(pod: DeepReadonly<Pod>, claim: AnyClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const shutDown = pod.metadata?.deletionTimestamp !== undefined && pod.metadata.deletionGracePeriodSeconds === 0;
  return claimsOf(pod).some(
    ({ name, ephemeral }) => name === claim.metadata?.name && (!ephemeral || (!shutDown && notForPod(pod, claim) === undefined)),
  );
}
