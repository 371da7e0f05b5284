// What to do next for a StatefulSet: which pods to create, to delete, to put right. Pure.
// Rules: pkg/controller/statefulset/stateful_set_control.go.

import { availableInMs, isActive, isPodReady, isTerminal } from "#kinds/core/pod/state.ts";
import { intOrPercent } from "#meta/int-or-percent.ts";
import { isStaleClaim, ownersToBe } from "./claims.ts";
import {
  type AnyClaim,
  type AnyPod,
  type AnyStatefulSet,
  claimNames,
  identityMatches,
  isInRange,
  ordinalOf,
  podNameOf,
  replicasOf,
  revisionOfPod,
  startOf,
  storageMatches,
} from "./identity.ts";

/** How many numbers beyond the last that has a pod are looked at in one run: somebody may ask for two billion. */
const MAX_NEW = 500;

/**
 * One step. `replace`: delete, so that it is made anew of the update revision. `claims`: create claims that are missing, and set the owners
 * of all. `repair`: that, and the pod's labels and volumes.
 */
export type Step =
  | { readonly action: "create"; readonly ordinal: number; readonly revision: "current" | "update" }
  | { readonly action: "delete" | "replace" | "claims" | "repair"; readonly pod: AnyPod };

export interface Plan {
  /** Groups of steps: a group begins when the one before it went well, and so does each step if `ordered`. */
  readonly groups: readonly (readonly Step[])[];
  /** One at a time; else the steps of a group at once. */
  readonly ordered: boolean;
}

export interface View {
  readonly set: AnyStatefulSet;
  /** Names of the revisions that pods were made of, and are to be made of. */
  readonly currentRevision: string;
  readonly updateRevision: string;
  /** The set's own pods. */
  readonly pods: readonly AnyPod[];
  readonly claimOf: (name: string) => AnyClaim | undefined;
  readonly now: number;
}

export function isAvailable(set: AnyStatefulSet, pod: AnyPod, now: number): boolean {
  return availableInMs(pod, set.spec?.minReadySeconds ?? 0, now) === 0;
}

const isGoing = (pod: AnyPod) => pod.metadata?.deletionTimestamp !== undefined;

export function planStatefulSet(view: View): Plan {
  const { set, pods, now } = view;
  const ordered = set.spec?.podManagementPolicy !== "Parallel";
  const start = startOf(set);
  const condemned: AnyPod[] = [];
  const living: AnyPod[] = [];
  let last = -1;
  for (const pod of pods) {
    const ordinal = ordinalOf(pod);
    if (!isInRange(set, ordinal)) condemned.push(pod);
    else {
      living.push(pod);
      last = Math.max(last, ordinal - start);
    }
  }
  /** By number, from the first; undefined where there is none. */
  const replicas: (AnyPod | undefined)[] = Array.from({ length: Math.min(replicasOf(set), last + 1 + MAX_NEW) }, () => undefined);
  for (const pod of living) replicas[ordinalOf(pod) - start] = pod;
  condemned.sort((a, b) => ordinalOf(b) - ordinalOf(a));

  const kept: Step[] = [];
  const groups = [kept];
  const plan = (): Plan => ({ groups: groups.filter((group) => group.length > 0), ordered });
  for (const [position, pod] of replicas.entries()) {
    const blocked = pod ? stepsForReplica(view, pod, ordered, kept) : stepsForMissing(view, start + position, kept);
    if (blocked && ordered) return plan();
  }
  groups.push(condemned.filter((pod) => claimsWrong(view, pod)).map((pod) => ({ action: "claims", pod })));

  const unavailable = (pod: AnyPod | undefined): boolean => !pod || isGoing(pod) || !isAvailable(set, pod, now);
  const doomed: Step[] = [];
  groups.push(doomed);
  // Scaling down, an unhealthy pod may only go if no other with a lower number is unhealthy.
  const firstUnhealthy = [...replicas, ...condemned.toReversed()].find(unavailable);
  for (const pod of condemned) {
    if (isGoing(pod)) {
      if (ordered) return plan();
      continue;
    }
    const healthy = isPodReady(pod) && pod.status?.phase === "Running" && isAvailable(set, pod, now);
    if (ordered && !healthy && pod !== firstUnhealthy) return plan();
    doomed.push({ action: "delete", pod });
    if (ordered) return plan();
  }

  if (set.spec?.updateStrategy?.type === "OnDelete") return plan();
  groups.push(podsToReplace(view, replicas, unavailable).map((pod) => ({ action: "replace", pod })));
  return plan();
}

/** Pods that may be taken away now so that they are made anew, the last first. */
function podsToReplace(
  { set, updateRevision }: View,
  replicas: readonly (AnyPod | undefined)[],
  unavailable: (pod: AnyPod | undefined) => boolean,
): AnyPod[] {
  const { partition = 0, maxUnavailable } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const isOutdated = (pod: AnyPod | undefined): pod is AnyPod =>
    pod !== undefined && revisionOfPod(pod) !== updateRevision && isActive(pod);
  const candidates = replicas.slice(partition).toReversed();
  // A server lets the field in only where its gate is open, and there it counts.
  if (maxUnavailable !== undefined) {
    const missing = replicasOf(set) - replicas.length;
    const allowed = Math.max(1, intOrPercent(maxUnavailable, replicasOf(set), false)) - replicas.filter(unavailable).length - missing;
    return candidates.filter(isOutdated).slice(0, Math.max(0, allowed));
  }
  for (const pod of candidates) {
    if (isOutdated(pod)) return [pod];
    if (unavailable(pod)) return [];
  }
  return [];
}

/** Adds what a missing pod needs; true: the ones after it have to wait. */
function stepsForMissing(view: View, ordinal: number, steps: Step[]): boolean {
  const { set, claimOf } = view;
  const name = podNameOf(set, ordinal);
  const stale = claimNames(set, ordinal).some((claimName) => {
    const claim = claimOf(claimName);
    return claim !== undefined && isStaleClaim(claim, set, name);
  });
  if (!stale) steps.push({ action: "create", ordinal, revision: revisionForNew(set, ordinal) });
  return true;
}

/** Pods below the partition, or of a rollout under way those not yet reached, are made of the revision that they were of. */
function revisionForNew(set: AnyStatefulSet, ordinal: number): "current" | "update" {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  const kept = rollingUpdate ? (rollingUpdate.partition ?? 0) : type === "RollingUpdate" ? (set.status?.currentReplicas ?? 0) : 0;
  return ordinal < startOf(set) + kept ? "current" : "update";
}

/** Adds what an existing pod needs; true: the ones after it have to wait. */
function stepsForReplica(view: View, pod: AnyPod, ordered: boolean, steps: Step[]): boolean {
  const { set, now } = view;
  // However it ended: its number has to run. The new one comes when this one is gone.
  if (isTerminal(pod)) {
    if (!isGoing(pod)) steps.push({ action: "delete", pod });
    return true;
  }
  const claims = claimsWrong(view, pod);
  const missing = claimNames(set, ordinalOf(pod)).some((name) => !view.claimOf(name));
  if (pod.status?.phase === "Pending" && (claims || missing)) steps.push({ action: "claims", pod });
  if (ordered && (isGoing(pod) || !isPodReady(pod) || pod.status?.phase !== "Running" || !isAvailable(set, pod, now))) return true;
  if (!identityMatches(pod) || !storageMatches(set, pod) || claims) steps.push({ action: "repair", pod });
  return false;
}

/** A claim of the pod has other owners than the policy asks for. */
function claimsWrong({ set, claimOf }: View, pod: AnyPod): boolean {
  return claimNames(set, ordinalOf(pod)).some((name) => {
    const claim = claimOf(name);
    return claim !== undefined && ownersToBe(claim, set, pod) !== undefined;
  });
}
