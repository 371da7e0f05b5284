import type { JobSpec } from "#kinds/api/batch-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";

const MAX_INT32 = 2 ** 31 - 1;

/** What a Job has and a CronJob's template too. */
export function defaultJobTemplateSpec(spec: JobSpec): void {
  defaultPodTemplate((spec.template ??= {}));
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= "True";
}

export function defaultJobSpec(spec: JobSpec): void {
  defaultJobTemplateSpec(spec);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32;
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed";
  spec.manualSelector ??= false;
}
