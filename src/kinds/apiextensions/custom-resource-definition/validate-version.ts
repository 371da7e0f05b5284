// What a version of a custom resource may say beside its schema: subresources, columns, selectable fields, deprecation.

import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  SelectableField,
} from "#kinds/api/apiextensions-v1.gen.ts";
import { checkRequired, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { byteLength } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { schemaAt } from "./field-path.ts";
import type { Schema } from "./validate-structural.ts";

type Read<T> = DeepReadonly<T>;

const COLUMN_TYPES = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const MAX_SELECTABLE_FIELDS = 8;
const SELECTABLE_TYPES = ["string", "boolean", "integer"];

export function checkDeprecation(errors: Errors, path: string, version: Read<CustomResourceDefinitionVersion>): void {
  const warning = version.deprecationWarning;
  if (warning === undefined) return;
  const at = `${path}.deprecationWarning`;
  if (!version.deprecated) {
    errors.push(field.invalid(at, warning, "can only be set for deprecated versions"));
    return;
  }
  if (byteLength(warning) > 256) errors.push(field.invalid(at, warning, "must be <= 256 characters long"));
  if (warning === "") errors.push(field.invalid(at, warning, "must not be an empty string"));
  const wrong = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(warning);
  if (!wrong) return;
  const index = byteLength(warning.slice(0, wrong.index));
  const detail = `must only contain printable UTF-8 characters; non-printable character found at index ${index}`;
  errors.push(field.invalid(at, warning, detail));
}

export function checkSubresources(errors: Errors, path: string, subresources: Read<CustomResourceSubresources> | undefined): void {
  const scale: Read<Partial<NonNullable<CustomResourceSubresources["scale"]>>> | undefined = subresources?.scale;
  if (!scale) return;
  for (const [name, root] of [
    ["specReplicasPath", ".spec"],
    ["statusReplicasPath", ".status"],
  ] as const) {
    const value = scale[name] ?? "";
    const at = `${path}.scale.${name}`;
    if (!checkRequired(errors, at, value)) continue;
    if (checkSimplePath(errors, at, value) && !value.startsWith(`${root}.`)) {
      errors.push(field.invalid(at, value, `should be a json path under ${root}`));
    }
  }
  const selector = scale.labelSelectorPath;
  const at = `${path}.scale.labelSelectorPath`;
  if (selector && checkSimplePath(errors, at, selector) && !/^\.(spec|status)\./.test(selector)) {
    errors.push(field.invalid(at, selector, "should be a json path under either .spec or .status"));
  }
}

function checkSimplePath(errors: Errors, path: string, value: string): boolean {
  if (value.startsWith(".")) return true;
  errors.push(field.invalid(path, value, "must be a simple json path starting with ."));
  return false;
}

export function checkColumns(errors: Errors, path: string, columns: readonly Read<CustomResourceColumnDefinition>[] | undefined): void {
  for (const [index, column] of ((columns as readonly Read<Partial<CustomResourceColumnDefinition>>[] | undefined) ?? []).entries()) {
    const { name, type = "", format = "", jsonPath = "" } = column;
    const at = `${path}[${index}]`;
    checkRequired(errors, `${at}.name`, name);
    const types = `must be one of ${COLUMN_TYPES.join(",")}`;
    if (type === "") errors.push(field.required(`${at}.type`, types));
    else if (!COLUMN_TYPES.includes(type)) errors.push(field.invalid(`${at}.type`, type, types));
    if (format !== "" && !COLUMN_FORMATS.includes(format)) {
      errors.push(field.invalid(`${at}.format`, format, `must be one of ${COLUMN_FORMATS.join(",")}`));
    }
    // The path's name is that of the form before v1.
    if (checkRequired(errors, `${at}.JSONPath`, jsonPath)) checkSimplePath(errors, `${at}.JSONPath`, jsonPath);
  }
}

export function checkSelectableFields(
  errors: Errors,
  path: string,
  fields: readonly Read<SelectableField>[] | undefined,
  schema: Schema | undefined,
  { allowsMore, isShared }: { readonly allowsMore: boolean; readonly isShared: boolean },
): void {
  if (!fields || fields.length === 0) return;
  if (!schema) {
    errors.push(
      field.invalid(
        path,
        "",
        isShared
          ? "may only be set when validations.schema is included"
          : "may only be set when `version.schema.openAPIV3Schema` is not included",
      ),
    );
    return;
  }
  const seen = new Set<string>();
  for (const [index, { jsonPath = "" }] of (fields as readonly Partial<SelectableField>[]).entries()) {
    const at = `${path}[${index}].jsonPath`;
    if (!checkRequired(errors, at, jsonPath)) continue;
    const found = schemaAt(schema, jsonPath, false);
    if (typeof found === "string") {
      errors.push(field.invalid(at, jsonPath, `is an invalid path: ${found}`));
      continue;
    }
    if (found.steps[0] === "metadata") errors.push(field.invalid(at, jsonPath, "must not point to fields in metadata"));
    if (!SELECTABLE_TYPES.includes(found.schema?.type ?? "")) {
      const detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
      errors.push(field.invalid(at, jsonPath, detail));
    }
    const steps = found.steps.join(".");
    if (seen.has(steps)) errors.push(field.duplicate(at, jsonPath));
    seen.add(steps);
  }
  if (seen.size > MAX_SELECTABLE_FIELDS && !allowsMore) errors.push(field.tooMany(path, seen.size, MAX_SELECTABLE_FIELDS));
}
