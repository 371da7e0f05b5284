// Claims and volumes as the volume plugins look at them. Pure. Rules: component-helpers/storage/volume.

import type { PersistentVolume, PersistentVolumeClaim, Volume } from "#kinds/api/core-v1.gen.ts";
import type { TopologySelectorTerm } from "#kinds/api/core-v1.gen.ts";
import { storageClassOf } from "#kinds/shared/volumes.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { quantityValue } from "#meta/quantity.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import type { AnyNode, AnyPod } from "./framework.ts";
import { matchesNodeSelector } from "./node-selection.ts";

export type AnyClaim = DeepReadonly<PersistentVolumeClaim>;
export type AnyVolume = DeepReadonly<PersistentVolume>;

export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";

export interface ClaimRef {
  readonly name: string;
  /** The claim is made from the pod's own template, by the ephemeral volume controller. */
  readonly ephemeral: boolean;
}

export function claimRefOf(pod: AnyPod, volume: DeepReadonly<Volume>): ClaimRef | undefined {
  if (volume.persistentVolumeClaim) return { name: volume.persistentVolumeClaim.claimName, ephemeral: false };
  if (volume.ephemeral) return { name: `${pod.metadata?.name ?? ""}-${volume.name}`, ephemeral: true };
  return undefined;
}

export function claimRefsOf(pod: AnyPod): ClaimRef[] {
  return pod.spec?.volumes?.flatMap((volume) => claimRefOf(pod, volume) ?? []) ?? [];
}

/** Why an ephemeral volume's claim is not this pod's; undefined: it is. */
export function notForPod(pod: AnyPod, claim: AnyClaim): string | undefined {
  const owned = claim.metadata?.ownerReferences?.some(({ controller, uid }) => controller === true && uid === pod.metadata?.uid);
  if (owned) return undefined;
  const { namespace = "", name = "" } = claim.metadata ?? {};
  return `PVC ${namespace}/${name} was not created for pod ${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""} (pod is not owner)`;
}

export const claimClass = (claim: AnyClaim) => storageClassOf(claim.metadata?.annotations, claim.spec?.storageClassName);
export const volumeClass = (volume: AnyVolume) => storageClassOf(volume.metadata?.annotations, volume.spec?.storageClassName);

export function isFullyBound(claim: AnyClaim): boolean {
  return Boolean(claim.spec?.volumeName) && claim.metadata?.annotations?.[BIND_COMPLETED] !== undefined;
}

export function volumeAllowsNode(volume: AnyVolume, node: AnyNode): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

export function requestedBytes(claim: AnyClaim): number {
  const requested = claim.spec?.resources?.requests?.["storage"];
  return requested === undefined ? 0 : quantityValue(requested);
}

/** The volume that the claim was promised, or the smallest free one that will do on the node. */
export function findMatchingVolume(
  claim: AnyClaim,
  volumes: readonly AnyVolume[],
  node: AnyNode,
  taken: ReadonlySet<string>,
): AnyVolume | undefined {
  const wanted = requestedBytes(claim);
  const selector = claim.spec?.selector ? labelSelectorMatcher(claim.spec.selector) : undefined;
  let smallest: AnyVolume | undefined;
  let smallestBytes = Infinity;
  for (const volume of volumes) {
    const { spec, metadata, status } = volume;
    const promised = isPromised(volume, claim);
    if (taken.has(metadata?.name ?? "") || (spec?.claimRef && !promised)) continue;
    const capacity = spec?.capacity?.["storage"];
    const bytes = capacity === undefined ? 0 : quantityValue(capacity);
    if (bytes < wanted || metadata?.deletionTimestamp !== undefined) continue;
    if ((claim.spec?.volumeMode ?? "Filesystem") !== (spec?.volumeMode ?? "Filesystem")) continue;
    if ((claim.spec?.volumeAttributesClassName ?? "") !== (spec?.volumeAttributesClassName ?? "")) continue;
    const allowed = volumeAllowsNode(volume, node);
    if (promised) return allowed ? volume : undefined;
    if (status?.phase !== "Available" || !allowed || selector?.matches(metadata?.labels) === false) continue;
    if (volumeClass(volume) !== claimClass(claim)) continue;
    if (claim.spec?.accessModes?.some((mode) => !spec?.accessModes?.includes(mode))) continue;
    if (bytes < smallestBytes) [smallest, smallestBytes] = [volume, bytes];
  }
  return smallest;
}

function isPromised({ spec }: AnyVolume, { metadata }: AnyClaim): boolean {
  const ref = spec?.claimRef;
  return (
    ref !== undefined && ref.name === metadata?.name && ref.namespace === metadata?.namespace && (!ref.uid || ref.uid === metadata?.uid)
  );
}

/** Terms are alternatives; none at all allow any node. */
export function topologyAllowsNode(terms: readonly DeepReadonly<TopologySelectorTerm>[] | undefined, node: AnyNode): boolean {
  if (!terms?.length) return true;
  const labels = node.metadata?.labels ?? {};
  return terms.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? "\0")),
  );
}
