// JSON merge patch (RFC 7386): objects are merged, null deletes, everything else replaces.

import { clone } from "#lib/clone.ts";
import { getField, isJsonObject, setField, type JsonObject } from "#lib/own-field.ts";
import type { Mutable } from "#lib/mutable.ts";
import { badRequest } from "../errors.ts";
import { goJsonForm } from "../go-format.ts";

/** The patched document; neither argument is changed. Throws a 400 if the patch is no object. */
export function applyMergePatch<T extends object>(document: T, patch: unknown): Mutable<T> {
  if (!isJsonObject(patch)) {
    const form = goJsonForm(patch);
    throw badRequest(
      form === "null"
        ? "Invalid JSON Patch"
        : `error decoding patch: json: cannot unmarshal ${form} into Go value of type map[string]interface {}`,
    );
  }
  return mergeInto(clone(document) as JsonObject, patch) as Mutable<T>; // a document is JSON data
}

/** Merges into `target`, which is changed and returned. */
function mergeInto(target: JsonObject, patch: JsonObject): JsonObject {
  for (const key in patch) {
    const value = patch[key];
    if (value === undefined) continue;
    if (value === null) delete target[key];
    else if (isJsonObject(value)) {
      const current = getField(target, key);
      setField(target, key, mergeInto(isJsonObject(current) ? current : {}, value));
    } else setField(target, key, clone(value));
  }
  return target;
}
