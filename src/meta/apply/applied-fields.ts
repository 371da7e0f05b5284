// The fields of an applied configuration: those that its manager owns once it is applied.

import { isJsonObject, type JsonObject } from "#lib/own-field.ts";
import type { Schema } from "../schema.ts";
import { isUnowned, itemsByElement } from "./compare.ts";
import { asMember, EMPTY, LEAF, nodeOf, type Children, type FieldSet } from "./field-set.ts";
import { fieldElement } from "./path-element.ts";
import { childSchema, fieldOf, isAtomic, isNoContent, itemSchema } from "./shape.ts";

/** Every leaf and list item that the object mentions, but for those that nobody owns. Throws FieldPathError if an item has no key. */
export function fieldsOfObject(object: object, schema: Schema): FieldSet {
  return fieldsOf(object, schema, 0, "") ?? EMPTY;
}

/** Undefined if the value has no field that can be owned: structs are owned by their fields only. */
function fieldsOf(value: unknown, schema: Schema, depth: number, name: string): FieldSet | undefined {
  const { type } = schema;
  if (type === "array") return fieldsOfList(value, schema);
  if (type === "object" || type === "map") return fieldsOfMap(value, schema, depth, name);
  if (type !== "any") return LEAF;
  if (value === null) return isAtomic(schema) ? LEAF : undefined;
  return isJsonObject(value) ? fieldsOfMap(value, schema, depth, name) : LEAF;
}

function fieldsOfMap(value: unknown, schema: Schema, depth: number, name: string): FieldSet | undefined {
  if (isAtomic(schema)) return LEAF;
  if (!isJsonObject(value)) return undefined;
  const map: JsonObject = value;
  const children: Children = [];
  for (const key in map) {
    const child = map[key];
    if (child === undefined || (depth < 2 && isUnowned(depth, name, key))) continue;
    const field = fieldOf(schema, key);
    const type = field?.schema ?? childSchema(schema, key);
    if (type === undefined) continue;
    if (typeof child !== "object") {
      children.push([fieldElement(key), LEAF]);
      continue;
    }
    const fields = fieldsOf(child, type, depth + 1, key);
    const member = field === undefined || child === null || (isJsonObject(child) && isNoContent(child));
    if (member) children.push([fieldElement(key), asMember(fields)]);
    else if (fields !== undefined) children.push([fieldElement(key), fields]);
  }
  return nodeOf(children, false);
}

function fieldsOfList(value: unknown, schema: Schema): FieldSet | undefined {
  if (isAtomic(schema)) return LEAF;
  if (!Array.isArray(value)) return undefined;
  const items = itemSchema(schema);
  const children: Children = [];
  for (const [element, [item, ...others]] of itemsByElement(value, schema)) {
    children.push([element, others.length > 0 ? LEAF : asMember(fieldsOf(item, items, 2, ""))]);
  }
  return nodeOf(children, false);
}
