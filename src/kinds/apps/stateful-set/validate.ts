import type { StatefulSet, StatefulSetSpec, StatefulSetStatus, StatefulSetUpdateStrategy } from "#kinds/api/apps-v1.gen.ts";
import type { PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { validateClaimSpec } from "#kinds/core/persistent-volume-claim/validate.ts";
import { checkIntOrPercent, checkNotAboveHundredPercent, isZero } from "#kinds/shared/int-or-percent.ts";
import { checkDnsLabel, checkNonNegative, checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { checkCollisionCount, validateSelectorAndTemplate } from "#kinds/shared/workload.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<Partial<StatefulSetSpec>>;

const COUNTS = [
  "replicas",
  "readyReplicas",
  "currentReplicas",
  "updatedReplicas",
  "availableReplicas",
  "observedGeneration",
  "collisionCount",
] as const;
const MUTABLE = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
] as const;
const IMMUTABLE_TEXT =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function validateStatefulSet(
  next: DeepReadonly<StatefulSet>,
  previous: DeepReadonly<StatefulSet> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    validateStatus(errors, next.status, previous?.status);
    return errors;
  }
  const spec: Spec = next.spec ?? {};
  const before = previous?.spec;
  validateSpec(errors, spec, before !== undefined, before?.template, before !== undefined && isWrong(before));
  if (previous?.spec) {
    const rest = { ...spec };
    const old = { ...previous.spec };
    for (const name of MUTABLE) {
      delete (rest as Record<string, unknown>)[name]; // a copy
      delete (old as Record<string, unknown>)[name]; // likewise
    }
    if (!equal(rest, old)) errors.push(field.forbidden("spec", IMMUTABLE_TEXT));
  }
  return errors;
}

/** Its pods' template was wrong before, and need not become right. */
function isWrong(before: Spec): boolean {
  const errors: Errors = [];
  validateSpec(errors, before, true, before.template, false);
  return errors.length > 0;
}

function validateSpec(
  errors: Errors,
  spec: Spec,
  isUpdate: boolean,
  before: DeepReadonly<PodTemplateSpec> | undefined,
  skipPods: boolean,
): void {
  const policy = spec.podManagementPolicy ?? "";
  if (policy === "") errors.push(field.required("spec.podManagementPolicy"));
  else if (policy !== "OrderedReady" && policy !== "Parallel")
    errors.push(field.invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"));
  validateUpdateStrategy(errors, spec.updateStrategy ?? {});
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const name of ["whenDeleted", "whenScaled"] as const) {
    if (retention)
      checkOneOf(errors, `spec.persistentVolumeClaimRetentionPolicy.${name}`, retention[name] ?? "", ["Retain", "Delete"], "given");
  }
  // What cannot change is checked once.
  if (!isUpdate) {
    for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
      validateClaimSpec(errors, `spec.volumeClaimTemplates[${index}].spec`, claim.spec ?? {});
    }
  }
  checkNonNegative(errors, "spec.replicas", spec.replicas);
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds);
  checkNonNegative(errors, "spec.ordinals.start", spec.ordinals?.start);
  if (!isUpdate && spec.serviceName) checkDnsLabel(errors, "spec.serviceName", spec.serviceName);
  const workload = { selector: spec.selector, template: asPodsGetIt(spec) };
  validateSelectorAndTemplate(errors, workload, "empty selector is invalid for statefulset", "StatefulSet", {
    before,
    unreadable: "",
    skipPods,
  });
}

function validateUpdateStrategy(errors: Errors, strategy: DeepReadonly<StatefulSetUpdateStrategy>): void {
  const path = "spec.updateStrategy";
  const { type = "", rollingUpdate } = strategy;
  if (type === "") errors.push(field.required(path));
  else if (type === "OnDelete") {
    if (rollingUpdate)
      errors.push(field.invalid(`${path}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (type === "RollingUpdate") {
    if (!rollingUpdate) return;
    checkNonNegative(errors, `${path}.rollingUpdate.partition`, rollingUpdate.partition);
    const max = rollingUpdate.maxUnavailable;
    if (max === undefined) return;
    checkIntOrPercent(errors, `${path}.rollingUpdate.maxUnavailable`, max);
    if (isZero(max)) errors.push(field.invalid(`${path}.rollingUpdate.maxUnavailable`, max, "cannot be 0"));
    checkNotAboveHundredPercent(errors, `${path}.rollingUpdate.maxUnavailable`, max);
  } else errors.push(field.invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'"));
}

/** The template with what the controller puts into each pod: names of its own, and volumes of the claims. */
function asPodsGetIt({ template, volumeClaimTemplates = [] }: Spec): DeepReadonly<PodTemplateSpec> | undefined {
  if (!template?.spec) return template;
  const { subdomain: _subdomain, hostname: _hostname, ...spec } = template.spec;
  if (volumeClaimTemplates.length === 0) return { ...template, spec };
  const claims = [...new Set(volumeClaimTemplates.map(({ metadata }) => metadata?.name ?? ""))];
  const volumes = [
    ...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(spec.volumes ?? []).filter(({ name }) => !claims.includes(name)),
  ];
  return { ...template, spec: { ...spec, volumes } };
}

function validateStatus(
  errors: Errors,
  status: DeepReadonly<StatefulSetStatus> | undefined,
  before: DeepReadonly<StatefulSetStatus> | undefined,
): void {
  const number = (name: (typeof COUNTS)[number]): number => status?.[name] ?? 0;
  for (const name of COUNTS) checkNonNegative(errors, `status.${name}`, status?.[name]);
  for (const name of ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] as const) {
    if (number(name) > number("replicas"))
      errors.push(field.invalid(`status.${name}`, number(name), "cannot be greater than status.replicas"));
  }
  if (number("availableReplicas") > number("readyReplicas"))
    errors.push(field.invalid("status.availableReplicas", number("availableReplicas"), "cannot be greater than status.readyReplicas"));
  checkCollisionCount(errors, status?.collisionCount, before?.collisionCount);
}
