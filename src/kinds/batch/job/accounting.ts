// How ended pods get into a Job's counts, each exactly once, wherever the controller may be stopped. Pure.
//
//   1. The status names the pods that are about to be counted (uncountedTerminatedPods), or their indexes.
//   2. Those pods lose their finalizer.
//   3. The status counts the named ones that have no finalizer any more, and names them no longer.
//
// A pod with the finalizer is not counted yet; a named pod without it is counted by the next run that sees it so.
// Rules: trackJobStatusAndRemoveFinalizers in pkg/controller/job/job_controller.go.

import type { JobCondition, JobStatus } from "#kinds/api/batch-v1.gen.ts";
import { isPodReady } from "#kinds/core/pod/state.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";
import { newCondition, trueCondition, withCondition } from "./conditions.ts";
import { formatIntervals, hasIndex, sizeOf } from "./intervals.ts";
import { type AnyPod, isFailed, isIndexed, isSuspended, isTracked, validIndexOf } from "./pods.ts";
import { isCounted } from "./policies.ts";
import type { Situation } from "./situation.ts";

/** So many names keep a status within about 20 KB, and one Job from starving others. */
const MAX_NAMED = 500;

/** What was done to pods in this run. */
export interface Managed {
  readonly created: number;
  readonly deleted: readonly AnyPod[];
  /** Some pod could not be deleted or created. */
  readonly incomplete: boolean;
}

export interface Accounts {
  /** To be written before a finalizer goes. */
  readonly status: JobStatus;
  /** Pods whose finalizer goes then. */
  readonly release: readonly AnyPod[];
  /** What ends the Job once all are counted and gone. */
  readonly end: JobCondition | undefined;
  /** Why and how to tell that the Job was suspended or resumed. */
  readonly event: { readonly reason: string; readonly message: string } | undefined;
}

/** `managed` undefined: the Job is being deleted, its pods are nobody's business but the collector's. */
export function account(situation: Situation, managed: Managed | undefined): Accounts {
  const { job, nowMs } = situation;
  const deletedReady = (managed?.deleted ?? []).filter(isPodReady).length;
  const deleted = managed?.deleted.length ?? 0;
  const active = situation.active.length + (managed?.created ?? 0) - deleted;
  const now = formatTime(nowMs);
  let conditions: readonly DeepReadonly<JobCondition>[] = job.status?.conditions ?? [];
  let startTime = job.status?.startTime ?? (isSuspended(job) ? undefined : now);
  let event: Accounts["event"];
  let end = situation.end;
  // Pods that are left may still succeed: the Job is not over yet.
  if (end && managed?.incomplete) end = undefined;
  else if (!end && isComplete(situation, active))
    end = newCondition("SuccessCriteriaMet", "True", "CompletionsReached", "Reached expected number of succeeded pods", nowMs);
  else if (!end && managed) {
    const suspended = isSuspended(job);
    const [status, verb] = suspended ? ["True", "suspended"] : ["False", "resumed"];
    const reason = suspended ? "Suspended" : "Resumed";
    const next = withCondition(conditions, newCondition("Suspended", status, `Job${reason}`, `Job ${verb}`, nowMs));
    if (next !== conditions) {
      conditions = next;
      event = { reason, message: `Job ${verb}` };
      // The deadline counts from when the Job runs again.
      startTime = suspended ? undefined : now;
    }
  }
  const ledger = enter(situation, end);
  if (end?.type === "FailureTarget" || (end?.type === "SuccessCriteriaMet" && !trueCondition(job, "SuccessCriteriaMet")))
    conditions = [...conditions, end];
  const final = end && { FailureTarget: "Failed", SuccessCriteriaMet: "Complete" }[end.type];
  const status: JobStatus = {
    ...(conditions.length > 0 ? { conditions: conditions as JobCondition[] } : {}), // only sent, not changed
    ...(startTime === undefined ? {} : { startTime }),
    ...(job.status?.completionTime === undefined ? {} : { completionTime: job.status.completionTime }),
    ...(active > 0 ? { active } : {}),
    terminating: situation.terminating + deleted,
    ready: situation.ready - deletedReady,
    ...ledger.counts,
  };
  return {
    status,
    // With too many at once the rest comes in the next run.
    release: ledger.release,
    end: end && !ledger.full ? { ...(end as JobCondition), type: final ?? end.type } : undefined,
    event,
  };
}

function isComplete({ job, succeeded }: Situation, active: number): boolean {
  const completions = job.spec?.completions;
  return active === 0 && (completions === undefined ? succeeded > 0 : succeeded >= completions);
}

interface Ledger {
  readonly counts: Partial<JobStatus>;
  readonly release: readonly AnyPod[];
  readonly full: boolean;
}

function enter(situation: Situation, end: DeepReadonly<JobCondition> | undefined): Ledger {
  const { job } = situation;
  const indexed = isIndexed(job);
  const known = job.status?.uncountedTerminatedPods;
  const namedBefore = { succeeded: new Set(known?.succeeded), failed: new Set(known?.failed) };
  const start = countUntracked(job.status ?? {}, new Set(situation.pods.filter(isTracked).map(uidOf)));
  const succeeded = [...(start.uncountedTerminatedPods?.succeeded ?? [])];
  const failed = [...(start.uncountedTerminatedPods?.failed ?? [])];
  let newIndexes = 0;
  let full = false;
  const release: AnyPod[] = [];
  for (const pod of situation.pods) {
    if (!isTracked(pod) || !mayGo(situation, end, pod)) continue;
    release.push(pod);
    const uid = uidOf(pod);
    const index = validIndexOf(pod, job);
    if (pod.status?.phase === "Succeeded" && !namedBefore.failed.has(uid)) {
      // An index is enough to know it again.
      if (indexed) newIndexes += Number(index !== undefined && !hasIndex(situation.knownIndexes, index));
      else if (!namedBefore.succeeded.has(uid)) succeeded.push(uid);
    } else if (isFailed(pod, job) || (end && end.type !== "SuccessCriteriaMet")) {
      // When a Job has failed, so has each pod that did not end before.
      if (!namedBefore.failed.has(uid) && (!indexed || index !== undefined) && isCounted(job.spec, pod)) failed.push(uid);
    }
    full = newIndexes + succeeded.length + failed.length >= MAX_NAMED;
    if (full) break;
  }
  // Beyond the bound indexes are counted all the same: they need no names.
  const done = situation.succeededIndexes;
  const completedIndexes = formatIntervals(done);
  return {
    release,
    full,
    counts: {
      ...counted("succeeded", indexed ? sizeOf(done) : (start.succeeded ?? 0)),
      ...counted("failed", start.failed ?? 0),
      ...(completedIndexes === "" ? {} : { completedIndexes }),
      ...(situation.failedIndexes ? { failedIndexes: formatIntervals(situation.failedIndexes) } : {}),
      uncountedTerminatedPods: named(succeeded, failed),
    },
  };
}

/** Whether the pod's finalizer has done its work once the status is written. */
function mayGo({ job, awaitingSuccessor }: Situation, end: DeepReadonly<JobCondition> | undefined, pod: AnyPod): boolean {
  if (job.metadata?.deletionTimestamp !== undefined || end || pod.status?.phase === "Succeeded") return true;
  if (!isFailed(pod, job)) return false;
  const index = validIndexOf(pod, job);
  return index === undefined || awaitingSuccessor.get(index) !== pod;
}

/** Counts the named pods that are without finalizer by now. `stillTracked` holds the uids of those that are not. */
export function countUntracked(status: DeepReadonly<JobStatus>, stillTracked: ReadonlySet<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const left = { succeeded: succeeded.filter((uid) => stillTracked.has(uid)), failed: failed.filter((uid) => stillTracked.has(uid)) };
  return {
    ...(status as JobStatus), // copied, not changed
    ...counted("succeeded", (status.succeeded ?? 0) + succeeded.length - left.succeeded.length),
    ...counted("failed", (status.failed ?? 0) + failed.length - left.failed.length),
    uncountedTerminatedPods: named(left.succeeded, left.failed),
  };
}

/** The status of a Job that is over; undefined: pods are still to be counted, or to go. */
export function finish(status: JobStatus, end: JobCondition, nowMs: number): JobStatus | undefined {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (succeeded.length + failed.length > 0 || (status.terminating ?? 0) > 0) return undefined;
  const condition = newCondition(end.type, "True", end.reason ?? "", end.message ?? "", nowMs);
  return {
    ...status,
    conditions: withCondition(status.conditions ?? [], condition) as JobCondition[], // only sent, not changed
    ...(end.type === "Complete" ? { completionTime: formatTime(nowMs) } : {}),
  };
}

const uidOf = (pod: AnyPod): string => pod.metadata?.uid ?? "";

/** Upstream leaves zeros out. */
function counted(name: "succeeded" | "failed", count: number): Partial<JobStatus> {
  return count > 0 ? { [name]: count } : {};
}

function named(succeeded: string[], failed: string[]): NonNullable<JobStatus["uncountedTerminatedPods"]> {
  return { ...(succeeded.length > 0 ? { succeeded } : {}), ...(failed.length > 0 ? { failed } : {}) };
}
