// What the checks of all workloads share: a selector that fits a template of pods that always restart, and counts in status.

import type { PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { nameWarnings } from "#kinds/core/pod/name-warnings.ts";
import { validatePodTemplateSpec } from "#kinds/core/pod/pod-spec/validate.ts";
import { podTemplateWarnings } from "#kinds/core/pod/pod-spec/warnings.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly, LabelSelector, ObjectMeta } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { checkLabelSelector, checkNonNegative, isEmptySelector, type Errors } from "./checks.ts";

interface Workload {
  readonly selector?: DeepReadonly<LabelSelector> | undefined;
  readonly template?: DeepReadonly<PodTemplateSpec> | undefined;
}

/** What of a template's or a selector's checks differs between workloads. */
export interface TemplateRules {
  /** The template that is updated. */
  readonly before?: DeepReadonly<PodTemplateSpec> | undefined;
  /** Upstream's text for a selector that cannot be read; default: `invalid label selector`. */
  readonly unreadable?: string;
  /** The template's pods were wrong before: only the rest is checked. */
  readonly skipPods?: boolean;
}

/** `emptyText` is what upstream says of an empty selector of this kind; `kind` is named where a deadline is refused. */
export function validateSelectorAndTemplate(
  errors: Errors,
  spec: Workload,
  emptyText: string,
  kind: string,
  rules: TemplateRules = {},
): void {
  const { selector, template } = spec;
  if (!selector) errors.push(field.required("spec.selector"));
  else {
    checkLabelSelector(errors, "spec.selector", selector);
    if (isEmptySelector(selector)) errors.push(field.invalid("spec.selector", selector, emptyText));
  }
  let matches: boolean;
  try {
    // No selector at all matches nothing; an empty one is refused above.
    matches =
      selector !== undefined && (isEmptySelector(selector) || labelSelectorMatcher(selector).matches(template?.metadata?.labels ?? {}));
  } catch {
    errors.push(field.invalid("spec.selector", selector, rules.unreadable ?? "invalid label selector"));
    return;
  }
  validateTemplate(errors, template ?? {}, matches, kind, rules);
}

export function validateTemplate(
  errors: Errors,
  template: DeepReadonly<PodTemplateSpec>,
  matches: boolean,
  kind: string,
  { before, skipPods }: TemplateRules = {},
): void {
  if (!matches) {
    errors.push(field.invalid("spec.template.metadata.labels", template.metadata?.labels, "`selector` does not match template `labels`"));
  }
  if (!skipPods) validatePodTemplateSpec(errors, "spec.template", template, before);
  const { restartPolicy = "", activeDeadlineSeconds } = template.spec ?? {};
  if (restartPolicy !== "Always") {
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

/** Counts of hash collisions only grow. */
export function checkCollisionCount(errors: Errors, next: number | undefined, previous: number | undefined): void {
  if (previous !== undefined && (next ?? 0) < previous)
    errors.push(field.invalid("status.collisionCount", next ?? 0, "cannot be decremented"));
}

/** Warnings for a workload, when it is created and when its generation changes: of its template, and of its name if pods' names come from it. */
export function workloadWarnings(
  next: TemplateOwner,
  previous: TemplateOwner | undefined,
  { names = true }: { readonly names?: boolean } = {},
): string[] {
  if (previous && next.metadata?.generation === previous.metadata?.generation) return [];
  return [...(previous || !names ? [] : nameWarnings(next.metadata?.name)), ...podTemplateWarnings("spec.template", next.spec?.template)];
}

interface TemplateOwner {
  readonly metadata?: DeepReadonly<ObjectMeta>;
  readonly spec?: Workload;
}
