// Keeps a volume that is bound to a claim until the claim lets go of it, however often it is deleted.

import { PersistentVolume } from "#kinds/api/core-v1.gen.ts";
import { finalizerStep } from "#kinds/shared/protection.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";

export const PV_PROTECTION = "kubernetes.io/pv-protection";

export const persistentVolumeProtection: ControllerDefinition = {
  name: "pv-protection-controller",
  for: PersistentVolume,
  async reconcile(key, { cache, client, signal }) {
    const volume = cache(PersistentVolume).get(key);
    const next = volume && finalizerStep(volume, PV_PROTECTION, () => volume.status?.phase === "Bound");
    if (next) await client.update(PersistentVolume, next, { signal });
  },
};
