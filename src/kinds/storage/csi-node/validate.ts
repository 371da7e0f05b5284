import type { CSINode, CSINodeDriver } from "#kinds/api/storage-v1.gen.ts";
import { checkDriverName } from "#kinds/core/pod/pod-spec/validate-volumes.ts";
import { checkImmutable, checkNonNegative, checkQualifiedName, checkRequired, duplicates, type Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { byteLength } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MAX_NODE_ID = 256;

export function validateCsiNode(next: DeepReadonly<CSINode>, previous: DeepReadonly<CSINode> | undefined): FieldError[] {
  const errors: Errors = [];
  const drivers = next.spec?.drivers ?? [];
  const duplicateName = duplicates(errors);
  for (const [index, driver] of drivers.entries()) {
    const path = `spec.drivers[${index}]`;
    checkDriverName(errors, `${path}.name`, driver.name);
    validateNodeId(errors, `${path}.nodeID`, driver.nodeID);
    checkNonNegative(errors, `${path}.allocatable.count`, driver.allocatable?.count);
    duplicateName(`${path}.name`, driver.name ?? "");
    const duplicateKey = duplicates(errors);
    for (const key of driver.topologyKeys ?? []) {
      checkRequired(errors, path, key);
      duplicateKey(path, key);
      checkQualifiedName(errors, path, key);
    }
  }
  // Only how many volumes a driver takes may change.
  const fixed = ({ allocatable: _allocatable, ...rest }: DeepReadonly<CSINodeDriver>) => rest;
  for (const before of previous?.spec?.drivers ?? []) {
    for (const driver of drivers) if (driver.name === before.name) checkImmutable(errors, "spec.drivers", fixed(driver), fixed(before));
  }
  return errors;
}

function validateNodeId(errors: Errors, path: string, id: string | undefined): void {
  checkRequired(errors, path, id);
  if (byteLength(id ?? "") > MAX_NODE_ID) errors.push(field.invalid(path, id, `must be ${MAX_NODE_ID} characters or less`));
}
