// Defaults in a custom resource's schema: each must be what the schema around it accepts, with nothing in it that the
// schema would drop.

import { checkValue } from "#kinds/apiextensions/validate-value.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { itemsOf, type Schema, valuesOf } from "./validate-structural.ts";

const META = new Set(["metadata", "kind", "apiVersion"]);

export function checkDefaults(errors: Errors, path: string, schema: Schema, requirePruned: boolean, isInMeta = false): void {
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  const inside = isEmbedded ? false : isInMeta;
  const value = schema.default;
  if (value !== undefined && value !== null) {
    const at = `${path}.default`;
    if (!inside && requirePruned && dropsSomething(value, schema)) {
      errors.push(field.invalid(at, value, "must not have unknown fields"));
    }
    const before = errors.length;
    if (!inside) checkEmbedded(errors, at, value, schema);
    if (errors.length === before) checkValue(errors, at, value, schema);
  }
  const items = itemsOf(schema);
  if (items) checkDefaults(errors, `${path}.items`, items, requirePruned, inside);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    checkDefaults(errors, `${path}.properties[${name}]`, property, requirePruned, inside || (isEmbedded && META.has(name)));
  }
}

/** Whether any default of a schema would lose something. */
export function hasUnprunedDefaults(schema: Schema): boolean {
  const { default: value, properties = {} } = schema;
  if (value !== undefined && dropsSomething(value, schema)) return true;
  const items = itemsOf(schema);
  return (items !== undefined && hasUnprunedDefaults(items)) || Object.values(properties).some(hasUnprunedDefaults);
}

/** Objects inside that are whole resources name their kind. */
function checkEmbedded(errors: Errors, path: string, value: unknown, schema: Schema | undefined): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkEmbedded(errors, `${path}[${index}]`, item, schema && itemsOf(schema));
    return;
  }
  if (!schema || typeof value !== "object" || value === null) return;
  if (schema["x-kubernetes-embedded-resource"]) {
    for (const name of ["apiVersion", "kind"] as const) if (!(name in value)) errors.push(field.required(`${path}.${name}`));
  }
  for (const [key, child] of Object.entries(value)) {
    const own = schema.properties?.[key];
    checkEmbedded(errors, own ? `${path}.${key}` : `${path}[${key}]`, child, own ?? valuesOf(schema));
  }
}

function dropsSomething(value: unknown, schema: Schema | undefined): boolean {
  if (Array.isArray(value)) return value.some((item) => dropsSomething(item, schema && itemsOf(schema)));
  if (typeof value !== "object" || value === null) return false;
  const keepsAll = schema?.["x-kubernetes-preserve-unknown-fields"] === true;
  const isEmbedded = schema?.["x-kubernetes-embedded-resource"] === true;
  return Object.entries(value).some(([key, child]) => {
    if (isEmbedded && META.has(key)) return false;
    const own = schema?.properties?.[key];
    if (own) return dropsSomething(child, own);
    if (schema?.additionalProperties !== undefined && schema.additionalProperties !== false) {
      const values = valuesOf(schema);
      return values !== undefined && dropsSomething(child, values);
    }
    return !keepsAll;
  });
}
