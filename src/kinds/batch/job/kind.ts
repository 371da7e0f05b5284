import type { Job } from "#kinds/api/batch-v1.gen.ts";
import { ageColumn, containerColumns, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { humanDuration } from "#meta/duration.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { formatLabelSelector } from "#meta/selectors.ts";
import { defaultJobSpec } from "./defaults.ts";

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

const LABELS = { uid: "batch.kubernetes.io/controller-uid", name: "batch.kubernetes.io/job-name" };
const OLD_LABELS = { uid: "controller-uid", name: "job-name" };

/** Gives the Job a selector of its own uid, unless its writer manages that. */
function generateSelector(job: Job): void {
  const spec = job.spec;
  if (!spec || spec.manualSelector) return;
  const { uid = "", name = "" } = job.metadata ?? {};
  const labels = (((spec.template ??= {}).metadata ??= {}).labels ??= {});
  labels[LABELS.uid] ??= uid;
  labels[OLD_LABELS.uid] ??= uid;
  labels[LABELS.name] ??= name;
  labels[OLD_LABELS.name] ??= name;
  ((spec.selector ??= {}).matchLabels ??= {})[LABELS.uid] ??= uid;
}

export const jobHooks: KindHooks<Job> = {
  default: (job) => {
    if (!job.spec) return;
    defaultJobSpec(job.spec);
    const labels = job.spec.template?.metadata?.labels;
    const metadata = (job.metadata ??= {});
    if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  },
  prepare: (next, previous) => {
    if (previous !== undefined) return;
    next.status = {};
    generateSelector(next);
  },
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
