// Says of claims that want more room that somebody else gives it: no volume that upstream's own code could grow is left.

import { PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { makeKey } from "#meta/object.ts";
import { compareQuantities } from "#meta/quantity.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";
import type { AnyClaim } from "../claims.ts";

export const expandController: ControllerDefinition = {
  name: "expand-controller",
  eventSource: "volume_expand",
  for: PersistentVolumeClaim,
  reads: [PersistentVolume],
  async reconcile(key, { cache, events }) {
    const claim = cache(PersistentVolumeClaim).get(key);
    if (!claim || !wantsMore(claim)) return;
    const volume = cache(PersistentVolume).get(makeKey(undefined, claim.spec?.volumeName ?? ""));
    if (!volume || volume.spec?.claimRef?.uid !== claim.metadata?.uid)
      throw new Error(`persistent Volume is not bound to PVC being updated : ${key}`);
    const message = "waiting for an external controller to expand this PVC";
    events.event({ resource: PersistentVolumeClaim, object: claim }, "Normal", "ExternalExpanding", message);
  },
};

function wantsMore({ spec, status }: AnyClaim): boolean {
  const wanted = spec?.resources?.requests?.["storage"];
  const size = status?.capacity?.["storage"];
  const resizing = status?.allocatedResourceStatuses?.["storage"] !== undefined; // somebody is at it
  return status?.phase === "Bound" && wanted !== undefined && size !== undefined && !resizing && compareQuantities(wanted, size) > 0;
}
