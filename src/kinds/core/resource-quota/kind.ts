import type { ResourceQuota } from "#kinds/api/core-v1.gen.ts";
import { checkResourceAmount, checkResourceName } from "#kinds/core/pod/pod-spec/validate-resources.ts";
import { checkImmutable, checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";
import { isQuotaResource } from "#kinds/shared/resource-names.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";

const SCOPES = [
  "BestEffort",
  "CrossNamespacePodAffinity",
  "NotBestEffort",
  "NotTerminating",
  "PriorityClass",
  "Terminating",
  "VolumeAttributesClass",
];

function usage({ status }: DeepReadonly<ResourceQuota>, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .toSorted()
    .filter((name) => name.startsWith("limits.") === limits)
    .map((name) => `${name}: ${status?.used?.[name] ?? "0"}/${status?.hard?.[name] ?? "0"}`)
    .join(", ");
}

function validate(
  next: DeepReadonly<ResourceQuota>,
  previous: DeepReadonly<ResourceQuota> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  const lists = subresource === "status" ? (["hard", "used"] as const) : (["hard"] as const);
  for (const list of lists) {
    const [at, amounts] = subresource === "status" ? [`status.${list}`, next.status?.[list]] : [`spec.${list}`, next.spec?.hard];
    for (const [name, value] of Object.entries(amounts ?? {})) {
      if (checkResourceName(errors, `${at}[${name}]`, name) && !name.includes("/") && !isQuotaResource(name)) {
        errors.push(field.invalid(`${at}[${name}]`, name, "must be a standard resource for quota"));
      }
      checkResourceAmount(errors, `${at}[${name}]`, name, value);
    }
  }
  if (subresource === "status") return errors;
  for (const scope of next.spec?.scopes ?? []) {
    if (!SCOPES.includes(scope)) errors.push(field.invalid("spec.scopes", next.spec?.scopes, "unsupported scope"));
  }
  for (const [index, { scopeName }] of (next.spec?.scopeSelector?.matchExpressions ?? []).entries()) {
    checkOneOf(errors, `spec.scopeSelector.matchExpressions[${index}].scopeName`, scopeName, SCOPES);
  }
  if (previous) checkImmutable(errors, "spec.scopes", next.spec?.scopes, previous.spec?.scopes);
  return errors;
}

export const resourceQuotaHooks: KindHooks<ResourceQuota> = {
  returnsDeleted: true,
  default: ({ spec, status }) => {
    canonicalize(spec?.hard);
    canonicalize(status?.hard);
    canonicalize(status?.used);
  },
  prepare: (next, previous) => {
    if (previous === undefined) next.status = {};
  },
  validate,
  generation: false,
  columns: [nameColumn, text("Request", (quota) => usage(quota, false)), text("Limit", (quota) => usage(quota, true)), ageColumn],
};
