import type { CSIStorageCapacity } from "#kinds/api/storage-v1.gen.ts";
import { checkImmutable, checkLabelSelector, checkNonNegativeQuantity, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import type { FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function validateStorageCapacity(
  next: DeepReadonly<CSIStorageCapacity>,
  previous: DeepReadonly<CSIStorageCapacity> | undefined,
): FieldError[] {
  const errors: Errors = [];
  const before: Errors = [];
  checkLabelSelector(before, "", previous?.nodeTopology);
  checkLabelSelector(errors, "nodeTopology", next.nodeTopology, before.length > 0);
  checkSubdomain(errors, "storageClassName", next.storageClassName);
  if (next.capacity !== undefined) checkNonNegativeQuantity(errors, "capacity", next.capacity);
  if (!previous) return errors;
  checkImmutable(errors, "nodeTopology", next.nodeTopology, previous.nodeTopology);
  checkImmutable(errors, "storageClassName", next.storageClassName ?? "", previous.storageClassName);
  return errors;
}
