// Strategic merge patch: a merge patch that knows from the kind's structure which lists are merged, and by which key.
// Semantics, ordering rules included, are those of upstream's apimachinery pkg/util/strategicpatch.

import { clone } from "#lib/clone.ts";
import type { Mutable } from "#lib/mutable.ts";
import { getField, isJsonObject, setField, type JsonObject } from "#lib/own-field.ts";
import { badRequest } from "../errors.ts";
import { goFormat, goJsonForm } from "../go-format.ts";
import type { Schema } from "../schema.ts";
import { unprocessablePatch, unsoundPatch } from "./patch-errors.ts";

const DIRECTIVE = "$patch";
const RETAIN_KEYS = "$retainKeys";
const DELETE_FROM_LIST = "$deleteFromPrimitiveList";
const SET_ORDER = "$setElementOrder";
/** What precedes a field's name in a parallel list's key. */
const DELETE_PREFIX = `${DELETE_FROM_LIST}/`;
const ORDER_PREFIX = `${SET_ORDER}/`;

/** The patched object; neither argument is changed. Throws ApiError with upstream's statuses and texts. */
export function applyStrategicMergePatch<T extends object>(original: T, patch: unknown, schema: Schema): Mutable<T> {
  if (!isJsonObject(patch)) {
    throw badRequest(`json: cannot unmarshal ${goJsonForm(patch)} into Go value of type map[string]interface {}`);
  }
  return mergeObject(clone(original) as JsonObject, clone(patch), schema) as Mutable<T>; // objects are JSON data
}

/** How one field merges. */
interface FieldRule {
  readonly strategy: string;
  readonly mergeKey: string;
  /** Of the field itself, or of the items if it is a list; undefined where there is no structure. */
  readonly schema: Schema | undefined;
}

const FREE_FORM: FieldRule = { strategy: "", mergeKey: "", schema: undefined };

function ruleOf(schema: Schema | undefined, name: string): FieldRule {
  if (schema === undefined || schema.type === "any") return FREE_FORM;
  if (schema.type === "map") return { ...FREE_FORM, schema: itemsOrSelf(schema.items) };
  const field = schema.fields?.get(name);
  if (field === undefined) {
    if (schema.preserveUnknownFields || schema.fields === undefined) return FREE_FORM;
    const type = schema.name?.slice(schema.name.lastIndexOf(".") + 1) ?? "";
    throw unsoundPatch(`unable to find api field in struct ${type} for the json field ${JSON.stringify(name)}`);
  }
  const strategies = field.patchStrategy?.split(",") ?? [];
  return {
    // retainKeys says only that $retainKeys may come; it is obeyed wherever it does.
    strategy: strategies.find((strategy) => strategy !== "retainKeys") ?? "",
    mergeKey: field.patchMergeKey ?? "",
    schema: itemsOrSelf(field.schema),
  };
}

const itemsOrSelf = (schema: Schema | undefined): Schema | undefined => (schema?.type === "array" ? schema.items : schema);

/** Merges `patch` into `original`; both are consumed. */
function mergeObject(original: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject {
  const directive = getField(patch, DIRECTIVE);
  if (directive !== undefined) {
    if (directive === "delete") return {};
    if (directive !== "replace") throw unsoundPatch(`unknown patch type: ${goFormat(directive)} in map: ${goFormat(patch)}`);
    delete patch[DIRECTIVE];
    return patch;
  }
  retainKeys(original, patch);
  mergeOrderedLists(original, patch, schema);
  for (const [key, value] of Object.entries(patch)) {
    const deletes = key.startsWith(DELETE_FROM_LIST);
    const name = deletes ? fieldAfter(key, DELETE_PREFIX, "invalid patch format of primitive list") : key;
    if (value === null || value === undefined) {
      delete original[name];
      continue;
    }
    const current = getField(original, name);
    if (current === undefined || goJsonForm(current) !== goJsonForm(value)) {
      if (!deletes) setOrDrop(original, name, discardNulls(value));
    } else if (isJsonObject(value)) {
      const rule = ruleOf(schema, name);
      setField(original, name, rule.strategy === "replace" ? value : mergeObject(current as JsonObject, value, rule.schema)); // of one form
    } else if (Array.isArray(value)) {
      const rule = ruleOf(schema, name);
      setField(original, name, mergeLists(current as unknown[], value, rule, deletes)); // of one form
    } else setField(original, name, value);
  }
  return original;
}

/** Obeys $retainKeys: fields of the original that it does not list go. */
function retainKeys(original: JsonObject, patch: JsonObject): void {
  const keys = getField(patch, RETAIN_KEYS);
  if (keys === undefined) return;
  delete patch[RETAIN_KEYS];
  if (!Array.isArray(keys)) throw badRequest("invalid patch format of retainKeys");
  const kept = new Set<unknown>(keys);
  for (const key in patch) {
    if (patch[key] === null || key.startsWith(DELETE_FROM_LIST) || key.startsWith(SET_ORDER)) continue;
    if (!kept.has(key)) throw badRequest("invalid patch format of retainKeys");
  }
  for (const key of Object.keys(original)) if (!kept.has(key)) delete original[key];
}

/** Merges the lists that have a $setElementOrder beside them and takes both out of the patch. */
function mergeOrderedLists(original: JsonObject, patch: JsonObject, schema: Schema | undefined): void {
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(SET_ORDER)) continue;
    delete patch[key];
    if (!Array.isArray(order)) throw wrongForm("[]interface {}", order);
    const name = fieldAfter(key, ORDER_PREFIX, "invalid patch format of setElementOrder list");
    const current = listField(original, name);
    const change = listField(patch, name);
    const rule = ruleOf(schema, name);
    checkOrder(change ?? [], order, rule.mergeKey);
    let merged: unknown[];
    if (change === undefined) {
      if (current === undefined) continue;
      merged = current;
    } else if (current === undefined) merged = change.map(withoutDirectives).filter((item) => item !== undefined);
    else merged = mergeLists(current, change, rule, false);
    elementForm(current ?? [], change ?? []);
    setField(original, name, arrange(merged, order, current ?? [], rule.mergeKey));
    delete patch[name];
  }
}

function listField(object: JsonObject, name: string): unknown[] | undefined {
  const value = getField(object, name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw wrongForm("[]interface {}", value);
  return value;
}

/** The patch's items must stand in $setElementOrder, in that order; deletions need not. */
function checkOrder(change: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (order.length === 0 || change.length === 0) return;
  const fail = () => unsoundPatch(`The order in patch list:\n${goFormat(change)}\n doesn't match ${SET_ORDER} list:\n${goFormat(order)}\n`);
  let position = 0;
  for (const item of change) {
    const directive = isJsonObject(item) ? getField(item, DIRECTIVE) : undefined;
    if (directive === "delete") continue;
    // As upstream: after the last item of the order there may be deletions only.
    if (position === order.length) throw fail();
    if (directive !== undefined) continue;
    const identity = identityOf(item, mergeKey);
    while (position < order.length && identityOf(order[position], mergeKey) !== identity) position++;
    if (position === order.length) throw fail();
    position++;
  }
}

function mergeLists(original: unknown[], patch: unknown[], rule: FieldRule, deletes: boolean): unknown[] {
  if (rule.strategy !== "merge" && !deletes) return patch;
  const form = elementForm(original, patch);
  if (form === undefined) return original;
  if (form !== "object") {
    if (deletes) {
      const gone = new Set(patch);
      return original.filter((item) => !gone.has(item));
    }
    return arrange([...new Set([...original, ...patch])], patch, original, "");
  }
  const { mergeKey } = rule;
  if (mergeKey === "") throw unsoundPatch("cannot merge lists without merge key for struct");
  const { kept, changes } = obeyDirectives(original as JsonObject[], patch as JsonObject[], mergeKey); // all elements are objects
  return arrange(mergeItems(kept, changes, rule), changes, kept, mergeKey);
}

/** Carries out the patch's items with $patch; gives what is left of the original and the patch's plain items. */
function obeyDirectives(
  original: readonly JsonObject[],
  patch: readonly JsonObject[],
  mergeKey: string,
): { kept: readonly JsonObject[]; changes: readonly JsonObject[] } {
  const changes: JsonObject[] = [];
  const deleted = new Set<unknown>();
  let replace = false;
  for (const item of patch) {
    const directive = getField(item, DIRECTIVE);
    if (directive === undefined) changes.push(item);
    else if (directive === "delete") deleted.add(identityOf(item, mergeKey));
    else if (directive === "replace") replace = true;
    else if (directive === "merge") throw unsoundPatch("merging lists cannot yet be specified in the patch");
    else throw unsoundPatch(`unknown patch type: ${goFormat(directive)} in map: ${goFormat(item)}`);
  }
  if (replace) return { kept: changes, changes: [] };
  return { kept: deleted.size === 0 ? original : original.filter((item) => !deleted.has(getField(item, mergeKey))), changes };
}

/** Merges each change into the first item of its key, or adds it. */
function mergeItems(kept: readonly JsonObject[], changes: readonly JsonObject[], { mergeKey, schema }: FieldRule): JsonObject[] {
  const merged = [...kept];
  const positions = new Map<unknown, number>();
  const remember = (identity: unknown, index: number) => {
    if (identity !== undefined && !positions.has(identity)) positions.set(identity, index);
  };
  for (const [index, item] of merged.entries()) remember(getField(item, mergeKey), index);
  for (const change of changes) {
    const identity = identityOf(change, mergeKey);
    const index = positions.get(identity);
    const current = index === undefined ? undefined : merged[index];
    if (index === undefined || current === undefined) {
      remember(identity, merged.length);
      merged.push(change);
    } else merged[index] = mergeObject(current, change, schema);
  }
  return merged;
}

/**
 * Orders a merged list: items that `order` names stand in that order; the others, which only the server has, keep theirs
 * and are put among them where the server's list had them, as far as that can be.
 */
function arrange(merged: readonly unknown[], order: readonly unknown[], server: readonly unknown[], mergeKey: string): unknown[] {
  const orderRank = ranks(order, mergeKey);
  const serverRank = ranks(server, mergeKey);
  const keyed = merged.map((item) => ({ item, identity: identityOf(item, mergeKey) }));
  const rankIn = (table: ReadonlyMap<unknown, number>, identity: unknown) => table.get(identity) ?? -1;
  const named = keyed.filter(({ identity }) => orderRank.has(identity));
  const others = keyed.filter(({ identity }) => !orderRank.has(identity));
  named.sort((a, b) => rankIn(orderRank, a.identity) - rankIn(orderRank, b.identity));
  others.sort((a, b) => rankIn(serverRank, a.identity) - rankIn(serverRank, b.identity));
  const result: unknown[] = [];
  let next = 0;
  for (const { item, identity } of named) {
    const rank = serverRank.get(identity);
    for (let other = others[next]; other !== undefined && rank !== undefined; other = others[next]) {
      const otherRank = serverRank.get(other.identity);
      if (otherRank === undefined || otherRank >= rank) break;
      result.push(other.item);
      next++;
    }
    result.push(item);
  }
  for (const { item } of others.slice(next)) result.push(item);
  return result;
}

/** Where each item stands first. */
function ranks(list: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const table = new Map<unknown, number>();
  for (const [index, item] of list.entries()) {
    const identity = identityOf(item, mergeKey);
    if (!table.has(identity)) table.set(identity, index);
  }
  return table;
}

/** The merge key's value of an item; of scalars the item itself. */
function identityOf(item: unknown, mergeKey: string): unknown {
  if (mergeKey === "") return item;
  if (!isJsonObject(item)) throw wrongForm("map[string]interface {}", item);
  const identity = getField(item, mergeKey);
  if (identity === undefined) throw unsoundPatch(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`);
  return identity;
}

/** The common form of all elements; undefined if there are none. */
function elementForm(...lists: readonly (readonly unknown[])[]): string | undefined {
  let form: string | undefined;
  for (const list of lists) {
    for (const item of list) {
      const current = goJsonForm(item);
      if (current === "array") throw unprocessablePatch("lists of lists are not supported");
      if (form !== undefined && current !== form) throw unsoundPatch(`list element types are not identical: ${goFormat(lists)}`);
      form = current;
    }
  }
  return form;
}

function fieldAfter(key: string, prefix: string, message: string): string {
  if (!key.startsWith(prefix)) throw badRequest(message);
  return key.slice(prefix.length);
}

function setOrDrop(target: JsonObject, name: string, value: unknown): void {
  const kept = withoutDirectives(value);
  if (kept === undefined) delete target[name];
  else setField(target, name, kept);
}

/** The value without objects that carry $patch, at any depth; undefined if it is one itself. Changes the value. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isJsonObject(value)) return value;
  if (Object.hasOwn(value, DIRECTIVE)) return undefined;
  for (const key of Object.keys(value)) setOrDrop(value, key, value[key]);
  return value;
}

/** Removes fields that are null, at any depth. Changes the value. */
function discardNulls(value: unknown): unknown {
  if (Array.isArray(value)) value.forEach(discardNulls);
  else if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      if (value[key] === null) delete value[key];
      else discardNulls(value[key]);
    }
  }
  return value;
}

function wrongForm(expected: string, value: unknown): Error {
  const forms: Record<string, string> = {
    array: "[]interface {}",
    object: "map[string]interface {}",
    number: Number.isInteger(value) ? "int64" : "float64",
    null: "%!s(<nil>)",
  };
  const form = goJsonForm(value);
  return unsoundPatch(`expected a ${expected}, but received a ${forms[form] ?? form}`);
}
