import type { ControllerRevision } from "#kinds/api/apps-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { FieldError } from "#meta/errors.ts";
import { field } from "#meta/errors.ts";
import { equal } from "#lib/equal.ts";
import type { KindHooks } from "#meta/kind.ts";
import { controllerOf, type DeepReadonly } from "#meta/object.ts";
import { parseApiVersion } from "#meta/resource.ts";

function controllerCell(object: DeepReadonly<ControllerRevision>): string {
  const owner = controllerOf(object);
  if (!owner) return "<none>";
  const { group } = parseApiVersion(owner.apiVersion);
  return `${(group === "" ? owner.kind : `${owner.kind}.${group}`).toLowerCase()}/${owner.name}`;
}

function validate(next: DeepReadonly<ControllerRevision>, previous: DeepReadonly<ControllerRevision> | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (next.revision < 0) errors.push(field.invalid("revision", next.revision, "must be greater than or equal to 0"));
  const data: unknown = next.data;
  if (!previous) {
    if (data === undefined || data === null) errors.push(field.required("data", "data is mandatory"));
    else if (typeof data !== "object" || Array.isArray(data)) errors.push(field.required("data", "data must be a valid JSON object"));
  }
  if (previous && !equal(next.data, previous.data)) errors.push(field.invalid("data", next.data, "field is immutable"));
  return errors;
}

export const controllerRevisionHooks: KindHooks<ControllerRevision> = {
  validate,
  columns: [nameColumn, text("Controller", controllerCell), text("Revision", (object) => object.revision), ageColumn],
};
