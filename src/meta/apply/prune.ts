// Taking fields out of objects, and the forms of field sets that this needs.

import { isJsonObject, setField, type JsonObject } from "#lib/own-field.ts";
import type { Schema } from "../schema.ts";
import { asMember, isEmpty, isMember, LEAF, type FieldSet } from "./field-set.ts";
import { fieldElement, SELF } from "./path-element.ts";
import { childSchema, fieldOf, isAtomic, isMap, itemElement, itemSchema } from "./shape.ts";

/** The object without the set's fields; the object itself if it has none of them. Shares parts. A container that gets empty stays. */
export function withoutFields<T extends object>(object: T, fields: FieldSet, schema: Schema): T {
  return remove(object, fields, schema) as T; // only optional fields are removed
}

function remove(value: unknown, fields: FieldSet, schema: Schema): unknown {
  if (isEmpty(fields)) return value;
  if (Array.isArray(value)) {
    if (isAtomic(schema) || schema.type !== "array") return [];
    return removeItems(value, fields, schema);
  }
  if (!isJsonObject(value) || !isMap(schema, value)) return value;
  if (isAtomic(schema)) return {};
  let kept: JsonObject | undefined;
  for (const key in value) {
    const node = fields[fieldElement(key)];
    if (node === undefined) continue;
    if (isMember(node)) {
      kept ??= { ...value };
      delete kept[key];
      continue;
    }
    const type = childSchema(schema, key);
    const child = value[key];
    const rest = type === undefined ? child : remove(child, node, type);
    if (rest !== child) setField((kept ??= { ...value }), key, rest);
  }
  return kept ?? value;
}

function removeItems(list: readonly unknown[], fields: FieldSet, schema: Schema): readonly unknown[] {
  const items = itemSchema(schema);
  let same = true;
  const kept: unknown[] = [];
  for (const item of list) {
    const node = fields[itemElement(schema, item)];
    const gone = node !== undefined && isMember(node);
    if (!gone) {
      const rest = node === undefined ? item : remove(item, node, items);
      kept.push(rest);
      if (rest === item) continue;
    }
    same = false;
  }
  return same ? list : kept;
}

/** The set with the structs as members in which it has members: owned fields keep what is around them. */
export function withNamedFields(set: FieldSet, schema: Schema | undefined): FieldSet {
  if (isEmpty(set)) return set;
  const result: Record<string, FieldSet> = {};
  for (const element in set) {
    const node = set[element] ?? LEAF;
    if (element === SELF) result[element] = node;
    else {
      const name = element.startsWith("f:") ? element.slice(2) : undefined;
      const below = withNamedFields(node, schema && schemaBelow(schema, element));
      const named = name !== undefined && schema !== undefined && fieldOf(schema, name) !== undefined;
      result[element] = named ? asMember(below) : below;
    }
  }
  return result;
}

function schemaBelow(schema: Schema, element: string): Schema | undefined {
  if (element.startsWith("f:")) return isMap(schema, {}) ? childSchema(schema, element.slice(2)) : undefined;
  return element.startsWith("k:") && schema.type === "array" ? itemSchema(schema) : undefined;
}

/** The set after fields that it holds parts of became atomic: such a field is owned as a whole. The set itself if none did. */
export function reconciled(set: FieldSet, schema: Schema): FieldSet {
  let result: Record<string, FieldSet> | undefined;
  for (const element in set) {
    if (element === SELF) continue;
    const node = set[element] ?? LEAF;
    if (isEmpty(node)) continue;
    const type = schemaBelow(schema, element);
    // What only its values tell the form of has no say in this.
    if (type === undefined || type.type === "any" || (type.type === "object" && type.fields === undefined)) continue;
    const container = type.type === "array" || type.type === "object" || type.type === "map";
    const after = container && isAtomic(type) ? LEAF : reconciled(node, type);
    if (after !== node) (result ??= { ...set })[element] = after;
  }
  return result ?? set;
}
