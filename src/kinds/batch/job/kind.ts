import type { Job, JobSpec } from "#kinds/api/batch-v1.gen.ts";
import { dropDisabledFields } from "#kinds/core/pod/pod-spec/drop-disabled.ts";
import { ageColumn, containerColumns, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { humanDuration } from "#meta/duration.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { formatLabelSelector } from "#meta/selectors.ts";
import { defaultJobSpec } from "./defaults.ts";
import { JOB_LABELS, OLD_JOB_LABELS } from "./labels.ts";
import { validateJob } from "./validate.ts";
import { jobWarnings } from "./warnings.ts";

const STATES: readonly (readonly [string, string])[] = [
  ["Complete", "Complete"],
  ["Failed", "Failed"],
];
const LATER_STATES = ["Suspended", "FailureTarget", "SuccessCriteriaMet"];

function statusCell(job: DeepReadonly<Job>): string {
  const conditions = job.status?.conditions;
  for (const [type, shown] of STATES) if (isConditionTrue(conditions, type)) return shown;
  if (job.metadata?.deletionTimestamp) return "Terminating";
  return LATER_STATES.find((type) => isConditionTrue(conditions, type)) ?? "Running";
}

function completionsCell({ spec, status }: DeepReadonly<Job>): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell({ status }: DeepReadonly<Job>, nowMs: number): string {
  if (!status?.startTime) return "";
  const end = status.completionTime ? Date.parse(status.completionTime) : nowMs;
  return humanDuration(end - Date.parse(status.startTime));
}

/** Gives the Job a selector of its own uid, unless its writer manages that. */
function generateSelector(job: Job): void {
  const spec = job.spec;
  if (!spec || spec.manualSelector) return;
  const { uid = "", name = "" } = job.metadata ?? {};
  const labels = (((spec.template ??= {}).metadata ??= {}).labels ??= {});
  const own = job.metadata?.labels;
  const inherited = own && equal(own, labels);
  labels[JOB_LABELS.uid] ??= uid;
  labels[OLD_JOB_LABELS.uid] ??= uid;
  labels[JOB_LABELS.name] ??= name;
  labels[OLD_JOB_LABELS.name] ??= name;
  // Labels that defaulting took from the template go on being the template's.
  if (inherited) Object.assign(own, labels);
  ((spec.selector ??= {}).matchLabels ??= {})[JOB_LABELS.uid] ??= uid;
}

export const jobHooks: KindHooks<Job> = {
  unsupportedField: (name) => `field label ${JSON.stringify(name)} not supported for Job`,
  default: (job) => {
    const spec = (job.spec ??= {} as JobSpec); // what it misses is refused
    defaultJobSpec(spec);
    const labels = spec.template?.metadata?.labels;
    const metadata = (job.metadata ??= {});
    if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  },
  prepare: (next, previous) => {
    dropDisabledFields(next.spec?.template?.spec, previous?.spec?.template?.spec);
    if (previous !== undefined) return;
    next.status = {};
    generateSelector(next);
  },
  validate: validateJob,
  warnings: jobWarnings,
  // Kept for clients from before garbage collection.
  defaultPropagation: "Orphan",
  selectableFields: (job) => ({ "status.successful": String(job.status?.succeeded ?? 0) }),
  selectableFieldNames: ["status.successful"],
  columns: [
    nameColumn,
    text("Status", statusCell),
    text("Completions", completionsCell),
    text("Duration", durationCell),
    ageColumn,
    ...containerColumns<Job>((job) => job.spec?.template?.spec?.containers),
    wide(text("Selector", (job) => formatLabelSelector(job.spec?.selector))),
  ],
};
