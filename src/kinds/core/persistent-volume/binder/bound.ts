// The four writes of a binding, each from what is there: undefined where nothing is left to write. Pure.
// Order matters: the volume is promised to the claim before the claim is told, so that whoever dies in between leaves no volume to two claims.

import type { PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { type AnyClaim, type AnyVolume, BIND_COMPLETED, BOUND_BY_CONTROLLER } from "#kinds/core/persistent-volume-claim/claims.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { compareQuantities } from "#meta/quantity.ts";
import { isMeantFor } from "./matching.ts";

/** The capacity of a volume before it grew, while its file system has yet to follow. */
const PRE_RESIZE_CAPACITY = "volume.alpha.kubernetes.io/pre-resize-capacity";

/** The volume as the claim's. */
export function volumeForClaim(volume: AnyVolume, claim: AnyClaim): PersistentVolume | undefined {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = claim.metadata ?? {};
  const ref = volume.spec?.claimRef;
  const marks = !isMeantFor(volume, claim) && volume.metadata?.annotations?.[BOUND_BY_CONTROLLER] === undefined;
  const same = ref?.name === name && ref.namespace === namespace && ref.uid === uid;
  if (same && !marks) return undefined;
  const next: PersistentVolume = clone(volume);
  if (!same)
    next.spec = { ...next.spec, claimRef: { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name, uid, resourceVersion } };
  if (marks) next.metadata = { ...next.metadata, annotations: { ...next.metadata?.annotations, [BOUND_BY_CONTROLLER]: "yes" } };
  return next;
}

/** The claim as bound to the volume. */
export function claimForVolume(claim: AnyClaim, volume: AnyVolume): PersistentVolumeClaim | undefined {
  const name = volume.metadata?.name ?? "";
  const annotations = { ...claim.metadata?.annotations };
  if (claim.spec?.volumeName !== name) annotations[BOUND_BY_CONTROLLER] ??= "yes";
  annotations[BIND_COMPLETED] ??= "yes";
  if (claim.spec?.volumeName === name && equal(annotations, claim.metadata?.annotations)) return undefined;
  const next: PersistentVolumeClaim = clone(claim);
  next.spec = { ...next.spec, volumeName: name };
  next.metadata = { ...next.metadata, annotations };
  return next;
}

/** The claim with its phase; with what the volume has, if there is one. */
export function claimInPhase(claim: AnyClaim, phase: "Pending" | "Bound" | "Lost", volume?: AnyVolume): PersistentVolumeClaim | undefined {
  const status: NonNullable<PersistentVolumeClaim["status"]> = clone(claim.status ?? {});
  const before = status.phase;
  status.phase = phase;
  if (!volume) {
    delete status.accessModes;
    delete status.capacity;
    delete status.currentVolumeAttributesClassName;
  } else {
    if (volume.spec?.accessModes) status.accessModes = [...volume.spec.accessModes];
    // What a bound claim says of its size is for who resizes it to change.
    if (before !== phase) adoptCapacity(status, volume);
    const attributes = volume.spec?.volumeAttributesClassName;
    if (before === "Pending" && phase === "Bound" && attributes !== undefined) status.currentVolumeAttributesClassName = attributes;
  }
  if (equal(status, claim.status)) return undefined;
  return { ...clone(claim), status };
}

function adoptCapacity(status: NonNullable<PersistentVolumeClaim["status"]>, { metadata, spec }: AnyVolume): void {
  const preResize = metadata?.annotations?.[PRE_RESIZE_CAPACITY];
  const capacity = spec?.capacity?.["storage"];
  const told = status.capacity?.["storage"];
  if (preResize !== undefined) status.capacity = { ...status.capacity, storage: preResize };
  else if (capacity !== undefined && (told === undefined || compareQuantities(capacity, told) !== 0))
    status.capacity = { ...spec?.capacity };
}

export function volumeInPhase(volume: AnyVolume, phase: string, message = ""): PersistentVolume | undefined {
  if (volume.status?.phase === phase) return undefined;
  const next: PersistentVolume = clone(volume);
  next.status = { ...next.status, phase };
  if (message) next.status.message = message;
  else delete next.status.message;
  return next;
}

/** The volume without its claim; one that its maker had meant for the claim stays meant for it. */
export function withoutClaim(volume: AnyVolume): PersistentVolume {
  const next: PersistentVolume = clone(volume);
  const { annotations } = next.metadata ?? {};
  if (annotations?.[BOUND_BY_CONTROLLER] !== undefined) {
    delete next.spec?.claimRef;
    delete annotations[BOUND_BY_CONTROLLER];
    if (Object.keys(annotations).length === 0) delete next.metadata?.annotations;
  } else if (next.spec?.claimRef) delete next.spec.claimRef.uid;
  return next;
}
