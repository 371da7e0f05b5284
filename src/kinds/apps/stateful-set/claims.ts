// Who owns a pod's claims, by persistentVolumeClaimRetentionPolicy: what is owned by something goes with it. Pure.
// Rules: pkg/controller/statefulset/stateful_set_utils.go.

import { Pod } from "#kinds/api/core-v1.gen.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import type { DeepReadonly, OwnerReference } from "#meta/object.ts";
import { type AnyClaim, type AnyPod, type AnyStatefulSet, isInRange, ordinalOf, setReference } from "./identity.ts";

type Reference = DeepReadonly<OwnerReference>;

/** Which claims go: when the set is deleted, when it is scaled down. */
function policyOf(set: AnyStatefulSet): { readonly whenDeleted: boolean; readonly whenScaled: boolean } {
  const { whenDeleted, whenScaled } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  return { whenDeleted: whenDeleted === "Delete", whenScaled: whenScaled === "Delete" };
}

const names = (reference: Reference, other: Reference) =>
  reference.apiVersion === other.apiVersion && reference.kind === other.kind && reference.name === other.name;

/** Whether it refers to something of this name that was another object, or does not live any more. */
const isStale = (references: readonly Reference[], owner: Reference) => {
  const found = references.find((reference) => names(reference, owner));
  return found !== undefined && found.uid !== owner.uid;
};

/** Owners that the policy asks for. A pod that is beyond the set's range takes its claims along, if scaling down should. */
function wantedOwners(set: AnyStatefulSet, pod: AnyPod): OwnerReference[] {
  const { whenDeleted, whenScaled } = policyOf(set);
  if (whenScaled && !isInRange(set, ordinalOf(pod))) return [controllerReference(Pod, pod)];
  return whenDeleted ? [setReference(set)] : [];
}

/** Owners that a claim of a pod in range is born with. */
export function bornOwners(set: AnyStatefulSet): OwnerReference[] {
  return policyOf(set).whenDeleted ? [setReference(set)] : [];
}

/** Somebody else controls the claim, or an earlier set or pod of the same name does: the policy cannot be kept. */
export function hasUnexpectedController(claim: AnyClaim, set: AnyStatefulSet, pod: AnyPod): boolean {
  const { whenDeleted, whenScaled } = policyOf(set);
  if (!whenDeleted && !whenScaled) return false;
  const ours = [setReference(set), controllerReference(Pod, pod)];
  return (claim.metadata?.ownerReferences ?? []).some((reference) => {
    const own = ours.find((owner) => names(reference, owner));
    return own ? own.uid !== reference.uid : reference.controller === true;
  });
}

/**
 * The owners that the claim should have; undefined: those it has. Claims of earlier sets or pods of the same name are left to the
 * garbage collector, and those that others control to these.
 */
export function ownersToBe(claim: AnyClaim, set: AnyStatefulSet, pod: AnyPod): OwnerReference[] | undefined {
  const references = claim.metadata?.ownerReferences ?? [];
  const ours = [setReference(set), controllerReference(Pod, pod)];
  if (ours.some((owner) => isStale(references, owner))) return undefined;
  const own = references.filter(({ uid }) => ours.some((owner) => owner.uid === uid));
  const wanted = hasUnexpectedController(claim, set, pod) ? [] : wantedOwners(set, pod);
  const upToDate =
    own.length === wanted.length &&
    own.every(({ uid, controller }) => wanted.some((owner) => owner.uid === uid && owner.controller === controller));
  if (upToDate) return undefined;
  return [...references.filter((reference) => !ours.some((owner) => names(reference, owner))), ...wanted].map((owner) => ({ ...owner }));
}

/** A claim that goes with an earlier pod of this name: a new pod must wait until it is gone. */
export function isStaleClaim(claim: AnyClaim, set: AnyStatefulSet, podName: string): boolean {
  if (!policyOf(set).whenScaled) return false;
  return (claim.metadata?.ownerReferences ?? []).some(
    ({ apiVersion, kind, name }) => apiVersion === "v1" && kind === "Pod" && name === podName,
  );
}
