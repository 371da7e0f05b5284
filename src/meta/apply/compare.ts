// Which fields a write set and which it removed: one walk over both objects, which goes down only where they differ.

import { equal } from "#lib/equal.ts";
import { getField, isJsonObject, type JsonObject } from "#lib/own-field.ts";
import type { Field, Schema } from "../schema.ts";
import { asMember, LEAF, nodeOf, type Children, type FieldSet } from "./field-set.ts";
import { fieldElement } from "./path-element.ts";
import { childSchema, fieldOf, impliedValue, isAtomic, isList, isMap, isNoContent, isOmitted, itemElement, itemSchema } from "./shape.ts";

/** Sets of fields, each absent when it is empty. */
export interface Comparison {
  /** Fields of `next` that are new or have another value. */
  readonly changed?: FieldSet | undefined;
  readonly removed?: FieldSet | undefined;
}

export interface CompareOptions {
  /** Whether `next` is as a client wrote it, with zeros where upstream's types leave them out. `live` never is. */
  readonly raw: boolean;
}

const SAME: Comparison = Object.freeze({});
const CHANGED: Comparison = Object.freeze({ changed: LEAF });

/** Of metadata: what the server alone sets, which nobody owns. */
const UNOWNED_METADATA: ReadonlySet<string> = new Set([
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
]);

/** Whether managed fields never hold the path: apiVersion, kind and some of metadata. */
export function isUnowned(depth: number, parent: string, name: string): boolean {
  if (depth === 0) return name === "apiVersion" || name === "kind";
  return depth === 1 && parent === "metadata" && UNOWNED_METADATA.has(name);
}

/** What stands for a field that is not there; metadata always is, for nobody owns metadata as such. */
function absentValue(field: Field | undefined, raw: boolean, depth: number, name: string): unknown {
  return depth === 0 && name === "metadata" ? SAME : raw ? undefined : impliedValue(field);
}

/** Compares whole objects, without the fields that nobody owns. Throws FieldPathError if a list's item has no key. */
export function compareObjects(live: object, next: object, schema: Schema, options: CompareOptions): Comparison {
  return compareFields(live as JsonObject, next as JsonObject, schema, options, 0, ""); // objects are JSON data
}

/** Both values are there, if only as null. */
function compareValues(live: unknown, next: unknown, schema: Schema, options: CompareOptions, depth: number, name: string): Comparison {
  if (live === next) return SAME;
  const liveMap = isMap(schema, live);
  const nextMap = isMap(schema, next);
  if (liveMap || nextMap) {
    if (isAtomic(schema) || (isNoContent(live) && isNoContent(next))) return equal(live, next) ? SAME : CHANGED;
    const fields = compareFields(
      isJsonObject(live) ? live : undefined,
      isJsonObject(next) ? next : undefined,
      schema,
      options,
      depth,
      name,
    );
    // A value of another form, where the structure allows any: the field itself is another one too.
    const otherForm = schema.type === "any" && live !== null && next !== null && liveMap !== nextMap;
    return otherForm ? { changed: asMember(fields.changed), removed: fields.removed } : fields;
  }
  if (isList(schema, live) || isList(schema, next)) {
    if (isAtomic(schema) || schema.type === "any" || (isNoContent(live) && isNoContent(next))) return equal(live, next) ? SAME : CHANGED;
    return compareLists(Array.isArray(live) ? live : [], Array.isArray(next) ? next : [], schema, options);
  }
  return equal(live, next) ? SAME : CHANGED;
}

function compareFields(
  live: JsonObject | undefined,
  next: JsonObject | undefined,
  schema: Schema,
  options: CompareOptions,
  depth: number,
  name: string,
): Comparison {
  let changed: Children | undefined;
  let removed: Children | undefined;
  if (next) {
    for (const key in next) {
      const value = next[key];
      if (value === undefined) continue;
      let before = live && getField(live, key);
      if (before === value || (depth < 2 && isUnowned(depth, name, key))) continue;
      const field = fieldOf(schema, key);
      const type = field?.schema ?? childSchema(schema, key);
      if (type === undefined) continue;
      if (!options.raw && isOmitted(field, value)) {
        if (before !== undefined && !isOmitted(field, before)) {
          (removed ??= []).push([fieldElement(key), everyField(before, type, false, depth + 1, key)]);
        }
        continue;
      }
      if (before === undefined || isOmitted(field, before)) before = absentValue(field, false, depth, key);
      if (before === undefined) {
        (changed ??= []).push([fieldElement(key), everyField(value, type, options.raw, depth + 1, key)]);
        continue;
      }
      const child = compareValues(before, value, type, options, depth + 1, key);
      if (child.changed) (changed ??= []).push([fieldElement(key), child.changed]);
      if (child.removed) (removed ??= []).push([fieldElement(key), child.removed]);
    }
  }
  if (live) {
    for (const key in live) {
      const value = live[key];
      if (value === undefined || (next && getField(next, key) !== undefined) || (depth < 2 && isUnowned(depth, name, key))) continue;
      const field = fieldOf(schema, key);
      const type = field?.schema ?? childSchema(schema, key);
      if (type === undefined) continue;
      if (isOmitted(field, value)) continue;
      const after = absentValue(field, options.raw, depth, key);
      if (after === undefined) {
        // A struct that Go has anyway, empty here: nothing is gone.
        if (isNoContent(value) && impliedValue(field) !== undefined) continue;
        (removed ??= []).push([fieldElement(key), everyField(value, type, false, depth + 1, key)]);
        continue;
      }
      const child = compareValues(value, after, type, options, depth + 1, key);
      if (child.changed) (changed ??= []).push([fieldElement(key), child.changed]);
      if (child.removed) (removed ??= []).push([fieldElement(key), child.removed]);
    }
  }
  return comparisonOf(changed, removed);
}

function comparisonOf(changed: Children | undefined, removed: Children | undefined): Comparison {
  if (!changed && !removed) return SAME;
  return { changed: changed && nodeOf(changed, false), removed: removed && nodeOf(removed, false) };
}

function compareLists(live: readonly unknown[], next: readonly unknown[], schema: Schema, options: CompareOptions): Comparison {
  // Almost always the items are the same, and their keys need not be made.
  if (equal(live, next)) return SAME;
  const before = itemsByElement(live, schema);
  const after = itemsByElement(next, schema);
  const items = itemSchema(schema);
  let changed: Children | undefined;
  let removed: Children | undefined;
  for (const [element, nextItems] of after) {
    const liveItems = before.get(element);
    const [item] = nextItems;
    if (liveItems === undefined) {
      const node = nextItems.length > 1 ? LEAF : everyField(item, items, options.raw, 2, "");
      (changed ??= []).push([element, node]);
    } else if (nextItems.length > 1) {
      // Items of one key count as one field, however many there are.
      if (liveItems.length > 1) {
        if (!equal(liveItems, nextItems)) (changed ??= []).push([element, LEAF]);
      } else {
        (changed ??= []).push([element, LEAF]);
        (removed ??= []).push([element, everyField(liveItems[0], items, false, 2, "")]);
      }
    } else if (liveItems.length > 1) {
      (changed ??= []).push([element, everyField(item, items, options.raw, 2, "")]);
      (removed ??= []).push([element, LEAF]);
    } else {
      const child = compareValues(liveItems[0], item, items, options, 2, "");
      if (child.changed) (changed ??= []).push([element, child.changed]);
      if (child.removed) (removed ??= []).push([element, child.removed]);
    }
  }
  for (const [element, liveItems] of before) {
    if (after.has(element)) continue;
    const node = liveItems.length > 1 ? LEAF : everyField(liveItems[0], items, false, 2, "");
    (removed ??= []).push([element, node]);
  }
  return comparisonOf(changed, removed);
}

/** Items by their element, in order; more than one where a list has duplicates. */
export function itemsByElement(list: readonly unknown[], schema: Schema): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>();
  for (const item of list) {
    const element = itemElement(schema, item);
    const others = items.get(element);
    if (others) others.push(item);
    else items.set(element, [item]);
  }
  return items;
}

/** The value's own field and all below it: what is new, or gone, when a whole value is. */
function everyField(value: unknown, schema: Schema, raw: boolean, depth: number, name: string): FieldSet {
  if (typeof value !== "object" || value === null || isAtomic(schema)) return LEAF;
  const children: Children = [];
  if (Array.isArray(value)) {
    if (schema.type === "any") return LEAF;
    const items = itemSchema(schema);
    for (const [element, [item, ...others]] of itemsByElement(value, schema)) {
      children.push([element, others.length > 0 ? LEAF : everyField(item, items, raw, 2, "")]);
    }
    return nodeOf(children, true) ?? LEAF;
  }
  if (!isMap(schema, value)) return LEAF;
  const fields = value as JsonObject; // no list, not null
  for (const key in fields) {
    const child = fields[key];
    if (child === undefined || (depth < 2 && isUnowned(depth, name, key))) continue;
    const field = fieldOf(schema, key);
    const type = field?.schema ?? childSchema(schema, key);
    if (type === undefined || (!raw && isOmitted(field, child))) continue;
    children.push([fieldElement(key), typeof child === "object" ? everyField(child, type, raw, depth + 1, key) : LEAF]);
  }
  if (!raw && schema.type === "object" && schema.fields) addImplied(children, fields, schema, depth);
  return nodeOf(children, true) ?? LEAF;
}

function addImplied(children: Children, fields: JsonObject, schema: Schema, depth: number): void {
  for (const field of schema.fields?.values() ?? []) {
    if (field.pointer || field.protoNumber === undefined || getField(fields, field.name) !== undefined) continue;
    const implied = impliedValue(field);
    if (implied !== undefined) {
      children.push([fieldElement(field.name), everyField(implied, field.schema, false, depth + 1, field.name)]);
    }
  }
}
