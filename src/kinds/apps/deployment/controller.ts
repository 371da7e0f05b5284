// Rolls ReplicaSets so that a Deployment's pods become those of its template. The deciding parts are rollout.ts (sizes),
// status.ts and replica-sets.ts; this file reads and writes.

import { Deployment, type DeploymentCondition, type DeploymentStatus, ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { getCondition } from "#meta/conditions.ts";
import { hasCause, isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { controllerOf, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch, watchControlled } from "#reconcile/controller.ts";
import { byController, claim } from "#reconcile/ownership.ts";
import { requestedRevision, rollBack } from "./rollback.ts";
import {
  type AnyDeployment,
  type AnySet,
  desiredReplicasChanged,
  findNewSet,
  isRolling,
  makeNewSet,
  laterRevision,
  maxRevision,
  newSetAnnotations,
  replicasOf,
  REVISION,
  revisionOf,
  sizeAnnotations,
} from "./replica-sets.ts";
import { newSetReplicas, nextRollingSizes, scaledSizes, setsToForget, type Size } from "./rollout.ts";
import { countStatus, deadlineCheckMs, deadlineMs, isComplete, rolloutStatus, withCondition } from "./status.ts";

const PODS_BY_SET = "deployment-pods-by-replicaset";

interface Work extends ReconcileContext {
  /** The Deployment as the server has it, after this run's own writes. */
  written: AnyDeployment;
  /** `written` with what this run found out and has not written yet; the last write of the run takes it along. */
  noted: AnyDeployment;
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
      const reference = owner && controllerOf(owner);
      if (reference?.kind !== "Deployment") return [];
      const key = makeKey(pod.metadata.namespace, reference.name);
      const deployment = cache(Deployment).get(key);
      return deployment && !isRolling(deployment) ? [key] : [];
    }),
    watchControlled(ReplicaSet, Deployment),
  ],
  indexes: [
    byController(ReplicaSet),
    index(Pod, PODS_BY_SET, (pod) => {
      const set = controllerOf(pod);
      return set?.kind === "ReplicaSet" ? [set.uid] : [];
    }),
  ],
  async reconcile(key, reconcileContext) {
    const deployment = reconcileContext.cache(Deployment).get(key);
    if (!deployment) return;
    const context: Work = { ...reconcileContext, written: deployment, noted: deployment };
    const selector = labelSelectorMatcher(deployment.spec?.selector);
    const selects = (set: AnySet) => selector.matches(set.metadata?.labels);
    const sets = await claim({ resource: ReplicaSet, owner: { resource: Deployment, object: deployment }, selects }, context);
    const newSet = findNewSet(deployment, sets);
    const old = sets.filter((set) => set !== newSet);
    if (deployment.metadata?.deletionTimestamp !== undefined)
      return writeStatus(countStatus(deployment, newSet, sets, context.clock.now()), context);
    notePause(context);
    if (deployment.spec?.paused === true) return scale(deployment, newSet, old, context);
    if (requestedRevision(deployment) !== undefined) return rollback(deployment, newSet, old, context);
    if (sets.some((set) => replicasOf(set) > 0 && desiredReplicasChanged(deployment, set))) return scale(deployment, newSet, old, context);
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

/** Tells by the Progressing condition that a Deployment was paused or resumed; a missed deadline is not painted over. */
function notePause(context: Work): void {
  const deployment = context.noted;
  if (deadlineMs(deployment) === undefined) return;
  const paused = deployment.spec?.paused === true;
  const progressing = getCondition(deployment.status?.conditions, "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") return;
  if (paused === (progressing?.reason === "DeploymentPaused")) return;
  const [reason, message] = paused ? ["DeploymentPaused", "Deployment is paused"] : ["DeploymentResumed", "Deployment is resumed"];
  noteProgressing(context, "Unknown", reason, message);
}

function noteProgressing(context: Work, status: string, reason: string, message: string): void {
  const { noted, clock } = context;
  const conditions = (noted.status?.conditions ?? []) as DeploymentCondition[]; // copied, never changed
  const next = withCondition(conditions, { type: "Progressing", status, reason, message }, clock.now());
  context.noted = { ...noted, status: { ...noted.status, conditions: next } };
}

function noteRevision(context: Work, revision: bigint): void {
  const { noted } = context;
  if (noted.metadata?.annotations?.[REVISION] === String(revision)) return;
  context.noted = {
    ...noted,
    metadata: { ...noted.metadata, annotations: { ...noted.metadata?.annotations, [REVISION]: String(revision) } },
  };
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
  if (deployment.spec?.paused === true && requestedRevision(deployment) === undefined) await forgetOldSets(deployment, all.old, context);
  const sets = [...all.old, ...(all.newSet ? [all.newSet] : [])];
  return writeStatus(countStatus(context.noted, all.newSet, sets, context.clock.now()), context);
}

/** Goes back to the revision that an annotation asks for; the change of the template wakes the next run. */
async function rollback(deployment: AnyDeployment, found: AnySet | undefined, old: readonly AnySet[], context: Work) {
  const newSet = found ? await reviseNewSet(deployment, found, old, context) : await createNewSet(deployment, old, context);
  if (!newSet) return;
  const { next, event } = rollBack(context.noted, [...old, newSet]);
  await context.client.update(Deployment, next, { signal: context.signal });
  context.events.event({ resource: Deployment, object: deployment }, event.type, event.reason, event.message);
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
  const oldPodsLeft = old.some(
    (set) => (set.status?.replicas ?? 0) > 0 || pods.byIndex(PODS_BY_SET, set.metadata?.uid ?? "").some((pod) => !isTerminal(pod)),
  );
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
  const status = rolloutStatus(context.noted, newSet, newSet ? [...old, newSet] : old, now);
  if (!moving && isComplete(deployment, status)) await forgetOldSets(deployment, old, context);
  await writeStatus(status, context);
  return { requeueAfterMs: deadlineCheckMs(deployment, status, now) };
}

/** Brings an existing new set's annotations, revision and minReadySeconds up to date, and the Deployment's revision. */
async function reviseNewSet(deployment: AnyDeployment, set: AnySet, old: readonly AnySet[], context: Work): Promise<AnySet> {
  const { client, signal } = context;
  const revision = laterRevision(maxRevision(old) + 1n, revisionOf(set));
  const annotations = newSetAnnotations(deployment, set, revision);
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  let current = set;
  if (!equal(annotations, set.metadata?.annotations ?? {}) || minReadySeconds !== (set.spec?.minReadySeconds ?? 0)) {
    const next = clone(set) as ReplicaSet; // a copy of our own
    next.metadata = { ...next.metadata, annotations };
    if (next.spec) next.spec.minReadySeconds = minReadySeconds;
    current = await client.update(ReplicaSet, next, { signal });
  }
  noteRevision(context, revisionOf(current));
  if (deadlineMs(deployment) !== undefined && !getCondition(context.noted.status?.conditions, "Progressing"))
    noteProgressing(context, "True", "FoundNewReplicaSet", `Found new replica set "${current.metadata?.name}"`);
  return current;
}

/** Creates the set for the present template. Undefined: the name was taken by another template; the next run takes another name. */
async function createNewSet(deployment: AnyDeployment, old: readonly AnySet[], context: Work): Promise<AnySet | undefined> {
  const { client, events, signal } = context;
  const revision = maxRevision(old) + 1n;
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
      if (isOurs) {
        noteRevision(context, revisionOf(present));
        return present;
      }
      const status = { ...context.noted.status } as DeploymentStatus; // only sent, not changed
      await writeStatus({ ...status, collisionCount: (status.collisionCount ?? 0) + 1 }, context);
      return undefined;
    }
    if (hasCause(error, "NamespaceTerminating")) return undefined;
    const message = `Failed to create new replica set "${made.metadata?.name}": ${error instanceof Error ? error.message : String(error)}`;
    if (deadlineMs(deployment) !== undefined) {
      noteProgressing(context, "False", "ReplicaSetCreateError", message);
      await writeStatus({ ...context.noted.status } as DeploymentStatus, context); // only sent, not changed
    }
    events.event(about, "Warning", "ReplicaSetCreateError", message);
    throw error;
  }
  noteRevision(context, revision);
  // From now the progress deadline counts, even if no pod of the new set ever comes.
  if (deadlineMs(deployment) !== undefined)
    noteProgressing(context, "True", "NewReplicaSetCreated", `Created new replica set "${created.metadata?.name}"`);
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

/** One write for the status and the revision: upstream's controller, too, sets the annotation through the status. */
async function writeStatus(status: DeploymentStatus, work: Work): Promise<void> {
  const annotations = work.noted.metadata?.annotations;
  if (equal(status, work.written.status) && equal(annotations, work.written.metadata?.annotations)) return;
  const next = clone(work.written) as Deployment; // a copy of our own
  next.status = status;
  if (annotations) next.metadata = { ...next.metadata, annotations };
  work.written = work.noted = await work.client.updateStatus(Deployment, next, { signal: work.signal });
}
