import type { CronJob, CronJobSpec, JobSpec } from "#kinds/api/batch-v1.gen.ts";
import { defaultJobTemplateSpec } from "#kinds/batch/job/defaults.ts";
import { dropDisabledFields } from "#kinds/core/pod/pod-spec/drop-disabled.ts";
import { ageColumn, boolean, containerColumns, integer, nameColumn, printBool, since, text, wide } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { formatLabelSelector } from "#meta/selectors.ts";
import { cronJobWarnings, validateCronJob } from "./validate.ts";

export const cronJobHooks: KindHooks<CronJob> = {
  default: (object) => {
    const spec = (object.spec ??= {} as CronJobSpec); // what it misses is refused
    defaultJobTemplateSpec(((spec.jobTemplate ??= {}).spec ??= {} as JobSpec));
    spec.concurrencyPolicy ||= "Allow";
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
  },
  prepare: (next, previous) => {
    if (previous === undefined) next.status = {};
    dropDisabledFields(next.spec?.jobTemplate?.spec?.template?.spec, previous?.spec?.jobTemplate?.spec?.template?.spec);
  },
  validate: validateCronJob,
  warnings: cronJobWarnings,
  columns: [
    nameColumn,
    text("Schedule", (object) => object.spec?.schedule ?? ""),
    text("Timezone", (object) => object.spec?.timeZone ?? "<none>"),
    boolean("Suspend", (object) => printBool(object.spec?.suspend)),
    integer("Active", (object) => object.status?.active?.length ?? 0),
    text("Last Schedule", (object, nowMs) => (object.status?.lastScheduleTime ? since(object.status.lastScheduleTime, nowMs) : "<none>")),
    ageColumn,
    ...containerColumns<CronJob>((object) => object.spec?.jobTemplate?.spec?.template?.spec?.containers),
    wide(text("Selector", (object) => formatLabelSelector(object.spec?.jobTemplate?.spec?.selector))),
  ],
};
