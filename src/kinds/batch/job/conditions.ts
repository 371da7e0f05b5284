// A Job's conditions. Pure.

import type { Job, JobCondition } from "#kinds/api/batch-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";

type Read<T> = DeepReadonly<T>;

export function newCondition(type: string, status: string, reason: string, message: string, nowMs: number): JobCondition {
  const now = formatTime(nowMs);
  return { type, status, lastProbeTime: now, lastTransitionTime: now, reason, message };
}

/**
 * The list with the condition in it; the very same list if it says so already. A condition that never was is not added to say that it
 * does not hold.
 */
export function withCondition(conditions: readonly Read<JobCondition>[], next: JobCondition): readonly Read<JobCondition>[] {
  const index = conditions.findIndex(({ type }) => type === next.type);
  const previous = conditions[index];
  if (!previous) return next.status === "False" ? conditions : [...conditions, next];
  const same = previous.status === next.status && previous.reason === next.reason && previous.message === next.message;
  return same ? conditions : conditions.with(index, next);
}

/** The condition of this type if it holds. */
export function trueCondition(job: Read<Job>, type: string): Read<JobCondition> | undefined {
  const condition = getCondition(job.status?.conditions, type);
  return condition?.status === "True" ? condition : undefined;
}

/** The condition that says how the Job ended. */
export function finishedCondition(job: Read<Job>): Read<JobCondition> | undefined {
  return job.status?.conditions?.find(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True");
}
