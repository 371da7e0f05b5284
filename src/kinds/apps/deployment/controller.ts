// Rolls ReplicaSets so that a Deployment's pods become those of its template. The deciding parts are rollout.ts (sizes),
// status.ts and replica-sets.ts; this file reads and writes.

import { Deployment, type DeploymentStatus, ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { getCondition } from "#meta/conditions.ts";
import { isAlreadyExists, isApiError, isNotFound } from "#meta/errors.ts";
import { controllerOf, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch, watchControlled } from "#reconcile/controller.ts";
import {
  type AnyDeployment,
  type AnySet,
  desiredReplicasChanged,
  findNewSet,
  isRolling,
  makeNewSet,
  maxRevision,
  newSetAnnotations,
  ownerReference,
  replicasOf,
  REVISION,
  revisionOf,
  sizeAnnotations,
} from "./replica-sets.ts";
import { newSetReplicas, nextRollingSizes, scaledSizes, setsToForget, type Size } from "./rollout.ts";
import { countStatus, deadlineCheckMs, deadlineMs, isComplete, rolloutStatus, withCondition } from "./status.ts";

const SETS_BY_OWNER = "deployment-replicasets-by-owner";
const PODS_BY_SET = "deployment-pods-by-replicaset";
const ORPHANS = "";

interface Work extends ReconcileContext {
  /** The Deployment as this run wrote it last: a further write must not conflict with our own. */
  written: AnyDeployment;
}

export const deploymentController: ControllerDefinition = {
  name: "deployment-controller",
  for: Deployment,
  watches: [
    watch(ReplicaSet, (set, cache) => deploymentsOf(set, cache)),
    // Recreate waits for the last old pod to be gone.
    watch(Pod, (pod, cache) => {
      const set = controllerOf(pod);
      if (set?.kind !== "ReplicaSet" || pod.metadata?.deletionTimestamp === undefined) return [];
      const owner = cache(ReplicaSet).get(makeKey(pod.metadata.namespace, set.name));
      const deployment = owner && controllerOf(owner);
      return deployment?.kind === "Deployment" ? [makeKey(pod.metadata.namespace, deployment.name)] : [];
    }),
    watchControlled(ReplicaSet, Deployment),
  ],
  indexes: [
    index(ReplicaSet, SETS_BY_OWNER, (set) => [`${set.metadata?.namespace}/${controllerOf(set)?.uid ?? ORPHANS}`]),
    index(Pod, PODS_BY_SET, (pod) => {
      const set = controllerOf(pod);
      return set?.kind === "ReplicaSet" ? [set.uid] : [];
    }),
  ],
  async reconcile(key, reconcileContext) {
    const deployment = reconcileContext.cache(Deployment).get(key);
    if (!deployment) return;
    const context: Work = { ...reconcileContext, written: deployment };
    const sets = await claimSets(deployment, context);
    const newSet = findNewSet(deployment, sets);
    const old = sets.filter((set) => set !== newSet);
    if (deployment.metadata?.deletionTimestamp !== undefined)
      return writeStatus(countStatus(deployment, newSet, sets, context.clock.now()), context);
    if (await markPause(deployment, context)) return;
    if (deployment.spec?.paused === true || sets.some((set) => replicasOf(set) > 0 && desiredReplicasChanged(deployment, set))) {
      return scale(deployment, newSet, old, context);
    }
    return isRolling(deployment) ? rollingUpdate(deployment, newSet, old, context) : recreate(deployment, newSet, old, context);
  },
};

/** The Deployment that controls the set; for an orphan, all whose selector takes it. */
function deploymentsOf(set: AnySet, cache: ReconcileContext["cache"]): Key[] {
  if (controllerOf(set)) return [];
  return cache(Deployment)
    .list({ namespace: set.metadata?.namespace ?? "" })
    .filter((deployment) => labelSelectorMatcher(deployment.spec?.selector).matches(set.metadata?.labels))
    .map(keyOf);
}

/** The sets the Deployment owns, after adopting orphans that match and releasing owned ones that no longer do. */
async function claimSets(deployment: AnyDeployment, { cache, client, signal }: Work): Promise<AnySet[]> {
  const namespace = deployment.metadata?.namespace ?? "";
  const uid = deployment.metadata?.uid ?? "";
  const selector = labelSelectorMatcher(deployment.spec?.selector);
  const deleting = deployment.metadata?.deletionTimestamp !== undefined;
  const claimed: AnySet[] = [];
  for (const set of cache(ReplicaSet).byIndex(SETS_BY_OWNER, `${namespace}/${uid}`)) {
    if (selector.matches(set.metadata?.labels) || deleting) claimed.push(set);
    else {
      const patch = { metadata: { uid: set.metadata?.uid, ownerReferences: [{ $patch: "delete", uid }] } };
      await client.patch(ReplicaSet, keyOf(set), patch, { type: "strategic", signal });
    }
  }
  if (deleting) return claimed;
  for (const set of cache(ReplicaSet).byIndex(SETS_BY_OWNER, `${namespace}/${ORPHANS}`)) {
    if (!selector.matches(set.metadata?.labels) || set.metadata?.deletionTimestamp !== undefined) continue;
    const fresh = await client.get(Deployment, keyOf(deployment), { signal });
    if (fresh.metadata?.uid !== uid || fresh.metadata.deletionTimestamp !== undefined) return claimed;
    const patch = { metadata: { uid: set.metadata?.uid, ownerReferences: [ownerReference(deployment)] } };
    claimed.push(await client.patch(ReplicaSet, keyOf(set), patch, { type: "strategic", signal }));
  }
  return claimed;
}

/** Tells by the Progressing condition that a Deployment was paused or resumed. True: it was written, come back later. */
async function markPause(deployment: AnyDeployment, context: Work): Promise<boolean> {
  if (deadlineMs(deployment) === undefined) return false;
  const paused = deployment.spec?.paused === true;
  const progressing = getCondition(deployment.status?.conditions, "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") return false;
  const isMarked = progressing?.reason === "DeploymentPaused";
  if (paused === isMarked) return false;
  const [reason, message] = paused ? ["DeploymentPaused", "Deployment is paused"] : ["DeploymentResumed", "Deployment is resumed"];
  const status = clone(deployment.status ?? {}) as DeploymentStatus; // a copy of our own
  status.conditions = [
    ...withCondition(status.conditions ?? [], { type: "Progressing", status: "Unknown", reason, message }, context.clock.now()),
  ];
  await writeStatus(status, context);
  return true;
}

async function scale(deployment: AnyDeployment, newSet: AnySet | undefined, old: readonly AnySet[], context: Work) {
  const revised = newSet && (await reviseNewSet(deployment, newSet, old, context));
  const sizes = scaledSizes(deployment, revised, old);
  // Sets that keep their size still have to record what they were sized for.
  const sized = new Set(sizes.map(({ set }) => set));
  const rest = [...(revised ? [revised] : []), ...old].filter(
    (set) => !sized.has(set) && replicasOf(set) > 0 && desiredReplicasChanged(deployment, set),
  );
  const all = await resize(deployment, [...sizes, ...rest.map((set) => ({ set, replicas: replicasOf(set) }))], revised, old, context);
  if (deployment.spec?.paused === true) await forgetOldSets(deployment, all.old, context);
  return writeStatus(countStatus(deployment, all.newSet, [...all.old, ...(all.newSet ? [all.newSet] : [])], context.clock.now()), context);
}

async function rollingUpdate(deployment: AnyDeployment, found: AnySet | undefined, old: readonly AnySet[], context: Work) {
  const newSet = found ? await reviseNewSet(deployment, found, old, context) : await createNewSet(deployment, old, context);
  if (!newSet) return;
  const sizes = nextRollingSizes(deployment, newSet, old);
  const all = await resize(deployment, sizes, newSet, old, context);
  return finish(deployment, all.newSet, all.old, sizes.length > 0, context);
}

async function recreate(deployment: AnyDeployment, found: AnySet | undefined, old: readonly AnySet[], context: Work) {
  const revised = found && (await reviseNewSet(deployment, found, old, context));
  const active = old.filter((set) => replicasOf(set) > 0);
  const pods = context.cache(Pod);
  const oldPodsLeft = old.some((set) => pods.byIndex(PODS_BY_SET, set.metadata?.uid ?? "").some((pod) => !isTerminal(pod)));
  if (active.length > 0 || oldPodsLeft) {
    const down = active.map((set) => ({ set, replicas: 0 }));
    const all = await resize(deployment, down, revised, old, context);
    return finish(deployment, all.newSet, all.old, true, context);
  }
  const newSet = revised ?? (await createNewSet(deployment, old, context));
  if (!newSet) return;
  const wanted = replicasOf(deployment);
  const up = replicasOf(newSet) === wanted ? [] : [{ set: newSet, replicas: wanted }];
  const all = await resize(deployment, up, newSet, old, context);
  return finish(deployment, all.newSet, all.old, up.length > 0, context);
}

/** Writes the status; forgets old sets once the rollout is complete. */
async function finish(deployment: AnyDeployment, newSet: AnySet | undefined, old: readonly AnySet[], moving: boolean, context: Work) {
  const now = context.clock.now();
  const status = rolloutStatus(deployment, newSet, newSet ? [...old, newSet] : old, now);
  if (!moving && isComplete(deployment, status)) await forgetOldSets(deployment, old, context);
  await writeStatus(status, context);
  return { requeueAfterMs: deadlineCheckMs(deployment, status, now) };
}

/** Brings an existing new set's annotations, revision and minReadySeconds up to date, and the Deployment's revision. */
async function reviseNewSet(deployment: AnyDeployment, set: AnySet, old: readonly AnySet[], context: Work): Promise<AnySet> {
  const { client, clock, signal } = context;
  const revision = Math.max(maxRevision(old) + 1, revisionOf(set));
  const annotations = newSetAnnotations(deployment, set, revision);
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  let current = set;
  if (!equal(annotations, set.metadata?.annotations ?? {}) || minReadySeconds !== (set.spec?.minReadySeconds ?? 0)) {
    const next = clone(set) as ReplicaSet; // a copy of our own
    next.metadata = { ...next.metadata, annotations };
    if (next.spec) next.spec.minReadySeconds = minReadySeconds;
    current = await client.update(ReplicaSet, next, { signal });
  }
  await writeRevision(revisionOf(current), context);
  if (deadlineMs(deployment) !== undefined && !getCondition(deployment.status?.conditions, "Progressing")) {
    const status = clone(deployment.status ?? {}) as DeploymentStatus; // a copy of our own
    const message = `Found new replica set "${current.metadata?.name}"`;
    const condition = { type: "Progressing", status: "True", reason: "FoundNewReplicaSet", message };
    status.conditions = [...withCondition(status.conditions ?? [], condition, clock.now())];
    await writeStatus(status, context);
  }
  return current;
}

async function writeRevision(revision: number, work: Work): Promise<void> {
  if (work.written.metadata?.annotations?.[REVISION] === String(revision)) return;
  const next = clone(work.written) as Deployment; // a copy of our own
  next.metadata = { ...next.metadata, annotations: { ...next.metadata?.annotations, [REVISION]: String(revision) } };
  work.written = await work.client.update(Deployment, next, { signal: work.signal });
}

/** Creates the set for the present template. Undefined: the name was taken by another template; the next run takes another name. */
async function createNewSet(deployment: AnyDeployment, old: readonly AnySet[], context: Work): Promise<AnySet | undefined> {
  const { client, clock, events, signal } = context;
  const revision = maxRevision(old) + 1;
  const made = makeNewSet(deployment, newSetReplicas(deployment, old, 0), revision);
  const about = { resource: Deployment, object: deployment };
  let created: ReplicaSet;
  try {
    created = await client.create(ReplicaSet, made, { signal });
    const { name } = splitKey(keyOf(created));
    if (replicasOf(created) > 0)
      events.event(about, "Normal", "ScalingReplicaSet", `Scaled up replica set ${name} from 0 to ${replicasOf(created)}`);
  } catch (error) {
    if (isAlreadyExists(error)) {
      const present = await client.get(ReplicaSet, keyOf(made), { signal });
      const isOurs = controllerOf(present)?.uid === deployment.metadata?.uid && findNewSet(deployment, [present]) !== undefined;
      if (isOurs) return present;
      const status = clone(deployment.status ?? {}) as DeploymentStatus; // a copy of our own
      status.collisionCount = (status.collisionCount ?? 0) + 1;
      await writeStatus(status, context);
      return undefined;
    }
    if (isApiError(error) && error.status.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating")) return undefined;
    const message = `Failed to create new replica set "${made.metadata?.name}": ${error instanceof Error ? error.message : String(error)}`;
    if (deadlineMs(deployment) !== undefined) {
      const status = clone(deployment.status ?? {}) as DeploymentStatus; // a copy of our own
      const condition = { type: "Progressing", status: "False", reason: "ReplicaSetCreateError", message };
      status.conditions = [...withCondition(status.conditions ?? [], condition, clock.now())];
      await writeStatus(status, context);
    }
    events.event(about, "Warning", "ReplicaSetCreateError", message);
    throw error;
  }
  await writeRevision(revision, context);
  return created;
}

/** Sets the sizes, each with what it was sized for. Answers with the sets as they are now. */
async function resize(
  deployment: AnyDeployment,
  sizes: readonly Size[],
  newSet: AnySet | undefined,
  old: readonly AnySet[],
  { client, events, signal }: Work,
): Promise<{ newSet: AnySet | undefined; old: AnySet[] }> {
  const written = new Map<AnySet, AnySet>();
  for (const { set, replicas } of sizes) {
    const from = replicasOf(set);
    const annotations = { ...set.metadata?.annotations, ...sizeAnnotations(deployment) };
    if (replicas === from && equal(annotations, set.metadata?.annotations)) continue;
    const next = clone(set) as ReplicaSet; // a copy of our own
    next.metadata = { ...next.metadata, annotations };
    if (next.spec) next.spec.replicas = replicas;
    written.set(set, await client.update(ReplicaSet, next, { signal }));
    if (replicas === from) continue;
    const direction = replicas > from ? "up" : "down";
    events.event(
      { resource: Deployment, object: deployment },
      "Normal",
      "ScalingReplicaSet",
      `Scaled ${direction} replica set ${set.metadata?.name} from ${from} to ${replicas}`,
    );
  }
  const now = (set: AnySet) => written.get(set) ?? set;
  return { newSet: newSet && now(newSet), old: old.map(now) };
}

async function forgetOldSets(deployment: AnyDeployment, old: readonly AnySet[], { client, signal }: Work): Promise<void> {
  for (const set of setsToForget(deployment, old)) {
    await client.delete(ReplicaSet, keyOf(set), { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

async function writeStatus(status: DeploymentStatus, work: Work): Promise<void> {
  if (equal(status, work.written.status)) return;
  const next = clone(work.written) as Deployment; // a copy of our own
  next.status = status;
  work.written = await work.client.updateStatus(Deployment, next, { signal: work.signal });
}
