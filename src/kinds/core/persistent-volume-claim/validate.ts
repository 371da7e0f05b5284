import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "#kinds/api/core-v1.gen.ts";
import { checkLabelSelector, checkOneOf, checkPositiveQuantity, checkRequired, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { compare } from "#kinds/shared/quantities.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<PersistentVolumeClaimSpec>;

export const ACCESS_MODES: readonly string[] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
export const VOLUME_MODES: readonly string[] = ["Block", "Filesystem"];

/** Also of the claim templates of volumes and StatefulSets. */
export function validateClaimSpec(errors: Errors, path: string, spec: Spec): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(field.required(`${path}.accessModes`, "at least 1 access mode is required"));
  checkLabelSelector(errors, `${path}.selector`, spec.selector);
  for (const mode of modes) checkOneOf(errors, `${path}.accessModes`, mode, ACCESS_MODES);
  if (modes.includes("ReadWriteOncePod") && modes.length > 1) {
    errors.push(field.forbidden(`${path}.accessModes`, "may not use ReadWriteOncePod with other access modes"));
  }
  const storage = spec.resources?.requests?.["storage"];
  if (storage === undefined) errors.push(field.required(`${path}.resources[storage]`));
  else checkPositiveQuantity(errors, `${path}.resources[storage]`, storage);
  if (spec.storageClassName) checkSubdomain(errors, `${path}.storageClassName`, spec.storageClassName);
  if (spec.volumeMode !== undefined) checkOneOf(errors, `${path}.volumeMode`, spec.volumeMode, VOLUME_MODES);
  for (const name of ["dataSource", "dataSourceRef"] as const) {
    const source = spec[name];
    if (!source) continue;
    checkRequired(errors, `${path}.${name}.name`, source.name);
    checkRequired(errors, `${path}.${name}.kind`, source.kind);
    if (!source.apiGroup && source.kind !== "PersistentVolumeClaim") {
      errors.push(field.invalid(`${path}.${name}`, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
    }
  }
  if (spec.volumeAttributesClassName) checkSubdomain(errors, `${path}.volumeAttributesClassName`, spec.volumeAttributesClassName);
}

export function validateClaim(
  next: DeepReadonly<PersistentVolumeClaim>,
  previous: DeepReadonly<PersistentVolumeClaim> | undefined,
  subresource: string,
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    if (!next.metadata?.resourceVersion) errors.push(field.required("metadata.resourceVersion"));
    return errors;
  }
  if (next.spec) validateClaimSpec(errors, "spec", next.spec);
  else errors.push(field.required("spec.accessModes", "at least 1 access mode is required"));
  if (previous?.spec && next.spec) validateChange(errors, next.spec, previous);
  return errors;
}

function validateChange(errors: Errors, spec: Spec, { spec: before, status }: DeepReadonly<PersistentVolumeClaim>): void {
  if (!before) return;
  // Binding sets volumeName once, and a bound claim may grow.
  const bound = status?.phase === "Bound";
  const fixed = ({ volumeName, resources, volumeAttributesClassName: _class, storageClassName, ...rest }: Spec) => ({
    ...rest,
    volumeName: before.volumeName ? volumeName : "",
    storageClassName: before.storageClassName === undefined ? undefined : storageClassName,
    resources: bound ? undefined : resources,
  });
  if (!equal(fixed(spec), fixed(before))) {
    const text = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n" + "";
    errors.push(field.forbidden("spec", text));
  }
  const [after, was] = [spec.resources?.requests?.["storage"], before.resources?.requests?.["storage"]];
  if (compare(after, was) < 0 && compare(after, status?.capacity?.["storage"]) <= 0) {
    errors.push(field.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
  }
}
