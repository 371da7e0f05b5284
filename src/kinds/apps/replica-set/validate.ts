import type { ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { checkImmutable, checkNonNegative, type Errors } from "#kinds/shared/checks.ts";
import { validateReplicaStatus, validateSelectorAndTemplate } from "#kinds/shared/workload.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const COUNTS = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];

export function validateReplicaSet(
  next: DeepReadonly<ReplicaSet>,
  previous: DeepReadonly<ReplicaSet> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    validateReplicaStatus(errors, { ...next.status }, COUNTS, COUNTS);
    return errors;
  }
  if (!next.spec) return [field.required("spec.selector"), field.required("spec.template")];
  checkNonNegative(errors, "spec.replicas", next.spec.replicas);
  checkNonNegative(errors, "spec.minReadySeconds", next.spec.minReadySeconds);
  // Upstream says "deployment" of ReplicaSets too.
  validateSelectorAndTemplate(errors, next.spec, "empty selector is invalid for deployment", "ReplicaSet");
  if (previous) checkImmutable(errors, "spec.selector", next.spec.selector, previous.spec?.selector);
  return errors;
}
