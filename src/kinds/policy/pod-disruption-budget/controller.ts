// Keeps a budget's status true: how many of its pods are healthy, how many must be, and so how many may be evicted now.
// The eviction endpoint reads disruptionsAllowed and spends it by adding to disruptedPods.

import { discoverVersion } from "#client/discovery.ts";
import { Deployment, ReplicaSet, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { Pod, ReplicationController } from "#kinds/api/core-v1.gen.ts";
import { PodDisruptionBudget, type PodDisruptionBudgetStatus } from "#kinds/api/policy-v1.gen.ts";
import { isPodReady } from "#kinds/core/pod/state.ts";
import { goSelector } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import { setCondition } from "#meta/conditions.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { intOrPercent, isPercent } from "#meta/int-or-percent.ts";
import { controllerOf, keyOf, makeKey, type DeepReadonly, type KubeObject, type OwnerReference } from "#meta/object.ts";
import { groupResource, parseApiVersion, type Resource } from "#meta/resource.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { watch, type ControllerDefinition, type ReconcileContext, type ReconcileResult } from "#reconcile/controller.ts";
import { formatTime } from "#meta/time.ts";

/** How long a granted eviction counts against the budget if its pod never goes. */
const GRANT_MS = 2 * 60_000;

type Budget = DeepReadonly<PodDisruptionBudget>;
type AnyPod = DeepReadonly<Pod>;

export const podDisruptionBudgetController: ControllerDefinition = {
  name: "disruption-controller",
  eventSource: "controllermanager",
  for: PodDisruptionBudget,
  watches: [
    watch(Pod, (pod, cache) =>
      cache(PodDisruptionBudget)
        .list({ namespace: pod.metadata?.namespace ?? "" })
        .filter((budget) => labelSelectorMatcher(budget.spec?.selector).matches(pod.metadata?.labels))
        .map(keyOf),
    ),
  ],
  reads: [Deployment, ReplicaSet, StatefulSet, ReplicationController],
  reconcile,
};

async function reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult> {
  const { cache, client, clock, events, signal } = context;
  const budget = cache(PodDisruptionBudget).get(key);
  if (!budget || budget.metadata?.deletionTimestamp) return;
  const about = { resource: PodDisruptionBudget, object: budget };
  const selector = budget.spec?.selector;
  // Without a selector a budget is about no pod; an empty one is about all.
  const pods = selector ? cache(Pod).list({ namespace: budget.metadata?.namespace ?? "", selector }) : [];
  if (pods.length === 0) events.event(about, "Normal", "NoPods", "No matching pods found");
  const now = clock.now();
  try {
    const { expected, unmanaged } = await expectedPods(budget, pods, context);
    if (unmanaged.length > 0) {
      const message =
        `Pods selected by this PodDisruptionBudget (selector: ${selector ? goSelector(selector) : "nil"}) were found to be unmanaged. As a result, the status of the PDB ` +
        `cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
      events.event(about, "Warning", "UnmanagedPods", message);
    }
    const { status, recheckInMs, overdue } = observe(budget, pods, expected, now);
    for (const pod of overdue) {
      const message = `Pod was expected by PDB ${key} to be deleted but it wasn't`;
      events.event({ resource: Pod, object: pod }, "Warning", "NotDeleted", message);
    }
    // Writing an equal status would wake every watcher, this controller first.
    if (!equal(status, budget.status))
      await client.updateStatus(PodDisruptionBudget, { ...budget, status } as PodDisruptionBudget, { signal }); // the status is new, nothing shared is changed
    return recheckInMs === undefined ? undefined : { requeueAfterMs: recheckInMs };
  } catch (error) {
    if (signal.aborted || isConflict(error)) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    if (error instanceof CountFailed)
      events.event(about, "Warning", "CalculateExpectedPodCountFailed", `Failed to calculate the number of expected pods: ${cause}`);
    // Nobody may be evicted while it is unknown how many pods there should be.
    const conditions = disruptionAllowed(budget, budget.status?.observedGeneration, "False", "SyncFailed", cause, now);
    const status = { ...budget.status, disruptionsAllowed: 0, conditions };
    if (!equal(status, budget.status))
      await client.updateStatus(PodDisruptionBudget, { ...budget, status } as PodDisruptionBudget, { signal }); // as above
    throw error;
  }
}

/** The number of expected pods could not be found out: a state of the cluster, told in the budget's conditions. */
class CountFailed extends Error {}

/** What desiredHealthy is reckoned from: pods that should exist, by their controllers' scale. */
interface Expected {
  readonly expectedCount: number;
  readonly desiredHealthy: number;
}

async function expectedPods(
  budget: Budget,
  pods: readonly AnyPod[],
  context: ReconcileContext,
): Promise<{ readonly expected: Expected; readonly unmanaged: readonly AnyPod[] }> {
  const { maxUnavailable, minAvailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined) {
    const { count, unmanaged } = await scaleOf(pods, context);
    const desired = count - intOrPercent(maxUnavailable, count, true);
    return { expected: { expectedCount: count, desiredHealthy: Math.max(0, desired) }, unmanaged };
  }
  if (minAvailable === undefined) return { expected: { expectedCount: 0, desiredHealthy: 0 }, unmanaged: [] };
  if (isPercent(minAvailable)) {
    const { count, unmanaged } = await scaleOf(pods, context);
    return { expected: { expectedCount: count, desiredHealthy: intOrPercent(minAvailable, count, true) }, unmanaged };
  }
  return { expected: { expectedCount: pods.length, desiredHealthy: Number(minAvailable) }, unmanaged: [] };
}

/** The sum of what the pods' controllers want, each controller once. */
async function scaleOf(pods: readonly AnyPod[], context: ReconcileContext): Promise<{ count: number; unmanaged: AnyPod[] }> {
  const scales = new Map<string, number>();
  const unmanaged: AnyPod[] = [];
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (!owner) {
      unmanaged.push(pod);
      continue;
    }
    if (scales.has(owner.uid)) continue;
    const found = await findScale(pod.metadata?.namespace ?? "", owner, context);
    if (!found) throw new CountFailed(`found no controllers for pod "${pod.metadata?.name ?? ""}"`);
    scales.set(found.uid, found.replicas);
    // The pod's own owner too (a ReplicaSet of a Deployment), so that its other pods need no second look.
    if (found.uid !== owner.uid) scales.set(owner.uid, 0);
  }
  let count = 0;
  for (const replicas of scales.values()) count += replicas;
  return { count, unmanaged };
}

interface Scale {
  readonly uid: string;
  readonly replicas: number;
}

interface Scalable extends KubeObject {
  spec?: { replicas?: number };
}

async function findScale(namespace: string, owner: DeepReadonly<OwnerReference>, context: ReconcileContext): Promise<Scale | undefined> {
  const { cache } = context;
  const cached = (resource: Resource<Scalable>, reference: DeepReadonly<OwnerReference>): DeepReadonly<Scalable> | undefined => {
    const object = cache(resource).get(makeKey(namespace, reference.name));
    return object?.metadata?.uid === reference.uid ? object : undefined;
  };
  const scaled = (object: DeepReadonly<Scalable> | undefined, uid: string): Scale | undefined =>
    object && { uid, replicas: object.spec?.replicas ?? 1 };
  const group = owner.apiVersion.split("/")[0];
  if (owner.apiVersion === "v1" && owner.kind === "ReplicationController") return scaled(cached(ReplicationController, owner), owner.uid);
  if (group === "apps" && owner.kind === "StatefulSet") return scaled(cached(StatefulSet, owner), owner.uid);
  if (group === "apps" && owner.kind === "ReplicaSet") {
    const replicaSet = cached(ReplicaSet, owner);
    const parent = replicaSet && controllerOf(replicaSet);
    if (!parent || parent.kind !== "Deployment" || !parent.apiVersion.startsWith("apps/")) return scaled(replicaSet, owner.uid);
    return scaled(cached(Deployment, parent), parent.uid);
  }
  return scaleSubresource(namespace, owner, context);
}

/** Any other kind counts by its scale subresource. */
async function scaleSubresource(
  namespace: string,
  owner: DeepReadonly<OwnerReference>,
  { client, signal }: ReconcileContext,
): Promise<Scale | undefined> {
  const resources = await discoverVersion(client, parseApiVersion(owner.apiVersion), signal).catch((error: unknown) => {
    if (isNotFound(error)) return [];
    throw error;
  });
  const resource = resources.find(({ kind }) => kind === owner.kind);
  if (!resource) throw new CountFailed(`no matches for kind "${owner.kind}" in version "${owner.apiVersion}"`);
  if (!resource.subresources.includes("scale"))
    throw new CountFailed(`${groupResource(resource)} does not implement the scale subresource`);
  try {
    const scale = await client.getSubresource<Scalable>(resource, makeKey(namespace, owner.name), "scale", { signal });
    return scale.metadata?.uid === owner.uid ? { uid: owner.uid, replicas: scale.spec?.replicas ?? 0 } : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export interface Observation {
  readonly status: DeepReadonly<PodDisruptionBudgetStatus>;
  /** When a granted eviction runs out. */
  readonly recheckInMs: number | undefined;
  /** Pods that were granted an eviction and are still there. */
  readonly overdue: readonly AnyPod[];
}

/** The budget's status. Pure. `now` is ms since the epoch. */
export function observe(budget: Budget, pods: readonly AnyPod[], expected: Expected, now: number): Observation {
  const disruptedPods: Record<string, string> = {};
  const overdue: AnyPod[] = [];
  let recheckInMs: number | undefined;
  let currentHealthy = 0;
  for (const pod of pods) {
    if (pod.metadata?.deletionTimestamp !== undefined) continue; // its eviction is under way: no longer granted, no longer healthy
    const name = pod.metadata?.name ?? "";
    const grantedAt = budget.status?.disruptedPods?.[name];
    const leftMs = grantedAt === undefined ? 0 : Date.parse(grantedAt) + GRANT_MS - now;
    if (grantedAt !== undefined && leftMs > 0) {
      disruptedPods[name] = grantedAt;
      recheckInMs = Math.min(recheckInMs ?? leftMs, leftMs);
      continue;
    }
    if (grantedAt !== undefined) overdue.push(pod);
    if (isPodReady(pod)) currentHealthy++;
  }
  const { expectedCount, desiredHealthy } = expected;
  const disruptionsAllowed = expectedCount <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const conditions = disruptionAllowed(
    budget,
    budget.metadata?.generation,
    disruptionsAllowed > 0 ? "True" : "False",
    disruptionsAllowed > 0 ? "SufficientPods" : "InsufficientPods",
    "",
    now,
  );
  const status = {
    ...(budget.metadata?.generation !== undefined ? { observedGeneration: budget.metadata.generation } : {}),
    ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods: expectedCount,
    conditions,
  };
  return { status, recheckInMs, overdue };
}

function disruptionAllowed(
  budget: Budget,
  observedGeneration: number | undefined,
  status: "True" | "False",
  reason: string,
  message: string,
  now: number,
) {
  return setCondition<DeepReadonly<NonNullable<PodDisruptionBudgetStatus["conditions"]>[number]>>(
    budget.status?.conditions,
    {
      type: "DisruptionAllowed",
      status,
      reason,
      message,
      lastTransitionTime: formatTime(now),
      ...(observedGeneration !== undefined ? { observedGeneration } : {}),
    },
    formatTime(now),
  );
}
