// Runs a Job's pods to completion and counts how they end. The deciding parts are situation.ts (how it stands), demand.ts
// (which pods to have) and accounting.ts (what the status says); this file reads and writes.

import { Job, type JobStatus } from "#kinds/api/batch-v1.gen.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { createPods, deletePods, type Outcome, podFromTemplate } from "#kinds/shared/owned-pods/controller.ts";
import { equal } from "#lib/equal.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { controllerOf, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { apiVersionOf } from "#meta/resource.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch } from "#reconcile/controller.ts";
import { byController, claim } from "#reconcile/ownership.ts";
import { account, countUntracked, finish, type Managed } from "./accounting.ts";
import { finishedCondition } from "./conditions.ts";
import { demandOf } from "./demand.ts";
import { JOB_LABELS } from "./labels.ts";
import { type AnyJob, type AnyPod, forIndex, isTracked, tracked, TRACKING_FINALIZER } from "./pods.ts";
import { type Situation, situationOf } from "./situation.ts";

const NAME = "kubernetes.io/job-controller";
const TRACKED = "job-tracked-pods";

export const jobController: ControllerDefinition = {
  name: "job-controller",
  for: Job,
  watches: [watch(Pod, (pod, cache) => jobsOf(pod, cache))],
  indexes: [byController(Pod), index(Pod, TRACKED, (pod) => (isTracked(pod) ? [jobNameOf(pod)] : []))],
  awaitsOwnWrites: true,
  async reconcile(key, context) {
    const job = context.cache(Job).get(key);
    await releaseStrays(key, job, context);
    if (!job || isManagedElsewhere(job) || finishedCondition(job)) return;
    const owner = { resource: Job, object: job };
    const mode = job.spec?.completionMode;
    if (mode !== undefined && mode !== "NonIndexed" && mode !== "Indexed")
      return context.events.event(owner, "Warning", "UnknownCompletionMode", "Skipped Job sync because completion mode is unknown");

    const selector = labelSelectorMatcher(job.spec?.selector);
    const selects = (pod: AnyPod) => selector.matches(pod.metadata?.labels);
    const pods = await claim({ resource: Pod, owner, selects, finalizer: TRACKING_FINALIZER }, context);
    const situation = situationOf(job, pods, context.clock.now());
    const { outcome, managed, waitMs } = await manage(situation, context);
    const accounts = account(situation, managed);

    let current = await writeStatus(job, accounts.status, context);
    if (accounts.event) context.events.event(owner, "Normal", accounts.event.reason, accounts.event.message);
    const released = await release(accounts.release, context);
    const gone = new Set(released.done);
    const left = new Set(pods.filter((pod) => isTracked(pod) && !gone.has(pod)).map((pod) => pod.metadata?.uid ?? ""));
    const status = countUntracked(current.status ?? {}, left);
    const finished = accounts.end && released.failure === undefined ? finish(status, accounts.end, context.clock.now()) : undefined;
    current = await writeStatus(current, finished ?? status, context);
    if (finished) tellEnd(current, context);
    const failure = released.failure ?? outcome.failure;
    if (failure !== undefined) throw failure;
    if (finished) return;
    return { requeueAfterMs: earliest(waitMs, situation.deadlineInMs) };
  },
};

/** Another controller has the Job: everything about it is that one's. */
function isManagedElsewhere(job: AnyJob): boolean {
  return job.spec?.managedBy !== undefined && job.spec.managedBy !== NAME;
}

/** Key of the Job that controls the pod, whether it exists or not; without a name for a pod that no Job controls. */
function jobNameOf(pod: AnyPod): Key {
  const controller = controllerOf(pod);
  const namespace = pod.metadata?.namespace ?? "";
  if (!controller) return makeKey(namespace, "");
  return controller.kind === Job.kind && controller.apiVersion === apiVersionOf(Job) ? makeKey(namespace, controller.name) : "";
}

/** The Job that controls the pod; for an orphan all whose selector takes it, or, if it has our finalizer, some key of its namespace. */
function jobsOf(pod: AnyPod, cache: ReconcileContext["cache"]): Key[] {
  if (controllerOf(pod)) {
    const key = jobNameOf(pod);
    return key === "" ? [] : [key];
  }
  const { namespace = "", labels, name = "" } = pod.metadata ?? {};
  const keys = cache(Job)
    .list({ namespace })
    .filter((job) => labelSelectorMatcher(job.spec?.selector).matches(labels))
    .map(keyOf);
  return keys.length === 0 && isTracked(pod) ? [makeKey(namespace, labels?.[JOB_LABELS.name] ?? name)] : keys;
}

/** Takes the finalizer off pods that no Job will count any more: those of a Job that is gone or over, and those without controller. */
async function releaseStrays(key: Key, job: AnyJob | undefined, context: ReconcileContext): Promise<void> {
  const byJob = (name: string) => context.cache(Pod).byIndex(TRACKED, name);
  const isOver = job !== undefined && !isManagedElsewhere(job) && finishedCondition(job) !== undefined;
  const strays = [
    ...byJob(makeKey(splitKey(key).namespace, "")),
    ...byJob(key).filter((pod) => isOver || controllerOf(pod)?.uid !== job?.metadata?.uid),
  ];
  if (strays.length === 0) return;
  // With the version: the pod may be adopted at this moment, and then it is counted again.
  const { failure } = await release(strays, context, true);
  if (failure !== undefined && !isConflict(failure)) throw failure;
}

interface Management {
  readonly outcome: Outcome;
  readonly managed: Managed | undefined;
  readonly waitMs?: number | undefined;
}

/** Deletes all active pods of a Job that is to end; else gives it the pods it should have. */
async function manage(situation: Situation, context: ReconcileContext): Promise<Management> {
  const { job, active, end } = situation;
  const owner = { resource: Job, object: job };
  const deleted = (outcome: Outcome): Management => ({
    outcome,
    managed: { created: 0, deleted: outcome.done, incomplete: outcome.failure !== undefined },
  });
  // They keep their finalizer: how they end is still counted.
  if (end) return deleted(await deletePods(owner, active, context));
  if (job.metadata?.deletionTimestamp !== undefined) return { outcome: { done: [] }, managed: undefined };

  const { remove, create, waitMs } = demandOf(situation);
  // Nobody counts pods that are too many, so the finalizer goes first; but not from one that ended a moment ago.
  if (remove.length > 0) return deleted(await deletePods(owner, remove, context, (pod) => untrack(pod, context, true)));
  const plain = tracked(podFromTemplate(owner, job.spec?.template));
  const pods = create.map((at) => (at === undefined ? plain : forIndex(plain, job, at, situation.awaitingSuccessor.get(at))));
  const outcome = await createPods(owner, pods, context);
  return { outcome, managed: { created: outcome.done.length, deleted: [], incomplete: outcome.failure !== undefined }, waitMs };
}

/** Takes the finalizer off; a pod that is gone counts as done. */
async function release(pods: readonly AnyPod[], context: ReconcileContext, unchangedOnly = false): Promise<Outcome> {
  const results = await Promise.allSettled(pods.map((pod) => untrack(pod, context, unchangedOnly)));
  const failed = results.find((result) => result.status === "rejected");
  return {
    done: pods.filter((_, position) => results[position]?.status === "fulfilled"),
    ...(failed ? { failure: failed.reason } : {}),
  };
}

async function untrack(pod: AnyPod, { cache, client, signal }: ReconcileContext, unchangedOnly = false): Promise<void> {
  if (!isTracked(pod)) return;
  const { uid, resourceVersion } = pod.metadata ?? {};
  const metadata = { uid, ...(unchangedOnly ? { resourceVersion } : {}), "$deleteFromPrimitiveList/finalizers": [TRACKING_FINALIZER] };
  try {
    await client.patch(Pod, keyOf(pod), { metadata }, { type: "strategic", signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    // There is no write of ours to wait for; but while the cache still shows the pod with the finalizer, it would be counted again.
    await cache(Pod).until(() => cache(Pod).get(keyOf(pod))?.metadata?.uid !== uid, signal);
  }
}

async function writeStatus(job: AnyJob, status: JobStatus, { client, signal }: ReconcileContext): Promise<AnyJob> {
  if (equal(status, job.status)) return job;
  // Conditional on the version that was read: two controllers never count on top of one another.
  return client.updateStatus(Job, { ...(job as Job), status }, { signal }); // only sent, not changed
}

function tellEnd(job: AnyJob, { events }: ReconcileContext): void {
  const owner = { resource: Job, object: job };
  const end = finishedCondition(job);
  if (end?.type === "Failed") return events.event(owner, "Warning", end.reason ?? "", end.message ?? "");
  if (job.spec?.completions !== undefined && (job.status?.succeeded ?? 0) > job.spec.completions)
    events.event(owner, "Warning", "TooManySucceededPods", "Too many succeeded pods running after completion count reached");
  events.event(owner, "Normal", "Completed", "Job completed");
}

function earliest(...delays: readonly (number | undefined)[]): number | undefined {
  const given = delays.filter((delay) => delay !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}
