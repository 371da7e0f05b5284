// How apply sees a schema node: scalars are leaves, lists and maps either one leaf (atomic) or a field per item (granular).

import { getField, isJsonObject, type JsonObject } from "#lib/own-field.ts";
import type { Field, Schema } from "../schema.ts";
import { FieldPathError, keyElement, valueElement } from "./path-element.ts";

/** Where no structure says what is there: maps are granular, lists atomic. */
const DEDUCED: Schema = { type: "any" };

const RAW_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension";

export function isList(schema: Schema, value: unknown): boolean {
  return schema.type === "array" || (schema.type === "any" && Array.isArray(value));
}

/** Whether the node has fields of its own, when `value` is what is there. */
export function isMap(schema: Schema, value: unknown): boolean {
  return schema.type === "object" || schema.type === "map" || (schema.type === "any" && isJsonObject(value));
}

/** Of a list or map: whether it is owned as a whole. */
export function isAtomic(schema: Schema): boolean {
  if (schema.type === "array") return schema.listType !== "set" && schema.listType !== "map";
  return schema.mapType === "atomic" || (schema.type === "any" && schema.name === RAW_EXTENSION);
}

export function fieldOf(schema: Schema, name: string): Field | undefined {
  return schema.type === "object" ? schema.fields?.get(name) : undefined;
}

/** What a map or object has under the name; undefined if the structure does not have it. */
export function childSchema(schema: Schema, name: string): Schema | undefined {
  if (schema.type === "map") return schema.items ?? DEDUCED;
  if (schema.type !== "object" || schema.fields === undefined) return DEDUCED;
  return schema.fields.get(name)?.schema ?? (schema.preserveUnknownFields ? DEDUCED : undefined);
}

export function itemSchema(schema: Schema): Schema {
  return schema.items ?? DEDUCED;
}

/** The step to an item of a granular list. Throws FieldPathError, without a path, if the item has none. */
export function itemElement(list: Schema, item: unknown): string {
  if (list.listType === "map") {
    if (item === null || item === undefined) throw new FieldPathError("associative list with keys may not have a null element");
    if (!isJsonObject(item)) throw new FieldPathError("associative list with keys may not have non-map elements");
    const keys = list.listMapKeys ?? [];
    const sorted = keys.length > 1 ? keys.toSorted() : keys;
    const element = keyElement(sorted, (name) => keyValue(list, item, name));
    if (element !== undefined) return element;
    const names = keys.map((name) => JSON.stringify(name)).join(" ");
    throw new FieldPathError(
      `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    );
  }
  if (Array.isArray(item)) throw new FieldPathError("not supported: associative list with lists as elements");
  if (isJsonObject(item)) throw new FieldPathError("associative list without keys has an element that's a map type");
  if (item === null || item === undefined) {
    throw new FieldPathError("associative list without keys has an element that's an explicit null");
  }
  return valueElement(item);
}

function keyValue(list: Schema, item: JsonObject, name: string): unknown {
  const value = getField(item, name);
  if (value !== undefined) return value;
  const field = fieldOf(itemSchema(list), name);
  if (field?.default !== undefined) return field.default;
  // Go writes such a field always.
  if (!field?.required || field.protoNumber === undefined || field.pointer) return undefined;
  return zeroOf(field.schema);
}

function zeroOf(schema: Schema): unknown {
  if (schema.type === "integer" || schema.type === "number") return 0;
  return schema.type === "boolean" ? false : "";
}

const NO_FIELDS: JsonObject = Object.freeze({});

/**
 * What upstream's Go type has in a field that JSON leaves out: structs that are no pointers are always there, also those that
 * JSON has as scalars, and so are required lists. Undefined for fields that may be absent, and for custom resources, which have no Go type.
 */
export function impliedValue(field: Field | undefined): unknown {
  if (field === undefined || field.pointer || field.protoNumber === undefined) return undefined;
  const { type, format } = field.schema;
  if (type === "object") return NO_FIELDS;
  if (type === "array" || type === "map") return field.required ? null : undefined;
  if (type === "intOrString") return 0;
  if (format === "quantity") return "0";
  const isTime = format === "date-time" || format === "date-time-micro";
  return isTime && field.name !== "creationTimestamp" ? null : undefined;
}

/** Whether upstream's Go type leaves the value out of JSON: zeros and empty lists and maps of optional fields. */
export function isOmitted(field: Field | undefined, value: unknown): boolean {
  if (field === undefined || field.pointer || field.required || field.protoNumber === undefined) return false;
  if (value === "" || value === 0 || value === false) return field.schema.type !== "intOrString" && field.schema.type !== "any";
  if (typeof value !== "object") return false;
  return (field.schema.type === "array" || field.schema.type === "map") && value !== null && isNoContent(value);
}

/** Whether a list or map holds nothing; null holds nothing. */
export function isNoContent(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isJsonObject(value)) for (const _ in value) return false;
  return true;
}
