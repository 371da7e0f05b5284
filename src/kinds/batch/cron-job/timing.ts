// When a CronJob is due, was due, and will be. Pure. Rules: pkg/controller/cronjob/utils.go.

import type { CronJob } from "#kinds/api/batch-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { nextTime, parseSchedule, wallClock } from "./schedule.ts";

type AnyCronJob = DeepReadonly<CronJob>;

/** The first time after a given one at which the schedule is due; undefined: never. */
export type Next = (afterMs: number) => number | undefined;

/** Runs this much late, so that clocks that differ a little do not make it early. */
const PADDING_MS = 100;
const MANY = 100;
const WRONG = "time difference between two schedules is less than 1 second";

export function scheduleOf({ spec }: AnyCronJob): { readonly next: Next; readonly wrong?: undefined } | { readonly wrong: string } {
  const parsed = parseSchedule(spec?.schedule ?? "");
  if (parsed.wrong !== undefined) return parsed;
  return { next: (afterMs) => nextTime(parsed.schedule, afterMs, spec?.timeZone) };
}

interface Recent {
  /** Nothing before it is looked at. */
  readonly earliestMs: number;
  /** The last time that was due; undefined: none since `earliestMs`. */
  readonly dueMs?: number;
  readonly missed: "none" | "few" | "many";
  readonly wrong?: string;
}

/** The last time the CronJob was due and has not run. `withDeadline`: what is too late to start is not looked at. */
export function lastDue(cronJob: AnyCronJob, nowMs: number, next: Next, withDeadline: boolean): Recent {
  const { metadata, spec, status } = cronJob;
  let earliestMs = Date.parse(status?.lastScheduleTime ?? metadata?.creationTimestamp ?? "");
  if (withDeadline && spec?.startingDeadlineSeconds !== undefined)
    earliestMs = Math.max(earliestMs, nowMs - spec.startingDeadlineSeconds * 1000);
  const first = next(earliestMs);
  if (first === undefined) return { earliestMs, missed: "none", wrong: WRONG };
  if (nowMs < first) return { earliestMs, missed: "none" };
  const second = next(first);
  if (second !== undefined && nowMs < second) return { earliestMs, dueMs: first, missed: "none" };
  const betweenSeconds = Math.round(((second ?? first) - first) / 1000);
  if (betweenSeconds < 1) return { earliestMs, missed: "none", wrong: WRONG };
  // A guess at how many were missed, so that a clock that is years off costs nothing; the schedule itself gives the last of them.
  const missed = Math.floor(Math.floor((nowMs - first) / 1000) / betweenSeconds) + 1;
  let dueMs: number | undefined;
  for (let time = next(first + (missed - 2) * betweenSeconds * 1000); time !== undefined && time <= nowMs; time = next(time)) dueMs = time;
  return { earliestMs, ...(dueMs === undefined ? {} : { dueMs }), missed: missed > MANY ? "many" : "few" };
}

/** Time until the CronJob is to be looked at again; undefined: never. */
export function nextRunInMs(cronJob: AnyCronJob, nowMs: number, next: Next): number | undefined {
  const { earliestMs, dueMs, missed, wrong } = lastDue(cronJob, nowMs, next, false);
  const from = wrong === undefined ? (dueMs ?? (missed === "none" ? earliestMs : nowMs)) : nowMs;
  const time = next(from);
  return time === undefined ? undefined : time + PADDING_MS - nowMs;
}

/** RFC 3339, as clocks in the zone show it. */
export function formatInZone(timeMs: number, timeZone = "UTC"): string {
  const shown = wallClock(timeZone)(timeMs);
  const text = new Date(shown).toISOString().slice(0, 19);
  const offset = Math.round((shown - timeMs) / 60_000);
  if (offset === 0) return `${text}Z`;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${text}${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
}
