// How large each ReplicaSet of a Deployment should be next. Pure; every function answers with the sizes to set, in the
// order to set them. Rules: pkg/controller/deployment/{rolling,recreate,sync}.go and its util package.

import {
  type AnyDeployment,
  type AnySet,
  bounds,
  isRolling,
  maxReplicas,
  oldestFirst,
  recordedDesiredReplicas,
  recordedMaxReplicas,
  replicasOf,
  revisionOf,
  sumAvailable,
  sumReplicas,
} from "./replica-sets.ts";

export interface Size {
  readonly set: AnySet;
  readonly replicas: number;
}

/** How large the new set may be now: what the surge leaves room for, up to what is asked. `present` is its size. */
export function newSetReplicas(deployment: AnyDeployment, all: readonly AnySet[], present: number): number {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  const room = maxReplicas(deployment) - sumReplicas(all);
  return room <= 0 ? present : present + Math.max(0, Math.min(room, wanted - present));
}

/** The next step of a rolling update: first grow the new set, then shrink old ones. Empty: nothing can move now. */
export function nextRollingSizes(deployment: AnyDeployment, newSet: AnySet, oldSets: readonly AnySet[]): Size[] {
  const wanted = replicasOf(deployment);
  const present = replicasOf(newSet);
  const grown = present > wanted ? wanted : newSetReplicas(deployment, [newSet, ...oldSets], present);
  if (grown !== present) return [{ set: newSet, replicas: grown }];
  return shrinkOld(deployment, newSet, oldSets);
}

function shrinkOld(deployment: AnyDeployment, newSet: AnySet, oldSets: readonly AnySet[]): Size[] {
  const active = oldSets.filter((set) => replicasOf(set) > 0).toSorted(oldestFirst);
  if (active.length === 0) return [];
  const minAvailable = replicasOf(deployment) - bounds(deployment).maxUnavailable;
  // Pods of the new set that are not available yet must not be counted on.
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  let spare = sumReplicas([newSet, ...active]) - minAvailable - newUnavailable;
  if (spare <= 0) return [];

  // Pods that do not work anyway go first: that costs no availability and unblocks a rollout stuck on bad ones.
  const sizes = new Map(active.map((set) => [set, replicasOf(set)]));
  for (const set of active) {
    const broken = Math.max(0, replicasOf(set) - (set.status?.availableReplicas ?? 0));
    const count = Math.min(spare, broken);
    spare -= count;
    sizes.set(set, replicasOf(set) - count);
  }
  let surplus = sumAvailable([newSet, ...active]) - minAvailable;
  for (const set of active) {
    const size = sizes.get(set) ?? 0;
    const count = Math.max(0, Math.min(surplus, size));
    surplus -= count;
    sizes.set(set, size - count);
  }
  return [...sizes].filter(([set, replicas]) => replicas !== replicasOf(set)).map(([set, replicas]) => ({ set, replicas }));
}

/**
 * Sizes after the Deployment itself was scaled, or while it is paused: spread over the active sets in proportion to
 * their size, so that a rollout under way keeps its mix.
 */
export function scaledSizes(deployment: AnyDeployment, newSet: AnySet | undefined, oldSets: readonly AnySet[]): Size[] {
  const wanted = replicasOf(deployment);
  const all = newSet ? [...oldSets, newSet] : [...oldSets];
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? oldSets.toSorted(oldestFirst).at(-1);
    return only ? [{ set: only, replicas: wanted }] : [];
  }
  if (newSet && isSaturated(deployment, newSet)) {
    return active.filter((set) => set !== newSet).map((set) => ({ set, replicas: 0 }));
  }
  if (!isRolling(deployment)) return [];
  const allowed = wanted > 0 ? maxReplicas(deployment) : 0;
  const toAdd = allowed - sumReplicas(active);
  // The largest takes what rounding leaves; of equals the newer grows first, the older shrinks first.
  const sorted = active.toSorted((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? oldestFirst(b, a) : oldestFirst(a, b)));
  let added = 0;
  const sizes = sorted.map((set) => {
    const share = toAdd === 0 ? 0 : proportion(deployment, set, toAdd, added);
    added += share;
    return { set, replicas: replicasOf(set) + share };
  });
  return sizes.map((size, position) => (position === 0 ? { set: size.set, replicas: Math.max(0, size.replicas + toAdd - added) } : size));
}

/** The new set has all that is asked for, and all of it is available. */
function isSaturated(deployment: AnyDeployment, newSet: AnySet): boolean {
  const wanted = replicasOf(deployment);
  return replicasOf(newSet) === wanted && (newSet.status?.availableReplicas ?? 0) === wanted && recordedDesiredReplicas(newSet) === wanted;
}

function proportion(deployment: AnyDeployment, set: AnySet, toAdd: number, added: number): number {
  const size = replicasOf(set);
  if (size === 0 || toAdd === added) return 0;
  const share = fraction(deployment, set);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(share, allowed) : Math.max(share, allowed);
}

/** How much the set's size changes if its share of the whole stays as it was when it was sized last. */
function fraction(deployment: AnyDeployment, set: AnySet): number {
  const size = replicasOf(set);
  if (replicasOf(deployment) === 0) return -size;
  const before = recordedMaxReplicas(set) || (deployment.status?.replicas ?? 0);
  return before === 0 ? 0 : Math.round((size * maxReplicas(deployment)) / before) - size;
}

/** Old sets that history no longer keeps, oldest revision first. */
export function setsToForget(deployment: AnyDeployment, oldSets: readonly AnySet[]): AnySet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const kept = oldSets.filter((set) => set.metadata?.deletionTimestamp === undefined);
  const excess = kept.length - limit;
  if (excess <= 0) return [];
  return kept
    .toSorted((a, b) => Number(revisionOf(a) - revisionOf(b)))
    .slice(0, excess)
    .filter(
      (set) =>
        replicasOf(set) === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        (set.metadata?.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}
