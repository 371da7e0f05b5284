// An applied configuration on top of an object. What the configuration does not change is shared with the object.

import { equal } from "#lib/equal.ts";
import { getField, isJsonObject, setField, type JsonObject } from "#lib/own-field.ts";
import type { Schema } from "../schema.ts";
import { itemsByElement } from "./compare.ts";
import { childSchema, isAtomic, isMap, isNoContent, itemElement, itemSchema } from "./shape.ts";

/** The object with the configuration's values; the object itself if they are there already. Shares parts of both. */
export function mergeObjects<T extends object>(live: T, configuration: T, schema: Schema): T {
  return mergeValues(live, configuration, schema) as T; // a configuration of the same kind
}

function mergeValues(live: unknown, applied: unknown, schema: Schema): unknown {
  if (live === undefined) return applied;
  if (applied === undefined || live === applied) return live;
  if (isMap(schema, applied) || (applied === null && isMap(schema, live))) {
    if (isAtomic(schema) || (isNoContent(live) && isNoContent(applied))) return keep(live, applied);
    return isJsonObject(live) ? mergeMaps(live, isJsonObject(applied) ? applied : {}, schema) : applied;
  }
  if (schema.type === "array") {
    if (isAtomic(schema) || (isNoContent(live) && isNoContent(applied))) return keep(live, applied);
    return mergeLists(Array.isArray(live) ? live : [], Array.isArray(applied) ? applied : [], schema);
  }
  return keep(live, applied);
}

function keep(live: unknown, applied: unknown): unknown {
  return equal(live, applied) ? live : applied;
}

function mergeMaps(live: JsonObject, applied: JsonObject, schema: Schema): JsonObject {
  let merged: JsonObject | undefined;
  for (const key in applied) {
    const value = applied[key];
    if (value === undefined) continue;
    const before = getField(live, key);
    const type = childSchema(schema, key);
    const after = type === undefined ? keep(before, value) : mergeValues(before, value, type);
    if (after !== before) setField((merged ??= { ...live }), key, after);
  }
  return merged ?? live;
}

/** Whether the items stand for the same elements one by one, told without making elements; the commonest case by far. The elements of a configuration are distinct. */
function areInStep(live: readonly unknown[], applied: readonly unknown[], schema: Schema): boolean {
  if (live.length !== applied.length) return false;
  const keys = schema.listType === "map" ? (schema.listMapKeys ?? []) : undefined;
  for (let index = 0; index < live.length; index++) {
    const ours = live[index];
    const theirs = applied[index];
    if (keys === undefined) {
      if (typeof theirs !== "string" || ours !== theirs) return false;
      continue;
    }
    if (!isJsonObject(ours) || !isJsonObject(theirs)) return false;
    let named = false;
    for (const key of keys) {
      const value = getField(theirs, key);
      if (typeof value === "object" || getField(ours, key) !== value) return false;
      named ||= value !== undefined;
    }
    if (!named) return false;
  }
  return true;
}

/**
 * Items in the configuration's order where it has them; the object's other items stay after the neighbour that they had.
 * Items of the object that share a key are replaced by the configuration's one.
 */
function mergeLists(live: readonly unknown[], applied: readonly unknown[], schema: Schema): readonly unknown[] {
  const items = itemSchema(schema);
  if (areInStep(live, applied, schema)) {
    let merged: unknown[] | undefined;
    for (let index = 0; index < live.length; index++) {
      const item = mergeValues(live[index], applied[index], items);
      if (item !== live[index]) (merged ??= live.slice())[index] = item;
    }
    return merged ?? live;
  }
  const liveByElement = itemsByElement(live, schema);
  const appliedByElement = itemsByElement(applied, schema);
  const liveElements = live.map((item) => itemElement(schema, item));
  const appliedElements = [...appliedByElement.keys()];
  const shared = appliedElements.filter((element) => liveByElement.has(element));
  const done = new Set<string>();
  const merged: unknown[] = [];
  let nextShared = 0;
  const take = (element: string): void => {
    done.add(element);
    const before = liveByElement.get(element);
    const [value] = appliedByElement.get(element) ?? [];
    merged.push(before?.length === 1 ? mergeValues(before[0], value, items) : value);
  };
  for (let left = 0, right = 0; left < liveElements.length || right < appliedElements.length;) {
    const ours = liveElements[left];
    const theirs = appliedElements[right];
    if (ours !== undefined && theirs !== undefined) {
      if (ours === theirs) {
        take(theirs);
        left++;
        right++;
        nextShared++;
        continue;
      }
      if (appliedByElement.has(ours) && nextShared < shared.length && shared[nextShared] !== ours) {
        // The configuration has it elsewhere.
        left++;
        continue;
      }
    }
    if (ours !== undefined) {
      if (!appliedByElement.has(ours)) {
        merged.push(live[left]);
        left++;
        continue;
      }
      if (done.has(ours)) left++;
    }
    if (theirs !== undefined) {
      take(theirs);
      right++;
      if (shared[nextShared] === theirs) nextShared++;
    }
  }
  return merged.length === live.length && merged.every((item, index) => item === live[index]) ? live : merged;
}
