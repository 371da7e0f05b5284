import type { ReplicationController } from "#kinds/api/core-v1.gen.ts";
import { checkNonNegative, type Errors } from "#kinds/shared/checks.ts";
import { validateReplicaStatus, validateTemplate } from "#kinds/shared/workload.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const COUNTS = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];

export function validateReplicationController(
  next: DeepReadonly<ReplicationController>,
  previous: DeepReadonly<ReplicationController> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    validateReplicaStatus(errors, { ...next.status }, COUNTS, COUNTS);
    return errors;
  }
  const { selector = {}, template, replicas, minReadySeconds } = next.spec ?? {};
  checkNonNegative(errors, "spec.minReadySeconds", minReadySeconds);
  if (Object.keys(selector).length === 0) errors.push(field.required("spec.selector"));
  checkNonNegative(errors, "spec.replicas", replicas);
  if (!template) errors.push(field.required("spec.template"));
  else {
    const labels = template.metadata?.labels ?? {};
    const matches = Object.entries(selector).every(([key, value]) => labels[key] === value);
    validateTemplate(errors, template, matches, "ReplicationController", { before: previous?.spec?.template });
  }
  return errors;
}
