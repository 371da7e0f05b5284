// The volumes behind a pod's claims. They are asked for one by one, as a node may do no more. Words: kubelet/volumemanager/populator.

import type { Client } from "#client/client.ts";
import { PersistentVolume, PersistentVolumeClaim, type Volume } from "#kinds/api/core-v1.gen.ts";
import { claimOfVolume, notForPod } from "#kinds/core/persistent-volume-claim/claims.ts";
import { type DeepReadonly, makeKey } from "#meta/object.ts";
import type { PodObject } from "../pod/pod-view.ts";
import { NotBoundError, VolumeError } from "./payload.ts";

const PVC_PROTECTION = "kubernetes.io/pvc-protection";

/** The claim's volume; undefined: the volume is none of claims. Throws NotBoundError while it cannot be had. */
export async function volumeOfClaim(pod: PodObject, volume: DeepReadonly<Volume>, client: Client): Promise<PersistentVolume | undefined> {
  const use = claimOfVolume(pod, volume);
  if (use === undefined) return undefined;
  const { namespace = "" } = pod.metadata ?? {};
  const fail = (cause: string) => {
    const message = `failed to process volumes=[${volume.name}]: error processing PVC ${namespace}/${use.name}: ${cause}`;
    return new NotBoundError(`Unable to attach or mount volumes: unmounted volumes=[${volume.name}], unattached volumes=[], ${message}`);
  };
  const claim = await fetch(client.get(PersistentVolumeClaim, makeKey(namespace, use.name)), (cause) =>
    fail(`failed to fetch PVC from API server: ${cause}`),
  );
  const { metadata, spec, status } = claim;
  if (metadata?.deletionTimestamp !== undefined && !metadata.finalizers?.includes(PVC_PROTECTION)) throw fail("PVC is being deleted");
  if (status?.phase !== "Bound") throw fail("PVC is not bound");
  const name = spec?.volumeName;
  if (!name) throw fail("PVC has empty pvc.Spec.VolumeName");
  const conflict = use.ephemeral ? notForPod(pod, claim) : undefined;
  if (conflict !== undefined) throw new VolumeError(conflict);
  const found = await fetch(client.get(PersistentVolume, makeKey(undefined, name)), (cause) =>
    fail(`failed to fetch PV ${name} from API server: ${cause}`),
  );
  const ref = found.spec?.claimRef;
  if (!ref) throw fail(`found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`);
  if (ref.uid !== metadata?.uid)
    throw fail(`found PV object ${name} but its pv.Spec.ClaimRef.UID ${ref.uid ?? ""} does not point to claim.UID ${metadata?.uid ?? ""}`);
  if (found.spec?.volumeMode === "Block")
    throw new VolumeError(`volume ${volume.name} has volumeMode Block, which this node does not support`);
  return found;
}

async function fetch<T>(answer: Promise<T>, explain: (cause: string) => Error): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw explain(error instanceof Error ? error.message : String(error));
  }
}
