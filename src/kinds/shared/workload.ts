// What the checks of all workloads share: a selector that fits a template of pods that always restart, and counts in status.

import type { PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { validatePodTemplateSpec } from "#kinds/core/pod/pod-spec/validate.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { checkLabelSelector, checkNonNegative, isEmptySelector, type Errors } from "./checks.ts";

interface Workload {
  readonly selector?: DeepReadonly<LabelSelector> | undefined;
  readonly template?: DeepReadonly<PodTemplateSpec> | undefined;
}

/** `emptyText` is what upstream says of an empty selector of this kind; `kind` is named where a deadline is refused. */
export function validateSelectorAndTemplate(errors: Errors, spec: Workload, emptyText: string, kind: string): void {
  const { selector, template } = spec;
  if (!selector) errors.push(field.required("spec.selector"));
  else {
    checkLabelSelector(errors, "spec.selector", selector);
    if (isEmptySelector(selector)) errors.push(field.invalid("spec.selector", selector, emptyText));
  }
  let matches: boolean;
  try {
    matches = isEmptySelector(selector) || labelSelectorMatcher(selector).matches(template?.metadata?.labels ?? {});
  } catch {
    errors.push(field.invalid("spec.selector", selector, "invalid label selector"));
    return;
  }
  if (!template) {
    errors.push(field.required("spec.template"));
    return;
  }
  validateTemplate(errors, template, matches, kind);
}

export function validateTemplate(errors: Errors, template: DeepReadonly<PodTemplateSpec>, matches: boolean, kind: string): void {
  if (!matches) {
    errors.push(
      field.invalid("spec.template.metadata.labels", template.metadata?.labels ?? {}, "`selector` does not match template `labels`"),
    );
  }
  validatePodTemplateSpec(errors, "spec.template", template);
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {};
  if (restartPolicy !== undefined && restartPolicy !== "Always") {
    errors.push(field.notSupported("spec.template.spec.restartPolicy", restartPolicy, ["Always"]));
  }
  if (activeDeadlineSeconds !== undefined) {
    errors.push(field.forbidden("spec.template.spec.activeDeadlineSeconds", `activeDeadlineSeconds in ${kind} is not Supported`));
  }
}

/** Counts of a status, which none of the listed may exceed. */
export function validateReplicaStatus(
  errors: Errors,
  status: Readonly<Record<string, unknown>>,
  names: readonly string[],
  replicas: readonly string[],
): void {
  const number = (name: string): number => (typeof status[name] === "number" ? status[name] : 0);
  for (const name of ["replicas", ...names, "observedGeneration"]) checkNonNegative(errors, `status.${name}`, number(name));
  for (const name of replicas) {
    if (number(name) > number("replicas"))
      errors.push(field.invalid(`status.${name}`, number(name), "cannot be greater than status.replicas"));
  }
  if (number("availableReplicas") > number("readyReplicas")) {
    errors.push(field.invalid("status.availableReplicas", number("availableReplicas"), "cannot be greater than readyReplicas"));
  }
}
