// A Job's spec, of a Job or of a CronJob's template.

import type { JobSpec } from "#kinds/api/batch-v1.gen.ts";
import { validatePodTemplateSpec } from "#kinds/core/pod/pod-spec/validate.ts";
import { checkDomainPrefixedPath, checkNonNegative, checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { validatePodFailurePolicy, validateSuccessPolicy } from "./validate-policies.ts";

type Spec = DeepReadonly<JobSpec>;

/** Keep status.completedIndexes and status.failedIndexes short enough to store. */
const MAX_INDEXED = 100_000;
const MANY_COMPLETIONS = 100_000;
const MAX_FOR_MANY = 10_000;
const MAX_MANAGED_BY = 63;
const COUNTS = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
] as const;

/** All but the selector, which a template must not have. */
export function validateJobSpec(errors: Errors, path: string, spec: Spec, before?: Spec): void {
  for (const name of COUNTS) checkNonNegative(errors, `${path}.${name}`, spec[name]);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(field.required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  }
  const { managedBy, completionMode = "NonIndexed", successPolicy } = spec;
  if (managedBy !== undefined) {
    checkDomainPrefixedPath(errors, `${path}.managedBy`, managedBy);
    if (managedBy.length > MAX_MANAGED_BY) errors.push(field.tooLong(`${path}.managedBy`, MAX_MANAGED_BY));
  }
  if (completionMode === "Indexed") validateIndexed(errors, path, spec);
  else if (completionMode !== "NonIndexed") {
    errors.push(field.notSupported(`${path}.completionMode`, completionMode, ["NonIndexed", "Indexed"], "given"));
  } else {
    for (const name of ["backoffLimitPerIndex", "maxFailedIndexes"] as const) {
      if (spec[name] !== undefined) errors.push(field.invalid(`${path}.${name}`, spec[name], "requires indexed completion mode"));
    }
  }
  if (spec.podFailurePolicy) validatePodFailurePolicy(errors, `${path}.podFailurePolicy`, spec);
  if (successPolicy) {
    if (completionMode === "Indexed") validateSuccessPolicy(errors, `${path}.successPolicy`, spec);
    else errors.push(field.invalid(`${path}.successPolicy`, successPolicy, "requires indexed completion mode"));
  }
  if (spec.podReplacementPolicy !== undefined) {
    const policies = spec.podFailurePolicy ? ["Failed"] : ["Failed", "TerminatingOrFailed"];
    checkOneOf(errors, `${path}.podReplacementPolicy`, spec.podReplacementPolicy, policies);
  }
  validatePodTemplateSpec(errors, `${path}.template`, spec.template ?? {}, before?.template);
  validateRestartPolicy(errors, `${path}.template.spec.restartPolicy`, spec);
}

function validateIndexed(errors: Errors, path: string, spec: Spec): void {
  const { completions, parallelism = 0, maxFailedIndexes: max } = spec;
  const refuse = (name: "parallelism" | "maxFailedIndexes", text: string) =>
    errors.push(field.invalid(`${path}.${name}`, spec[name], `must be less than or equal to ${text}`));
  if (completions === undefined) errors.push(field.required(`${path}.completions`, "when completion mode is Indexed"));
  if (parallelism > MAX_INDEXED) refuse("parallelism", `${MAX_INDEXED} when completion mode is Indexed`);
  if (completions !== undefined && max !== undefined && max > completions) refuse("maxFailedIndexes", "completions");
  if (max !== undefined && max > MAX_INDEXED) refuse("maxFailedIndexes", String(MAX_INDEXED));
  if (completions === undefined || completions <= MANY_COMPLETIONS || spec.backoffLimitPerIndex === undefined) return;
  const many = `${MAX_FOR_MANY} when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  if (max === undefined)
    errors.push(field.required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${MANY_COMPLETIONS}`));
  if (parallelism > MAX_FOR_MANY) refuse("parallelism", many);
  if (max !== undefined && max > MAX_FOR_MANY) refuse("maxFailedIndexes", many);
}

function validateRestartPolicy(errors: Errors, path: string, { template, podFailurePolicy }: Spec): void {
  const policy = template?.spec?.restartPolicy;
  // Pods' default is Always, so that it counts as not set.
  if (!policy || policy === "Always") errors.push(field.required(path, 'valid values: "OnFailure", "Never"'));
  else if (policy !== "OnFailure" && policy !== "Never") errors.push(field.notSupported(path, policy, ["OnFailure", "Never"], "given"));
  else if (podFailurePolicy && policy !== "Never")
    errors.push(field.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified'));
}
