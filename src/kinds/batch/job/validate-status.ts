// What may be written to a Job's status. Most rules hold only where the fields that they are about change, so that a
// status that broke one before can still be mended step by step.

import type { Job, JobStatus } from "#kinds/api/batch-v1.gen.ts";
import { checkNonNegative, type Errors } from "#kinds/shared/checks.ts";
import { equal } from "#lib/equal.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { field, OMIT_VALUE } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { firstOverlap, parseIndexes } from "./indexes.ts";

type Read<T> = DeepReadonly<T>;

interface Facts {
  readonly complete: boolean;
  readonly failed: boolean;
  readonly failureTarget: boolean;
  readonly successCriteriaMet: boolean;
}

function factsOf(status: Read<JobStatus>): Facts {
  const is = (type: string) => isConditionTrue(status.conditions, type);
  return {
    complete: is("Complete"),
    failed: is("Failed"),
    failureTarget: is("FailureTarget"),
    successCriteriaMet: is("SuccessCriteriaMet"),
  };
}

export function validateJobStatus(errors: Errors, next: Read<Job>, previous: Read<Job>): void {
  const [status, before] = [next.status ?? {}, previous.status ?? {}];
  const [now, old] = [factsOf(status), factsOf(before)];
  const changed = (...names: (keyof JobStatus)[]) => names.some((name) => !equal(status[name] ?? null, before[name] ?? null));
  const turned = (...names: (keyof Facts)[]) => names.some((name) => now[name] !== old[name]);
  const finished = now.complete || now.failed;
  const finishedTurned = finished !== (old.complete || old.failed);
  const conditions = (text: string) => errors.push(field.invalid("status.conditions", OMIT_VALUE, text));

  for (const name of ["active", "succeeded", "failed", "ready", "terminating"] as const)
    checkNonNegative(errors, `status.${name}`, status[name]);
  validateUncounted(errors, status);
  if (turned("complete", "failed") && now.complete && now.failed) conditions("cannot set Complete=True and Failed=true conditions");
  if (turned("complete", "failureTarget") && now.complete && now.failureTarget)
    conditions("cannot set Complete=True and FailureTarget=true conditions");
  validateTimes(errors, next, status, before, { complete: now.complete, completeTurned: turned("complete"), finished, finishedTurned });
  if ((turned("failed") || changed("failedIndexes")) && now.failed && !now.failureTarget)
    conditions("cannot set Failed=True condition without the FailureTarget=true condition");
  if (turned("complete", "successCriteriaMet") && now.complete && !now.successCriteriaMet)
    conditions("cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
  if ((finishedTurned || changed("active")) && finished && (status.active ?? 0) > 0)
    errors.push(field.invalid("status.active", status.active, "active>0 is invalid for finished job"));
  const uncounted = status.uncountedTerminatedPods;
  if (
    (finishedTurned || changed("uncountedTerminatedPods")) &&
    finished &&
    (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0) > 0
  )
    errors.push(field.invalid("status.uncountedTerminatedPods", uncounted, "must be empty for finished job"));
  validateIndexFields(errors, next, { completed: changed("completedIndexes"), failed: changed("failedIndexes") });
  if ((finishedTurned || changed("terminating")) && finished && (status.terminating ?? 0) > 0)
    errors.push(field.invalid("status.terminating", status.terminating, "terminating>0 is invalid for finished job"));
  if (changed("ready", "active") && status.ready !== undefined && status.ready > (status.active ?? 0))
    errors.push(field.invalid("status.ready", status.ready, "cannot set more ready pods than active"));
  if (now.successCriteriaMet && now.failed) conditions("cannot set SuccessCriteriaMet=True and Failed=true conditions");
  if (now.successCriteriaMet && now.failureTarget) conditions("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
  if (next.spec?.successPolicy && !now.successCriteriaMet && now.complete)
    conditions("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
  validateTransition(errors, next, previous, conditions);
}

function validateUncounted(errors: Errors, { uncountedTerminatedPods: uncounted }: Read<JobStatus>): void {
  const seen = new Set<string>();
  for (const list of ["succeeded", "failed"] as const) {
    for (const [index, uid] of (uncounted?.[list] ?? []).entries()) {
      const at = `status.uncountedTerminatedPods.${list}[${index}]`;
      if (uid === "") errors.push(field.invalid(at, uid, "must not be empty"));
      else if (seen.has(uid)) errors.push(field.duplicate(at, uid));
      seen.add(uid);
    }
  }
}

interface Turns {
  readonly complete: boolean;
  readonly completeTurned: boolean;
  readonly finished: boolean;
  readonly finishedTurned: boolean;
}

function validateTimes(errors: Errors, { spec }: Read<Job>, status: Read<JobStatus>, before: Read<JobStatus>, turns: Turns): void {
  const { completionTime: end, startTime: start } = status;
  const endChanged = !sameTime(end, before.completionTime);
  const startChanged = !sameTime(start, before.startTime);
  const at = "status.completionTime";
  if (turns.completeTurned || endChanged) {
    if (end !== undefined && !turns.complete)
      errors.push(field.invalid(at, end, "cannot set completionTime when there is no Complete=True condition"));
    if (end === undefined && turns.complete) errors.push(field.required(at, "completionTime is required for Complete jobs"));
  }
  if ((startChanged || endChanged) && start !== undefined && end !== undefined && Date.parse(end) < Date.parse(start))
    errors.push(field.invalid(at, end, "must be equal to or after `startTime`"));
  const neverStarts = spec?.suspend === true && spec.completions === 0;
  if ((turns.finishedTurned || startChanged) && !neverStarts && start === undefined && turns.finished)
    errors.push(field.required("status.startTime", "startTime is required for finished job"));
}

function sameTime(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Date.parse(a) === Date.parse(b));
}

function validateIndexFields(
  errors: Errors,
  { spec, status }: Read<Job>,
  changed: { readonly completed: boolean; readonly failed: boolean },
): void {
  const { completedIndexes: completed = "", failedIndexes: failed } = status ?? {};
  const { completions, backoffLimitPerIndex, completionMode } = spec ?? {};
  if (changed.completed && completions !== undefined) {
    const { wrong } = parseIndexes(completed, completions);
    if (wrong !== undefined) errors.push(field.invalid("status.completedIndexes", completed, `error parsing completedIndexes: ${wrong}`));
  }
  if (changed.failed && completions !== undefined && backoffLimitPerIndex !== undefined && failed !== undefined) {
    const { wrong } = parseIndexes(failed, completions);
    if (wrong !== undefined) errors.push(field.invalid("status.failedIndexes", failed, `error parsing failedIndexes: ${wrong}`));
  }
  if (changed.completed && completed !== "" && completionMode !== "Indexed") {
    const text = "cannot set non-empty completedIndexes when non-indexed completion mode";
    errors.push(field.invalid("status.completedIndexes", completed, text));
  }
  if (failed === undefined) return;
  if (changed.failed && backoffLimitPerIndex === undefined) {
    errors.push(field.invalid("status.failedIndexes", failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null"));
  }
  if ((changed.failed || changed.completed) && completions !== undefined) {
    const index = firstOverlap(completed, failed, completions);
    if (index !== undefined)
      errors.push(field.invalid("status.failedIndexes", failed, `failedIndexes and completedIndexes overlap at index: ${index}`));
  }
}

/** What has become of a Job does not become undone. */
function validateTransition(errors: Errors, next: Read<Job>, previous: Read<Job>, conditions: (text: string) => void): void {
  const [status, before] = [next.status ?? {}, previous.status ?? {}];
  for (const type of ["Failed", "Complete", "FailureTarget"]) {
    if (isConditionTrue(before.conditions, type) && !isConditionTrue(status.conditions, type))
      conditions(`cannot disable the terminal ${type}=True condition`);
  }
  const decreased = (name: "failed" | "succeeded") => {
    if ((status[name] ?? 0) < (before[name] ?? 0))
      errors.push(field.invalid(`status.${name}`, status[name] ?? 0, `cannot decrease the ${name} counter`));
  };
  decreased("failed");
  // An indexed Job that has as many completions as pods at a time can shrink.
  const { completionMode, completions, parallelism, suspend } = next.spec ?? {};
  if (completionMode !== "Indexed" || completions !== parallelism) decreased("succeeded");
  if (status.completionTime !== undefined && before.completionTime !== undefined && !sameTime(status.completionTime, before.completionTime))
    errors.push(field.invalid("status.completionTime", status.completionTime, "field is immutable"));
  const resuming =
    isConditionTrue(before.conditions, "Suspended") &&
    status.conditions?.some(({ type, status: is }) => type === "Suspended" && is === "False");
  if (before.startTime !== undefined && !sameTime(status.startTime, before.startTime) && !suspend && !resuming)
    errors.push(field.invalid("status.startTime", status.startTime, "field is immutable for unsuspended job once set"));
  const [met, metBefore] = [
    isConditionTrue(status.conditions, "SuccessCriteriaMet"),
    isConditionTrue(before.conditions, "SuccessCriteriaMet"),
  ];
  if (metBefore && !met) conditions("cannot disable the SuccessCriteriaMet=True condition");
  if (isConditionTrue(before.conditions, "Complete") && !metBefore && met)
    conditions("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
}
