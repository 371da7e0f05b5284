import type { VolumeAttributesClass } from "#kinds/api/storage-v1.gen.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { checkParameters, checkProvisioner } from "#kinds/storage/checks.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";

function validate(next: DeepReadonly<VolumeAttributesClass>, previous: DeepReadonly<VolumeAttributesClass> | undefined): FieldError[] {
  const errors: Errors = [];
  const parameters = next.parameters ?? {};
  if (previous) {
    if (next.driverName !== previous.driverName) errors.push(field.forbidden("driverName", "updates to driverName are forbidden."));
    if (!equal(parameters, previous.parameters ?? {})) errors.push(field.forbidden("parameters", "updates to parameters are forbidden."));
  }
  checkProvisioner(errors, "driverName", next.driverName);
  checkParameters(errors, "parameters", parameters);
  if (Object.keys(parameters).length === 0) errors.push(field.required("parameters", "must contain at least one key/value pair"));
  return errors;
}

export const volumeAttributesClassHooks: KindHooks<VolumeAttributesClass> = {
  returnsDeleted: true,
  validate,
  generation: false,
  columns: [nameColumn, text("DriverName", (object) => object.driverName), ageColumn],
};
