// Jobs: on create, and what of one that exists may change.

import type { Job, JobSpec } from "#kinds/api/batch-v1.gen.ts";
import type { PodSpec, PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { checkImmutable, checkLabelSelector, hasInvalidSelectorValue, type Errors } from "#kinds/shared/checks.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { dns1123Label } from "#meta/names.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { JOB_LABELS, OLD_JOB_LABELS } from "./labels.ts";
import { validateJobSpec } from "./validate-spec.ts";
import { validateJobStatus } from "./validate-status.ts";

type Read<T> = DeepReadonly<T>;

export function validateJob(
  next: Read<Job>,
  previous: Read<Job> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  if (previous && subresource === "status") {
    validateJobStatus(errors, next, previous);
    return errors;
  }
  const before = previous?.spec;
  // Jobs from before the prefixed labels go on without them.
  const oldLabels = before?.template?.metadata?.labels;
  const prefixed = previous === undefined || (oldLabels?.[JOB_LABELS.name] !== undefined && oldLabels[JOB_LABELS.uid] !== undefined);
  const spec: Read<JobSpec> = next.spec ?? { template: {} };
  validateGeneratedSelector(errors, next, spec, prefixed);
  validateJobSpec(errors, "spec", spec, before);
  validateSelector(errors, spec, hasInvalidSelectorValue(before?.selector));
  validatePodNames(errors, next);
  if (!previous) return errors;
  // Upstream checks the spec once as a spec and once as a change, and says everything twice.
  validateJobSpec(errors, "spec", spec, before);
  validateSelector(errors, spec, hasInvalidSelectorValue(before?.selector));
  validateChange(errors, spec, before ?? { template: {} }, previous);
  return errors;
}

function matches(selector: Read<LabelSelector> | undefined, labels: Readonly<Record<string, string>>): boolean {
  // No selector matches nothing.
  if (!selector) return false;
  try {
    return labelSelectorMatcher(selector).matches(labels);
  } catch {
    return true; // reported by the selector's own check
  }
}

/** The selector that the server makes must be of this very Job, so that no two Jobs share pods. */
function validateGeneratedSelector(errors: Errors, { metadata }: Read<Job>, spec: Read<JobSpec>, prefixed: boolean): void {
  if (spec.manualSelector || !spec.selector) return;
  const { uid = "", name = "" } = metadata ?? {};
  if (!uid) errors.push(field.required("metadata.uid"));
  const labels = spec.template?.metadata?.labels ?? {};
  const expected: Record<string, string> = {};
  for (const names of prefixed ? [OLD_JOB_LABELS, JOB_LABELS] : [OLD_JOB_LABELS]) {
    for (const [key, value] of [[names.uid, uid] as const, [names.name, name] as const]) {
      expected[key] = value;
      const path = "spec.template.metadata.labels";
      const actual = labels[key];
      if (actual === undefined) errors.push(field.required(`${path}[${key}]`, `must be '${value}'`));
      else if (actual !== value) errors.push(field.invalid(`${path}[${key}]`, labels, `must be '${value}'`));
    }
  }
  if (!matches(spec.selector, expected)) errors.push(field.invalid("spec.selector", spec.selector, "`selector` not auto-generated"));
}

function validateSelector(errors: Errors, { selector, template }: Read<JobSpec>, anyValue: boolean): void {
  if (!selector) errors.push(field.required("spec.selector"));
  else checkLabelSelector(errors, "spec.selector", selector, anyValue);
  const labels = template?.metadata?.labels;
  if (!matches(selector, labels ?? {}))
    errors.push(field.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
}

/** Pods of an indexed Job are called after it and their index. */
function validatePodNames(errors: Errors, { metadata, spec }: Read<Job>): void {
  if (spec?.completionMode !== "Indexed" || !spec.completions || spec.completions < 0) return;
  const name = metadata?.name ?? "";
  const longest = `${name}-${spec.completions - 1}`;
  if (dns1123Label(longest).length > 0)
    errors.push(field.invalid("metadata.name", name, `will not able to create pod with invalid DNS label: ${longest}`));
}

function validateChange(errors: Errors, spec: Read<JobSpec>, before: Read<JobSpec>, previous: Read<Job>): void {
  const { completions } = spec;
  if (spec.completionMode !== "Indexed") checkImmutable(errors, "spec.completions", completions, before.completions);
  else if (completions !== undefined && completions !== before.completions && completions !== spec.parallelism)
    errors.push(field.invalid("spec.completions", completions, "can only be modified in tandem with spec.parallelism"));
  checkImmutable(errors, "spec.selector", spec.selector, before.selector);
  validateTemplateChange(errors, spec, before, previous);
  for (const name of ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] as const) {
    checkImmutable(errors, `spec.${name}`, spec[name], before[name]);
  }
}

/** Of a Job that is suspended and has no pods, where its pods go and what they use may be set. */
function validateTemplateChange(errors: Errors, spec: Read<JobSpec>, before: Read<JobSpec>, { status }: Read<Job>): void {
  const suspended = before.suspend === true;
  const idle = suspended && isConditionTrue(status?.conditions, "Suspended") && !status?.active;
  const template = spec.template ?? {};
  const old = clone(before.template ?? {}) as PodTemplateSpec; // a copy
  if (idle) takeScheduling(old, template);
  if (!idle) {
    checkImmutable(errors, "spec.template", template, old);
    return;
  }
  const pod = (old.spec ??= { containers: [] });
  for (const list of ["containers", "initContainers"] as const) {
    const [own, wanted] = [pod[list] ?? [], template.spec?.[list] ?? []];
    if (own.length !== wanted.length) continue;
    for (const [index, container] of own.entries()) {
      const { name, resources } = wanted[index] ?? {};
      if (container.name === name) set(container, "resources", resources);
    }
  }
  checkImmutable(errors, "spec.template.spec", template.spec, pod);
}

function set<T extends object, K extends keyof T>(target: T, key: K, value: unknown): void {
  if (value === undefined) delete target[key];
  else Object.assign(target, { [key]: value });
}

function takeScheduling(old: PodTemplateSpec, template: Read<PodTemplateSpec>): void {
  const metadata = (old.metadata ??= {});
  set(metadata, "annotations", template.metadata?.annotations);
  set(metadata, "labels", template.metadata?.labels);
  const pod: PodSpec = (old.spec ??= { containers: [] });
  for (const name of ["nodeSelector", "tolerations", "schedulingGates"] as const) set(pod, name, template.spec?.[name]);
  const affinity = template.spec?.affinity;
  if (affinity) {
    pod.affinity ??= {};
    set(pod.affinity, "nodeAffinity", affinity.nodeAffinity);
    if (equal(pod.affinity, {}) && !equal(affinity, {})) delete pod.affinity;
  } else if (pod.affinity) {
    delete pod.affinity.nodeAffinity;
    if (equal(pod.affinity, {})) delete pod.affinity;
  }
}
