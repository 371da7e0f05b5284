import type { ResourceQuota, ResourceQuotaSpec } from "#kinds/api/core-v1.gen.ts";
import { checkResourceAmount, checkResourceName } from "#kinds/core/pod/pod-spec/validate-resources.ts";
import { IMMUTABLE, type Errors } from "#kinds/shared/checks.ts";
import { isQuotaResource } from "#kinds/shared/resource-names.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<ResourceQuotaSpec>;

const POD_COUNT = ["pods"];
const POD_RESOURCES = [...POD_COUNT, "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
const CLAIM_RESOURCES = ["persistentvolumeclaims", "requests.storage"];
/** Scopes, and the resources that each may limit. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  BestEffort: POD_COUNT,
  CrossNamespacePodAffinity: POD_RESOURCES,
  NotBestEffort: POD_RESOURCES,
  NotTerminating: POD_RESOURCES,
  PriorityClass: POD_RESOURCES,
  Terminating: POD_RESOURCES,
  VolumeAttributesClass: CLAIM_RESOURCES,
};
const PLAIN_SCOPES = ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"];
const CONFLICTS = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
] as const;
const MUST_EXIST =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

export function validateQuota(
  next: DeepReadonly<ResourceQuota>,
  previous: DeepReadonly<ResourceQuota> | undefined,
  subresource: string,
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    checkAmounts(errors, "status.hard", next.status?.hard);
    checkAmounts(errors, "status.used", next.status?.used);
    return errors;
  }
  const spec: Spec = next.spec ?? {};
  checkAmounts(errors, "spec.hard", spec.hard);
  checkScopes(errors, spec);
  if (spec.scopeSelector) checkSelector(errors, "spec.scopeSelector.matchExpressions", spec);
  if (previous && new Set(spec.scopes).symmetricDifference(new Set(previous.spec?.scopes)).size > 0) {
    errors.push(field.invalid("spec.scopes", spec.scopes ?? null, IMMUTABLE));
  }
  return errors;
}

function checkAmounts(errors: Errors, path: string, amounts: Readonly<Record<string, string | number>> = {}): void {
  for (const [name, value] of Object.entries(amounts)) {
    const at = `${path}[${name}]`;
    checkResourceName(errors, at, name);
    if (!name.includes("/") && !isQuotaResource(name)) errors.push(field.invalid(at, name, "must be a standard resource for quota"));
    checkResourceAmount(errors, at, name, value);
  }
}

/** How many resources of the quota the scope cannot limit. */
function misfits(scope: string, spec: Spec): number {
  const fitting = Object.hasOwn(SCOPES, scope) ? SCOPES[scope] : undefined;
  return fitting ? Object.keys(spec.hard ?? {}).filter((name) => isQuotaResource(name) && !fitting.includes(name)).length : 0;
}

/** CrossNamespacePodAffinity is no standard scope in name, but is one. */
const isScope = (scope: string): boolean => Object.hasOwn(SCOPES, scope);

function checkScopes(errors: Errors, spec: Spec): void {
  const scopes = spec.scopes ?? [];
  const refuse = (detail: string) => errors.push(field.invalid("spec.scopes", scopes, detail));
  for (const scope of scopes) {
    if (!isScope(scope)) refuse("unsupported scope");
    for (let count = misfits(scope, spec); count > 0; count--) refuse("unsupported scope applied to resource");
  }
  for (const [one, other] of CONFLICTS) if (scopes.includes(one) && scopes.includes(other)) refuse("conflicting scopes");
}

function checkSelector(errors: Errors, path: string, spec: Spec): void {
  const scopes: string[] = [];
  for (const { scopeName = "", operator = "", values = [] } of spec.scopeSelector?.matchExpressions ?? []) {
    scopes.push(scopeName);
    if (!isScope(scopeName)) errors.push(field.invalid(`${path}.scopeName`, scopeName, "unsupported scope"));
    for (let count = misfits(scopeName, spec); count > 0; count--) {
      errors.push(field.invalid(path, spec.scopeSelector, "unsupported scope applied to resource"));
    }
    if (PLAIN_SCOPES.includes(scopeName) && operator !== "Exists") errors.push(field.invalid(`${path}.operator`, operator, MUST_EXIST));
    if (operator === "In" || operator === "NotIn") {
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      if (values.length === 0) errors.push(field.required(`${path}.values`, detail));
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      if (values.length > 0) errors.push(field.invalid(`${path}.values`, values, detail));
    } else errors.push(field.invalid(`${path}.operator`, operator, "not a valid selector operator"));
  }
  for (const [one, other] of CONFLICTS) {
    // Upstream shows the other list of scopes.
    if (scopes.includes(one) && scopes.includes(other)) errors.push(field.invalid(path, spec.scopes ?? null, "conflicting scopes"));
  }
}
