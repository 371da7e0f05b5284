// Which claims a pod uses, and what else is asked of claims. Pure. Rules: component-helpers/storage.

import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "#kinds/api/core-v1.gen.ts";
import type { Quantity } from "#kinds/api/meta-v1.gen.ts";
import { storageClassOf } from "#kinds/shared/volumes.ts";
import { controllerOf, type DeepReadonly, type Key, makeKey } from "#meta/object.ts";
import { quantityValue } from "#meta/quantity.ts";

export type AnyClaim = DeepReadonly<PersistentVolumeClaim>;
export type AnyVolume = DeepReadonly<PersistentVolume>;
type AnyPod = DeepReadonly<Pod>;

/** On a claim: the node that the scheduler chose for its first consumer; its volume has to be made there. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
/** On a claim: it was bound once, for good. */
export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
/** On a claim or a volume: the binding was not its maker's wish. */
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
/** On a volume: who made it, and deletes it. */
export const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";
/** On a claim: who is asked to make its volume. */
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
export const BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner";
/** Keeps a volume's object until what is behind it is deleted. */
export const PROVISIONER_FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer";

export interface ClaimUse {
  readonly name: string;
  /** The pod's volume. */
  readonly volume: string;
  /** The claim is made from the pod's own template, by the ephemeral volume controller. */
  readonly ephemeral: boolean;
}

/** The claim a volume of the pod stands for, if it is one of claims. */
export function claimOfVolume(pod: AnyPod, { name, persistentVolumeClaim, ephemeral }: DeepReadonly<Volume>): ClaimUse | undefined {
  if (persistentVolumeClaim) return { name: persistentVolumeClaim.claimName, volume: name, ephemeral: false };
  if (ephemeral) return { name: `${pod.metadata?.name ?? ""}-${name}`, volume: name, ephemeral: true };
  return undefined;
}

export function claimsOf(pod: AnyPod): ClaimUse[] {
  return pod.spec?.volumes?.flatMap((volume) => claimOfVolume(pod, volume) ?? []) ?? [];
}

export function claimKeysOf(pod: AnyPod): Key[] {
  return claimsOf(pod).map(({ name }) => makeKey(pod.metadata?.namespace, name));
}

/** Why an ephemeral volume's claim is not this pod's; undefined: it is. */
export function notForPod(pod: AnyPod, claim: AnyClaim): string | undefined {
  if (controllerOf(claim)?.uid === pod.metadata?.uid) return undefined;
  const { namespace = "", name = "" } = claim.metadata ?? {};
  return `PVC ${namespace}/${name} was not created for pod ${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""} (pod is not owner)`;
}

export const claimClass = ({ metadata, spec }: AnyClaim): string => storageClassOf(metadata?.annotations, spec?.storageClassName);
export const volumeClass = ({ metadata, spec }: AnyVolume): string => storageClassOf(metadata?.annotations, spec?.storageClassName);

/** Says which class it wants, be it that it wants none: "" is a wish too. */
export function hasClass({ metadata, spec }: AnyClaim): boolean {
  return metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] !== undefined || spec?.storageClassName !== undefined;
}

/** Nothing more is to be done for its binding. */
export function isFullyBound({ metadata, spec }: AnyClaim): boolean {
  return Boolean(spec?.volumeName) && metadata?.annotations?.[BIND_COMPLETED] !== undefined;
}

export function requestedBytes({ spec }: AnyClaim): number {
  return bytesOf(spec?.resources?.requests?.["storage"]);
}

export function capacityBytes({ spec }: AnyVolume): number {
  return bytesOf(spec?.capacity?.["storage"]);
}

function bytesOf(quantity: Quantity | undefined): number {
  return quantity === undefined ? 0 : quantityValue(quantity);
}
