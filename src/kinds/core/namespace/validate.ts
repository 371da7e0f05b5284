import type { Namespace } from "#kinds/api/core-v1.gen.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { qualifiedName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function validateNamespace(
  next: DeepReadonly<Namespace>,
  previous: DeepReadonly<Namespace> | undefined,
  subresource: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (subresource === "status" && previous) {
    const phase = next.status?.phase ?? "";
    if (next.metadata?.deletionTimestamp) {
      if (phase !== "Terminating")
        errors.push(field.invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty"));
    } else if (phase !== "Active") {
      errors.push(field.invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty"));
    }
    return errors;
  }
  for (const [index, finalizer] of (next.spec?.finalizers ?? []).entries())
    validateFinalizer(finalizer, subresource === "finalize" ? `spec.finalizers[${index}]` : "spec.finalizers", errors);
  return errors;
}

function validateFinalizer(name: string, path: string, errors: FieldError[]): void {
  const wrong = qualifiedName(name);
  for (const text of wrong) errors.push(field.invalid(path, name, text));
  if (!name.includes("/") && name !== "kubernetes") {
    errors.push(field.invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified"));
  }
}
