import type { StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { checkNonNegative, checkRequiredOneOf, type Errors } from "#kinds/shared/checks.ts";
import { validateSelectorAndTemplate } from "#kinds/shared/workload.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

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
    for (const [name, value] of Object.entries(next.status ?? {}))
      if (typeof value === "number") checkNonNegative(errors, `status.${name}`, value);
    return errors;
  }
  const spec = next.spec;
  if (!spec) return [field.required("spec.selector"), field.required("spec.template")];
  checkRequiredOneOf(errors, "spec.podManagementPolicy", spec.podManagementPolicy, ["OrderedReady", "Parallel"]);
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  if (type === "OnDelete" && rollingUpdate) {
    errors.push(field.invalid("spec.updateStrategy.rollingUpdate", rollingUpdate, 'only allowed for updateStrategy "RollingUpdate"'));
  }
  checkRequiredOneOf(errors, "spec.updateStrategy", type, ["OnDelete", "RollingUpdate"]);
  checkNonNegative(errors, "spec.updateStrategy.rollingUpdate.partition", rollingUpdate?.partition);
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const name of ["whenDeleted", "whenScaled"] as const) {
    if (retention) checkRequiredOneOf(errors, `spec.persistentVolumeClaimRetentionPolicy.${name}`, retention[name], ["Delete", "Retain"]);
  }
  checkNonNegative(errors, "spec.replicas", spec.replicas);
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds);
  checkNonNegative(errors, "spec.ordinals.start", spec.ordinals?.start);
  validateSelectorAndTemplate(errors, spec, "empty selector is invalid for statefulset", "StatefulSet");
  if (previous?.spec) {
    const rest = { ...spec };
    const before = { ...previous.spec };
    for (const name of MUTABLE) {
      delete (rest as Record<string, unknown>)[name]; // a copy
      delete (before as Record<string, unknown>)[name]; // likewise
    }
    if (!equal(rest, before)) errors.push(field.forbidden("spec", IMMUTABLE_TEXT));
  }
  return errors;
}
