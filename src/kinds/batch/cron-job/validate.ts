// CronJobs: when they run, and the Jobs that they make.

import type { CronJob, CronJobSpec, JobSpec, JobTemplateSpec } from "#kinds/api/batch-v1.gen.ts";
import { jobSpecWarnings } from "#kinds/batch/job/warnings.ts";
import { validateJobSpec } from "#kinds/batch/job/validate-spec.ts";
import { nameWarnings } from "#kinds/core/pod/name-warnings.ts";
import { checkNonNegative, checkRequiredOneOf, type Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { isTimeZone, parseSchedule } from "./schedule.ts";

type Read<T> = DeepReadonly<T>;

/** Of a name that Jobs still get eleven characters added to. */
const MAX_NAME = 52;
const POLICIES = ["Allow", "Forbid", "Replace"];

export function validateCronJob(
  next: Read<CronJob>,
  previous: Read<CronJob> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") return errors;
  validateSpec(errors, next.spec ?? { schedule: "", jobTemplate: {} }, previous?.spec);
  const name = next.metadata?.name ?? "";
  if (!previous && name.length > MAX_NAME) errors.push(field.invalid("metadata.name", name, `must be no more than ${MAX_NAME} characters`));
  return errors;
}

function validateSpec(errors: Errors, spec: Read<CronJobSpec>, before: Read<CronJobSpec> | undefined): void {
  const { schedule, timeZone, concurrencyPolicy, jobTemplate } = spec;
  if (schedule) validateSchedule(errors, schedule, timeZone, before?.schedule?.includes("TZ") ?? false);
  else errors.push(field.required("spec.schedule"));
  checkNonNegative(errors, "spec.startingDeadlineSeconds", spec.startingDeadlineSeconds);
  if (timeZone !== undefined && (!before || before.timeZone !== timeZone)) validateTimeZone(errors, "spec.timeZone", timeZone);
  checkRequiredOneOf(errors, "spec.concurrencyPolicy", concurrencyPolicy, POLICIES);
  validateJobTemplate(errors, "spec.jobTemplate.spec", jobTemplate ?? {}, before?.jobTemplate?.spec);
  checkNonNegative(errors, "spec.successfulJobsHistoryLimit", spec.successfulJobsHistoryLimit);
  checkNonNegative(errors, "spec.failedJobsHistoryLimit", spec.failedJobsHistoryLimit);
}

/** `keepsZone`: the stored schedule names a zone itself, as was once let through. */
function validateSchedule(errors: Errors, schedule: string, timeZone: string | undefined, keepsZone: boolean): void {
  const refuse = (text: string) => errors.push(field.invalid("spec.schedule", schedule, text));
  const { wrong } = parseSchedule(schedule);
  if (wrong !== undefined) refuse(wrong);
  if (!schedule.includes("TZ")) return;
  if (!keepsZone) refuse("cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (timeZone !== undefined) refuse("cannot use both timeZone field and TZ or CRON_TZ in schedule");
}

function validateTimeZone(errors: Errors, path: string, zone: string): void {
  const refuse = (text: string) => errors.push(field.invalid(path, zone, text));
  if (zone === "") return void refuse("timeZone must be nil or non-empty string");
  const strange = zone.split("/").some((part) => part === "." || part === ".." || !/^[A-Za-z._0-9+][A-Za-z.\-_0-9+]{0,13}$/.test(part));
  if (strange) return void refuse(`unknown time zone ${zone}`);
  if (zone.toLowerCase() === "local") refuse("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
  // Local itself is a zone to upstream, but for its words above.
  if (zone !== "Local" && !isTimeZone(zone)) refuse(`unknown time zone ${zone}`);
}

function validateJobTemplate(
  errors: Errors,
  path: string,
  { spec = { template: {} } }: Read<JobTemplateSpec>,
  before?: Read<JobSpec>,
): void {
  validateJobSpec(errors, path, spec, before);
  if (spec.selector) errors.push(field.invalid(`${path}.selector`, spec.selector, "`selector` will be auto-generated"));
  if (spec.manualSelector) errors.push(field.notSupported(`${path}.manualSelector`, spec.manualSelector, ["nil", "false"], "given"));
}

export function cronJobWarnings(
  next: Read<CronJob>,
  previous: Read<CronJob> | undefined,
  { subresource }: { readonly subresource: string },
): string[] {
  if (subresource === "status") return [];
  const changed = next.metadata?.generation !== previous?.metadata?.generation;
  return [
    ...(previous ? [] : nameWarnings(next.metadata?.name)),
    ...(!previous || changed ? jobSpecWarnings("spec.jobTemplate.spec", next.spec?.jobTemplate?.spec) : []),
    ...(previous && next.spec?.schedule?.includes("TZ")
      ? [
          "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
        ]
      : []),
  ];
}
