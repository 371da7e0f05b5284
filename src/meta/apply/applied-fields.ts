// The fields of an applied configuration: those that its manager owns once it is applied.

import { isJsonObject, type JsonObject } from "#lib/own-field.ts";
import type { Schema } from "../schema.ts";
import { isUnowned, itemsByElement } from "./compare.ts";
import { EMPTY, LEAF, nodeOf, type Children, type FieldSet } from "./field-set.ts";
import { fieldElement } from "./path-element.ts";
import { childSchema, fieldOf, isAtomic, isNoContent, itemSchema } from "./shape.ts";

/**
 * Every leaf and list item that the object mentions, but for those that nobody owns. Throws FieldPathError if an item has no key.
 * Shares the nodes of `like` that are the same; `like` itself if all are.
 */
export function fieldsOfObject(object: object, schema: Schema, like?: FieldSet): FieldSet {
  return fieldsOf(object, schema, 0, "", false, like) ?? EMPTY;
}

/** Undefined if the value has no field that can be owned and is none (`member`): structs are owned by their fields only. */
function fieldsOf(
  value: unknown,
  schema: Schema,
  depth: number,
  name: string,
  member: boolean,
  like: FieldSet | undefined,
): FieldSet | undefined {
  const { type } = schema;
  if (type === "array") return fieldsOfList(value, schema, member, like);
  if (type === "object" || type === "map") return fieldsOfMap(value, schema, depth, name, member, like);
  if (type !== "any") return LEAF;
  if (value === null) return member || isAtomic(schema) ? LEAF : undefined;
  return isJsonObject(value) ? fieldsOfMap(value, schema, depth, name, member, like) : LEAF;
}

function fieldsOfMap(
  value: unknown,
  schema: Schema,
  depth: number,
  name: string,
  member: boolean,
  like: FieldSet | undefined,
): FieldSet | undefined {
  if (isAtomic(schema)) return LEAF;
  if (!isJsonObject(value)) return member ? LEAF : undefined;
  const map: JsonObject = value;
  const children: Children = [];
  for (const key in map) {
    const child = map[key];
    if (child === undefined || (depth < 2 && isUnowned(depth, name, key))) continue;
    const field = fieldOf(schema, key);
    const type = field?.schema ?? childSchema(schema, key);
    if (type === undefined) continue;
    const element = fieldElement(key);
    if (typeof child !== "object") {
      children.push([element, LEAF]);
      continue;
    }
    const owned = field === undefined || child === null || (isJsonObject(child) && isNoContent(child));
    const fields = fieldsOf(child, type, depth + 1, key, owned, like?.[element]);
    if (fields !== undefined) children.push([element, fields]);
  }
  return nodeOf(children, member, like);
}

function fieldsOfList(value: unknown, schema: Schema, member: boolean, like: FieldSet | undefined): FieldSet | undefined {
  if (isAtomic(schema)) return LEAF;
  if (!Array.isArray(value)) return member ? LEAF : undefined;
  const items = itemSchema(schema);
  const children: Children = [];
  for (const [element, [item, ...others]] of itemsByElement(value, schema)) {
    children.push([element, others.length > 0 ? LEAF : (fieldsOf(item, items, 2, "", true, like?.[element]) ?? LEAF)]);
  }
  return nodeOf(children, member, like);
}
