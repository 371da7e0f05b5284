import type { ReplicaSet, ReplicaSetSpec } from "#kinds/api/apps-v1.gen.ts";
import { checkImmutable, checkNonNegative, type Errors } from "#kinds/shared/checks.ts";
import { validateReplicaStatus, validateSelectorAndTemplate } from "#kinds/shared/workload.ts";
import type { FieldError } from "#meta/errors.ts";
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
  const spec: Partial<DeepReadonly<ReplicaSetSpec>> = next.spec ?? {};
  checkNonNegative(errors, "spec.replicas", spec.replicas);
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds);
  // Upstream says "deployment" of ReplicaSets too.
  validateSelectorAndTemplate(errors, spec, "empty selector is invalid for deployment", "ReplicaSet", { before: previous?.spec?.template });
  if (previous) checkImmutable(errors, "spec.selector", spec.selector, previous.spec?.selector);
  return errors;
}
