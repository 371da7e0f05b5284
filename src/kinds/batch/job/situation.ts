// How a Job stands, from its status and its pods: what is new since the status was written, and whether that ends it.
// Pure. Rules: syncJob in pkg/controller/job/job_controller.go.

import type { JobCondition } from "#kinds/api/batch-v1.gen.ts";
import { isActive, isPodReady, isTerminal } from "#kinds/core/pod/state.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { backoffMs, finishedAt } from "./backoff.ts";
import { newCondition, trueCondition } from "./conditions.ts";
import { hasIndex, type Intervals, parseIntervals, sizeOf, withIndexes } from "./intervals.ts";
import {
  allIndexFailures,
  type AnyJob,
  type AnyPod,
  indexFailures,
  isFailed,
  isIndexed,
  isSuspended,
  isTracked,
  validIndexOf,
} from "./pods.ts";
import { isCounted, judgeFailure, metSuccessRule } from "./policies.ts";

export interface Situation {
  readonly job: AnyJob;
  /** All pods the Job owns. */
  readonly pods: readonly AnyPod[];
  readonly nowMs: number;
  readonly active: readonly AnyPod[];
  readonly ready: number;
  readonly terminating: number;
  /** Counts with what the status does not count yet. */
  readonly succeeded: number;
  readonly failed: number;
  /** Of an indexed Job: what the status has, and that with what succeeded since. */
  readonly knownIndexes: Intervals;
  readonly succeededIndexes: Intervals;
  /** Where failures are counted by index. */
  readonly failedIndexes: Intervals | undefined;
  /**
   * By index, the failed pod that must not go before its successor exists, since the count of failures is handed on from
   * one to the next.
   */
  readonly awaitingSuccessor: ReadonlyMap<number, AnyPod>;
  /** Time until failed pods may be replaced; where failures are counted by index each has its own instead. */
  readonly backoffMs: number;
  /** The condition that ends the Job. `FailureTarget` and `SuccessCriteriaMet` are announced before they become `Failed` and `Complete`. */
  readonly end: DeepReadonly<JobCondition> | undefined;
  /** When activeDeadlineSeconds will be over. */
  readonly deadlineInMs: number | undefined;
}

export function situationOf(job: AnyJob, pods: readonly AnyPod[], nowMs: number): Situation {
  const { spec, status } = job;
  const active = pods.filter(isActive);
  const indexed = isIndexed(job);
  const uncounted = { succeeded: status?.uncountedTerminatedPods?.succeeded ?? [], failed: status?.uncountedTerminatedPods?.failed ?? [] };
  const isNew = (pod: AnyPod, counted: readonly string[]) =>
    isTracked(pod) && !counted.includes(pod.metadata?.uid ?? "") && (!indexed || validIndexOf(pod, job) !== undefined);

  let ready = 0;
  for (const pod of active) if (isPodReady(pod)) ready++;
  let terminating = 0;
  let newSucceeded = 0;
  let newFailed = 0;
  const newIndexes: number[] = [];
  const newFailedIndexes: number[] = [];
  const perIndex = indexed && spec?.backoffLimitPerIndex !== undefined;
  for (const pod of pods) {
    if (pod.metadata?.deletionTimestamp !== undefined && !isTerminal(pod)) terminating++;
    if (!isTracked(pod)) continue;
    const index = validIndexOf(pod, job);
    if (pod.status?.phase === "Succeeded") {
      if (isNew(pod, uncounted.succeeded)) newSucceeded++;
      if (index !== undefined) newIndexes.push(index);
    } else if (isFailed(pod, job)) {
      if (isNew(pod, uncounted.failed) && isCounted(spec, pod)) newFailed++;
      if (perIndex && index !== undefined && failsItsIndex(job, pod)) newFailedIndexes.push(index);
    }
  }
  const completions = spec?.completions ?? 0;
  const knownIndexes = indexed ? parseIntervals(status?.completedIndexes, completions) : [];
  const succeededIndexes = withIndexes(knownIndexes, newIndexes.slice(0, indexed ? undefined : 0));
  const failedIndexes = perIndex ? withIndexes(parseIntervals(status?.failedIndexes, completions), newFailedIndexes) : undefined;
  const succeeded = indexed ? sizeOf(succeededIndexes) : (status?.succeeded ?? 0) + newSucceeded + uncounted.succeeded.length;
  const failed = (status?.failed ?? 0) + newFailed + uncounted.failed.length;
  const facts = { job, pods, nowMs, active, ready, terminating, succeeded, failed, knownIndexes, succeededIndexes, failedIndexes };
  // Pods that were deleted on purpose carry no finalizer; their failure is nothing to wait for.
  const failures = pods.filter((pod) => isFailed(pod, job) && (isTracked(pod) || pod.metadata?.deletionTimestamp === undefined));
  return {
    ...facts,
    awaitingSuccessor: perIndex ? lastFailures(facts) : new Map(),
    backoffMs: perIndex
      ? 0
      : backoffMs(
          pods.filter((pod) => pod.status?.phase === "Succeeded"),
          failures,
          nowMs,
        ),
    end: endOf(facts),
    deadlineInMs: deadlineInMs(job, nowMs),
  };
}

type Facts = Omit<Situation, "awaitingSuccessor" | "backoffMs" | "end" | "deadlineInMs">;

function failsItsIndex(job: AnyJob, pod: AnyPod): boolean {
  const { action } = judgeFailure(job.spec, pod);
  if (action === "FailIndex") return true;
  return action !== "Ignore" && indexFailures(pod) >= (job.spec?.backoffLimitPerIndex ?? 0);
}

function lastFailures({ job, pods, active, succeededIndexes, failedIndexes = [] }: Facts): Map<number, AnyPod> {
  const busy = new Set(active.map((pod) => validIndexOf(pod, job)));
  const last = new Map<number, AnyPod>();
  for (const pod of pods) {
    const index = validIndexOf(pod, job);
    if (index === undefined || !isTracked(pod) || !isFailed(pod, job)) continue;
    if (busy.has(index) || hasIndex(succeededIndexes, index) || hasIndex(failedIndexes, index)) continue;
    const known = last.get(index);
    if (!known || (allIndexFailures(known) <= allIndexFailures(pod) && finishedAt(pod) >= finishedAt(known))) last.set(index, pod);
  }
  return last;
}

/** Upstream's order: what was announced before, failures, successes. */
function endOf(facts: Facts): DeepReadonly<JobCondition> | undefined {
  const { job, pods, nowMs, failed, succeededIndexes, failedIndexes } = facts;
  const { spec } = job;
  const met = trueCondition(job, "SuccessCriteriaMet");
  if (met) return met;
  const target = trueCondition(job, "FailureTarget");
  if (target) return newCondition("Failed", "True", target.reason ?? "", target.message ?? "", nowMs);
  const fails = (reason: string, message: string) => newCondition("FailureTarget", "True", reason, message, nowMs);

  if (spec?.podFailurePolicy) {
    for (const pod of pods) {
      const message = isFailed(pod, job) ? judgeFailure(spec, pod).failJob : undefined;
      if (message !== undefined) return fails("PodFailurePolicy", message);
    }
  }
  if (failed > (spec?.backoffLimit ?? 0) || restartsTooOften(job, pods))
    return fails("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  if ((deadlineInMs(job, nowMs) ?? 1) <= 0) return fails("DeadlineExceeded", "Job was active longer than specified deadline");
  if (failedIndexes) {
    const lost = sizeOf(failedIndexes);
    if (spec?.maxFailedIndexes !== undefined && lost > spec.maxFailedIndexes)
      return fails("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
    if (lost > 0 && lost + sizeOf(succeededIndexes) >= (spec?.completions ?? 0)) return fails("FailedIndexes", "Job has failed indexes");
  }
  const rule = isIndexed(job) ? metSuccessRule(spec, succeededIndexes) : undefined;
  return rule === undefined ? undefined : newCondition("SuccessCriteriaMet", "True", "SuccessPolicy", rule, nowMs);
}

/** Where containers restart in their pods, restarts count instead of pods. */
function restartsTooOften({ spec }: AnyJob, pods: readonly AnyPod[]): boolean {
  if (spec?.template?.spec?.restartPolicy !== "OnFailure") return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== "Running" && status?.phase !== "Pending") continue;
    for (const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])])
      restarts += container.restartCount;
  }
  const limit = spec.backoffLimit ?? 0;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function deadlineInMs(job: AnyJob, nowMs: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || isSuspended(job)) return undefined;
  const started = job.status?.startTime;
  return (started === undefined ? nowMs : Date.parse(started)) + seconds * 1000 - nowMs;
}
