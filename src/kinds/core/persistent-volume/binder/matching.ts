// Which volume a claim gets. Pure. Rules: component-helpers/storage/volume, controller/volume/persistentvolume/index.go.

import {
  type AnyClaim,
  type AnyVolume,
  capacityBytes,
  claimClass,
  requestedBytes,
  volumeClass,
} from "#kinds/core/persistent-volume-claim/claims.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";

/** The volume is meant for the claim, be it only by name. */
export function isMeantFor({ spec }: AnyVolume, { metadata }: AnyClaim): boolean {
  const ref = spec?.claimRef;
  if (!ref || ref.name !== metadata?.name || ref.namespace !== metadata?.namespace) return false;
  return !ref.uid || ref.uid === metadata?.uid;
}

export function modesDiffer({ spec: claim }: AnyClaim, { spec: volume }: AnyVolume): boolean {
  return (claim?.volumeMode ?? "Filesystem") !== (volume?.volumeMode ?? "Filesystem");
}

function allowsAccess({ spec: claim }: AnyClaim, { spec: volume }: AnyVolume): boolean {
  return claim?.accessModes?.every((mode) => volume?.accessModes?.includes(mode)) ?? true;
}

function attributesDiffer({ spec: claim }: AnyClaim, { spec: volume }: AnyVolume): boolean {
  return (claim?.volumeAttributesClassName ?? "") !== (volume?.volumeAttributesClassName ?? "");
}

/**
 * The volume that was meant for the claim, or else the smallest that will do; volumes with fewer access modes come first. A claim that is
 * `delayed` waits for its consumer: only what was meant for it is taken.
 */
export function findVolume(claim: AnyClaim, volumes: Iterable<AnyVolume>, delayed: boolean): AnyVolume | undefined {
  const wanted = requestedBytes(claim);
  const selector = claim.spec?.selector ? labelSelectorMatcher(claim.spec.selector) : undefined;
  const className = claimClass(claim);
  let best: { readonly volume: AnyVolume; readonly rank: readonly [number, number, number, string] } | undefined;
  for (const volume of volumes) {
    const { metadata, spec, status } = volume;
    const meant = isMeantFor(volume, claim);
    if (spec?.claimRef && !meant) continue;
    const bytes = capacityBytes(volume);
    if (bytes < wanted || metadata?.deletionTimestamp !== undefined) continue;
    if (modesDiffer(claim, volume) || attributesDiffer(claim, volume) || !allowsAccess(claim, volume)) continue;
    if (!meant) {
      if (delayed || status?.phase !== "Available" || volumeClass(volume) !== className) continue;
      if (selector?.matches(metadata?.labels) === false) continue;
    }
    // The name only makes the choice the same each time.
    const rank = [spec?.accessModes?.length ?? 0, meant ? 0 : 1, bytes, metadata?.name ?? ""] as const;
    if (!best || isBefore(rank, best.rank)) best = { volume, rank };
  }
  return best?.volume;
}

function isBefore(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index];
    if (other !== undefined && value !== other) return value < other;
  }
  return false;
}

/** Why a claim cannot have the volume it asks for by name; undefined: it can. */
export function whyUnfit(claim: AnyClaim, volume: AnyVolume): string | undefined {
  if (volume.metadata?.deletionTimestamp !== undefined) return `the volume is marked for deletion "${volume.metadata.name ?? ""}"`;
  if (capacityBytes(volume) < requestedBytes(claim)) return "requested PV is too small";
  if (volumeClass(volume) !== claimClass(claim)) return "storageClassName does not match";
  if (attributesDiffer(claim, volume)) return "volumeAttributesClassName does not match";
  if (modesDiffer(claim, volume)) return "incompatible volumeMode";
  if (!allowsAccess(claim, volume)) return "incompatible accessMode";
  return undefined;
}
