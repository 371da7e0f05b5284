// What a CronJob makes of its Jobs and of the time. Pure. Rules: syncCronJob in pkg/controller/cronjob/cronjob_controllerv2.go.

import { type CronJob, type CronJobStatus, Job } from "#kinds/api/batch-v1.gen.ts";
import type { ObjectReference } from "#kinds/api/core-v1.gen.ts";
import { finishedCondition } from "#kinds/batch/job/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { apiVersionOf } from "#meta/resource.ts";
import { formatTime } from "#meta/time.ts";
import { isTimeZone } from "./schedule.ts";
import { formatInZone, lastDue, nextRunInMs, scheduleOf } from "./timing.ts";

export type AnyCronJob = DeepReadonly<CronJob>;
export type AnyJob = DeepReadonly<Job>;

/** What is to be told. */
export interface Note {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

const SCHEDULED_TIME = "batch.kubernetes.io/cronjob-scheduled-timestamp";

export function jobNameAt(cronJob: AnyCronJob, timeMs: number): string {
  return `${cronJob.metadata?.name}-${Math.floor(timeMs / 60_000)}`;
}

/** The Job of one time. Its name is that time's, so that it cannot be made twice. */
export function jobAt(cronJob: AnyCronJob, timeMs: number): Job {
  const { metadata, spec } = (cronJob.spec?.jobTemplate ?? {}) as NonNullable<CronJob["spec"]>["jobTemplate"]; // only sent, not changed
  const { name = "", namespace = "", uid = "" } = cronJob.metadata ?? {};
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobNameAt(cronJob, timeMs),
      namespace,
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, [SCHEDULED_TIME]: formatInZone(timeMs, cronJob.spec?.timeZone) },
      ownerReferences: [{ apiVersion: "batch/v1", kind: "CronJob", name, uid, controller: true, blockOwnerDeletion: true }],
    },
    ...(spec ? { spec } : {}),
  };
}

export function referenceTo({ metadata }: AnyJob): ObjectReference {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = metadata ?? {};
  return { apiVersion: apiVersionOf(Job), kind: Job.kind, name, namespace, uid, resourceVersion };
}

export interface Review {
  readonly status: CronJobStatus;
  readonly notes: readonly Note[];
  /** The status missed a start: it must be written before any Job goes, or that one would be started again. */
  readonly repaired: boolean;
  /** Listed as active, but not among the Jobs. */
  readonly missing: readonly ObjectReference[];
}

/** Brings the status up to what the CronJob's Jobs say. */
export function review(cronJob: AnyCronJob, jobs: readonly AnyJob[]): Review {
  const before = (cronJob.status ?? {}) as CronJobStatus; // copied, not changed
  let active = before.active ?? [];
  let { lastScheduleTime, lastSuccessfulTime } = before;
  const notes: Note[] = [];
  const children = new Set<string>();
  for (const job of jobs.toSorted(byAge)) {
    const { name = "", uid = "" } = job.metadata ?? {};
    children.add(uid);
    const end = finishedCondition(job);
    let listed = active.some((reference) => reference.uid === uid);
    const startedMs = scheduledAt(cronJob, job);
    // Stopped between the start and the status.
    if (startedMs !== undefined && startedMs > Date.parse(lastScheduleTime ?? "1970-01-01T00:00:00Z")) {
      lastScheduleTime = formatTime(startedMs);
      if (!listed && !end) active = [...active, referenceTo(job)];
      listed ||= !end;
    }
    if (!listed && !end) {
      notes.push({ type: "Warning", reason: "UnexpectedJob", message: `Saw a job that the controller did not create or forgot: ${name}` });
    } else if (listed && end) {
      active = active.filter((reference) => reference.uid !== uid);
      notes.push({ type: "Normal", reason: "SawCompletedJob", message: `Saw completed job: ${name}, condition: ${end.type}` });
    }
    const completed = end?.type === "Complete" ? job.status?.completionTime : undefined;
    if (completed !== undefined && (lastSuccessfulTime === undefined || Date.parse(completed) > Date.parse(lastSuccessfulTime)))
      lastSuccessfulTime = completed;
  }
  return {
    status: statusOf(active, lastScheduleTime, lastSuccessfulTime),
    notes,
    repaired: lastScheduleTime !== before.lastScheduleTime,
    missing: active.filter(({ uid = "" }) => !children.has(uid)),
  };
}

export function statusOf(active: readonly ObjectReference[], lastScheduleTime?: string, lastSuccessfulTime?: string): CronJobStatus {
  return {
    ...(active.length > 0 ? { active: [...active] } : {}),
    ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
    ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
  };
}

/** When the Job was due, if the CronJob's schedule made it. */
function scheduledAt(cronJob: AnyCronJob, { metadata }: AnyJob): number | undefined {
  const time = Date.parse(metadata?.annotations?.[SCHEDULED_TIME] ?? "");
  return metadata?.name === jobNameAt(cronJob, time) ? time : undefined;
}

/** Finished Jobs beyond the limits of history, the oldest. */
export function jobsToForget({ spec }: AnyCronJob, jobs: readonly AnyJob[]): AnyJob[] {
  const beyond = (type: string, limit: number | undefined) => {
    const ended = jobs.filter((job) => job.metadata?.deletionTimestamp === undefined && finishedCondition(job)?.type === type);
    return limit === undefined ? [] : ended.toSorted(byAge).slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond("Complete", spec?.successfulJobsHistoryLimit), ...beyond("Failed", spec?.failedJobsHistoryLimit)];
}

/** The first to start first; what has not started comes last. */
function byAge(a: AnyJob, b: AnyJob): number {
  const started = (job: AnyJob) => (job.status?.startTime ? Date.parse(job.status.startTime) : Number.MAX_SAFE_INTEGER);
  return started(a) - started(b) || ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1);
}

export interface Decision {
  /** A Job for this time is to start. */
  readonly startMs?: number;
  /** Those that are active are to go first. */
  readonly replace?: boolean;
  readonly notes: readonly Note[];
}

/** Whether a Job is to start now. */
export function decideStart(cronJob: AnyCronJob, nowMs: number): Decision {
  const { spec, status } = cronJob;
  const schedule = spec?.schedule ?? "";
  const timeZone = spec?.timeZone;
  const notes: Note[] = [];
  const warn = (reason: string, message: string) => void notes.push({ type: "Warning", reason, message });
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    warn("UnknownTimeZone", `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`);
    return { notes };
  }
  if (spec?.suspend) return { notes };
  if (schedule.includes("TZ"))
    warn(
      "UnsupportedSchedule",
      `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`,
    );
  const parsed = scheduleOf(cronJob);
  if (parsed.wrong !== undefined) {
    warn("UnparseableSchedule", `unparseable schedule: ${JSON.stringify(schedule)} : ${parsed.wrong}`);
    return { notes };
  }
  const { dueMs, missed, wrong } = lastDue(cronJob, nowMs, parsed.next, true);
  if (wrong !== undefined) warn("InvalidSchedule", `invalid schedule: ${schedule} : ${wrong}`);
  if (wrong !== undefined || dueMs === undefined) return { notes };
  if (missed === "many")
    warn("TooManyMissedTimes", "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew");
  if (spec?.startingDeadlineSeconds !== undefined && dueMs + spec.startingDeadlineSeconds * 1000 < nowMs) {
    warn("MissSchedule", `Missed scheduled time to start a job: ${new Date(dueMs).toUTCString().replace("GMT", "+0000")}`);
    return { notes };
  }
  const active = status?.active ?? [];
  const isDone = status?.lastScheduleTime !== undefined && Date.parse(status.lastScheduleTime) === dueMs;
  if (isDone || active.some(({ name }) => name === jobNameAt(cronJob, dueMs))) return { notes };
  if (spec?.concurrencyPolicy === "Forbid" && active.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    notes.push({ type: "Normal", reason: "JobAlreadyActive", message });
    return { notes };
  }
  return { startMs: dueMs, replace: spec?.concurrencyPolicy === "Replace", notes };
}

/** Time until decideStart may decide otherwise; undefined: not before something changes. */
export function lookAgainInMs(cronJob: AnyCronJob, nowMs: number): number | undefined {
  const { suspend, timeZone } = cronJob.spec ?? {};
  if (suspend || (timeZone !== undefined && !isTimeZone(timeZone))) return undefined;
  const parsed = scheduleOf(cronJob);
  if (parsed.wrong !== undefined || lastDue(cronJob, nowMs, parsed.next, true).wrong !== undefined) return undefined;
  return nextRunInMs(cronJob, nowMs, parsed.next);
}
