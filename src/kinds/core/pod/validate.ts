// Pods: on create, and what each door may change of one that exists.

import type { Container, NodeAffinity, Pod, PodSpec, Toleration } from "#kinds/api/core-v1.gen.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { inclusiveRangeText } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkImageText } from "./pod-spec/validate-containers.ts";
import { validateTolerations } from "./pod-spec/validate-scheduling.ts";
import { MIRROR_POD, validateAnnotationChange, validateAnnotationsMatch, validatePodAnnotations } from "./pod-spec/validate-annotations.ts";
import { MAX_INT32, validatePodSpec } from "./pod-spec/validate.ts";
import { validatePodStatus } from "./validate-status.ts";
import { validateResize } from "./validate-resize.ts";

type Read<T> = DeepReadonly<T>;

const UPDATABLE = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

export function validatePod(next: Read<Pod>, previous: Read<Pod> | undefined, subresource: string): FieldError[] {
  const errors: Errors = [];
  if (previous === undefined) validateCreate(errors, next);
  else if (subresource === "status") {
    validateAnnotationChange(errors, next.metadata?.annotations ?? {}, previous.metadata?.annotations ?? {});
    validatePodStatus(errors, next, previous);
  } else if (subresource === "ephemeralcontainers") validateEphemeralUpdate(errors, next, previous);
  else if (subresource === "resize") {
    validateMetadataAndSpec(errors, next, previous);
    validateResize(errors, next, previous);
  } else if (subresource !== "binding") validateUpdate(errors, next, previous);
  return errors;
}

function validateMetadataAndSpec(errors: Errors, { metadata, spec }: Read<Pod>, before?: Read<Pod>): void {
  const annotations = metadata?.annotations ?? {};
  validatePodAnnotations(errors, "metadata.annotations", annotations, spec, before?.metadata?.annotations);
  if (!spec) {
    errors.push(field.required("spec.containers"));
    return;
  }
  validatePodSpec(errors, "spec", spec, metadata?.name ?? "", before?.spec);
  if (!spec.serviceAccountName) {
    for (const [index, volume] of (spec.volumes ?? []).entries()) {
      for (const [position, source] of (volume.projected?.sources ?? []).entries()) {
        if (!source.serviceAccountToken) continue;
        const at = `spec.volumes[${index}].projected.sources[${position}].serviceAccountToken`;
        errors.push(field.forbidden(at, "must not be specified when serviceAccountName is not set"));
      }
    }
  }
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) checkImageText(errors, `spec.${list}[${index}]`, container);
  }
}

function validateCreate(errors: Errors, pod: Read<Pod>): void {
  validateMetadataAndSpec(errors, pod);
  const { spec } = pod;
  if (spec?.ephemeralContainers?.length) errors.push(field.forbidden("spec.ephemeralContainers", "cannot be set on create"));
  if (spec?.nodeName && spec.schedulingGates?.length) {
    errors.push(field.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
  }
  if (spec) validateAnnotationsMatch(errors, "spec", pod.metadata?.annotations ?? {}, spec);
}

function validateUpdate(errors: Errors, next: Read<Pod>, previous: Read<Pod>): void {
  validateMetadataAndSpec(errors, next, previous);
  validateAnnotationChange(errors, next.metadata?.annotations ?? {}, previous.metadata?.annotations ?? {});
  const [spec, before] = [next.spec, previous.spec];
  if (!spec || !before) return;
  for (const list of ["containers", "initContainers"] as const) {
    if (!validateContainerChange(errors, `spec.${list}`, spec[list] ?? [], before[list] ?? [])) return;
  }
  if (!validateDeadlineChange(errors, spec.activeDeadlineSeconds, before.activeDeadlineSeconds)) return;
  validateTolerationChange(errors, spec.tolerations ?? [], before.tolerations ?? []);
  validateGateChange(errors, spec, before);
  if (equal(spec, before)) return;
  const munged = mungedSpec(errors, spec, before);
  if (!equal(munged, before)) {
    errors.push(field.forbidden("spec", `pod updates may not change fields other than ${UPDATABLE}\n${differences(before, munged)}`));
  }
}

/** False: containers were added or removed, so that nothing else can be compared. */
function validateContainerChange(
  errors: Errors,
  path: string,
  next: readonly Read<Container>[],
  previous: readonly Read<Container>[],
): boolean {
  if (next.length === previous.length) return true;
  errors.push(field.forbidden(path, "pod updates may not add or remove containers"));
  return false;
}

function validateDeadlineChange(errors: Errors, next: number | undefined, previous: number | undefined): boolean {
  const path = "spec.activeDeadlineSeconds";
  if (next === undefined) {
    if (previous !== undefined) errors.push(field.invalid(path, next, "must not update from a positive integer to nil value"));
    return true;
  }
  if (next < 0 || next > MAX_INT32) errors.push(field.invalid(path, next, inclusiveRangeText(0, MAX_INT32)));
  else if (previous !== undefined && previous < next)
    errors.push(field.invalid(path, next, "must be less than or equal to previous value"));
  else return true;
  return false;
}

const isComparison = ({ operator }: Read<Toleration>): boolean => operator === "Lt" || operator === "Gt";

function validateTolerationChange(errors: Errors, next: readonly Read<Toleration>[], previous: readonly Read<Toleration>[]): void {
  const bare = ({ tolerationSeconds: _seconds, ...rest }: Read<Toleration>) => rest;
  const kept = previous.every((old) => next.some((toleration) => equal(bare(toleration), bare(old))));
  if (!kept) errors.push(field.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"));
  else validateTolerations(errors, "spec.tolerations", next, { comparisons: previous.some(isComparison) });
}

function validateGateChange(errors: Errors, spec: Read<PodSpec>, before: Read<PodSpec>): void {
  const known = new Set((before.schedulingGates ?? []).map((gate) => gate.name));
  for (const [index, { name = "" }] of (spec.schedulingGates ?? []).entries()) {
    if (known.has(name)) continue;
    const text = `only deletion is allowed, but found new scheduling gate '${name}'`;
    errors.push(field.forbidden(`spec.schedulingGates[${index}].name`, text));
  }
}

/** The new spec with all that may change as it was before; what is then still different may not. */
function mungedSpec(errors: Errors, spec: Read<PodSpec>, before: Read<PodSpec>): Read<PodSpec> {
  const munged = clone(spec);
  const old = clone(before);
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (munged[list] ?? []).entries()) {
      const image = old[list]?.[index]?.image;
      if (image === undefined) delete container.image;
      else container.image = image;
    }
  }
  for (const name of ["activeDeadlineSeconds", "schedulingGates", "tolerations"] as const) {
    if (old[name] === undefined) delete munged[name];
    else Object.assign(munged, { [name]: old[name] });
  }
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && munged.terminationGracePeriodSeconds === 1) {
    munged.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds ?? 1;
  }
  if (!before.schedulingGates?.length) return munged;
  // A gated pod may still be narrowed to fewer nodes.
  const selector = spec.nodeSelector ?? {};
  if (Object.entries(before.nodeSelector ?? {}).some(([key, value]) => selector[key] !== value)) {
    const text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    errors.push(field.invalid("spec.nodeSelector", spec.nodeSelector, text));
  }
  if (old.nodeSelector) munged.nodeSelector = old.nodeSelector;
  else delete munged.nodeSelector;
  validateNodeAffinityChange(errors, spec.affinity?.nodeAffinity, before.affinity?.nodeAffinity);
  if (old.affinity?.nodeAffinity) munged.affinity = { ...munged.affinity, nodeAffinity: old.affinity.nodeAffinity };
  else if (munged.affinity) {
    delete munged.affinity.nodeAffinity;
    if (!old.affinity && Object.keys(munged.affinity).length === 0) delete munged.affinity;
  }
  return munged;
}

function validateNodeAffinityChange(errors: Errors, next: Read<NodeAffinity> | undefined, previous: Read<NodeAffinity> | undefined): void {
  const before = previous?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const required = next?.requiredDuringSchedulingIgnoredDuringExecution;
  const after = required?.nodeSelectorTerms ?? [];
  const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  if (before.length === 0) return;
  if (before.length !== after.length) {
    errors.push(field.invalid(path, required?.nodeSelectorTerms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed"));
    return;
  }
  for (const [index, old] of before.entries()) {
    const term = after[index] ?? {};
    const grown = (["matchExpressions", "matchFields"] as const).every((name) => {
      const list = old[name] ?? [];
      return equal((term[name] ?? []).slice(0, list.length), list);
    });
    const wasEmpty = !old.matchExpressions?.length && !old.matchFields?.length;
    const isEmpty = !term.matchExpressions?.length && !term.matchFields?.length;
    if (!grown || (wasEmpty && !isEmpty)) {
      errors.push(field.invalid(`${path}[${index}]`, term, "only additions are allowed (no mutations or deletions)"));
    }
  }
}

/** Which fields differ, one a line. Upstream appends a diff here that no client parses. */
function differences(before: Read<PodSpec>, after: Read<PodSpec>): string {
  const lines: string[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, next] = [(before as Record<string, unknown>)[key], (after as Record<string, unknown>)[key]];
    if (!equal(old, next)) lines.push(`- ${key}: ${JSON.stringify(old) ?? "null"}`, `+ ${key}: ${JSON.stringify(next) ?? "null"}`);
  }
  return `${lines.join("\n")}\n`;
}

function validateEphemeralUpdate(errors: Errors, next: Read<Pod>, previous: Read<Pod>): void {
  if (previous.metadata?.annotations?.[MIRROR_POD] !== undefined) {
    errors.push(field.forbidden("[]", "static pods do not support ephemeral containers"));
    return;
  }
  validateMetadataAndSpec(errors, next, previous);
  const byName = new Map((next.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const old of previous.spec?.ephemeralContainers ?? []) {
    const container = byName.get(old.name);
    const what = !container ? "removed" : !equal(container, old) ? "changed" : undefined;
    if (what) errors.push(field.forbidden("spec.ephemeralContainers", `existing ephemeral containers "${old.name}" may not be ${what}\n`));
  }
}
