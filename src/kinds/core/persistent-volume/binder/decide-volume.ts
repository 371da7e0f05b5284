// What is to be done for a volume. Pure. Rules: syncVolume of controller/volume/persistentvolume.

import { type AnyClaim, type AnyVolume, PROVISIONED_BY } from "#kinds/core/persistent-volume-claim/claims.ts";
import type { Notice } from "./decide-claim.ts";
import { modesDiffer } from "./matching.ts";

export type VolumeDecision =
  | { readonly do: "phase"; readonly phase: "Available" | "Bound" }
  /** Its claim is gone or elsewhere. */
  | { readonly do: "reclaim" }
  | { readonly do: "unbind" }
  /** The claim sees to the rest. */
  | { readonly do: "leave" }
  | { readonly do: "tell"; readonly volume: Notice; readonly claim: Notice };

/** `claim` is the one that the volume refers to, by name and uid; undefined: there is none, and that is certain. */
export function decideVolume(volume: AnyVolume, claim: AnyClaim | undefined): VolumeDecision {
  const { metadata, spec } = volume;
  if (!spec?.claimRef?.uid) return { do: "phase", phase: "Available" };
  if (!claim) return { do: "reclaim" };
  const claimed = claim.spec?.volumeName;
  if (claimed === metadata?.name) return { do: "phase", phase: "Bound" };
  if (!claimed) {
    if (!modesDiffer(claim, volume)) return { do: "leave" };
    const notice = (volumeText: string, claimText: string): Notice => ({
      type: "Warning",
      reason: "VolumeMismatch",
      message: `Cannot bind PersistentVolume ${volumeText}to requested PersistentVolumeClaim ${claimText}due to incompatible volumeMode.`,
    });
    return { do: "tell", volume: notice("", `"${claim.metadata?.name ?? ""}" `), claim: notice(`"${metadata?.name ?? ""}" `, "") };
  }
  const made = metadata?.annotations?.[PROVISIONED_BY] !== undefined;
  return { do: made && spec.persistentVolumeReclaimPolicy === "Delete" ? "reclaim" : "unbind" };
}

/** How a released volume is reclaimed by us; undefined: it stays, or who made it deletes it. */
export function whyNotReclaimed({ metadata, spec }: AnyVolume): Notice | undefined {
  const fail = (reason: string, message: string): Notice => ({ type: "Warning", reason, message });
  switch (spec?.persistentVolumeReclaimPolicy) {
    case "Retain":
      return undefined;
    case "Recycle":
      return fail("VolumeFailedRecycle", "No recycler plugin found for the volume!");
    case "Delete": {
      const madeBy = metadata?.annotations?.[PROVISIONED_BY];
      if (madeBy)
        return madeBy.startsWith("kubernetes.io/") ? fail("VolumeFailedDelete", `no volume plugin matched name: ${madeBy}`) : undefined;
      if (spec.csi) return undefined;
      const name = metadata?.name ?? "";
      return fail("VolumeFailedDelete", `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`);
    }
    case undefined:
    default:
      return fail("VolumeUnknownReclaimPolicy", "Volume has unrecognized PersistentVolumeReclaimPolicy");
  }
}
