// Copies of JSON data, several times faster than structuredClone.

import type { Mutable } from "./mutable.ts";
import { setField } from "./own-field.ts";

/** A deep copy that shares nothing with `value` and may be changed. JSON data only: plain objects, lists, scalars. */
export function clone<T>(value: T): Mutable<T> {
  return copy(value) as Mutable<T>;
}

function copy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const length = value.length;
    const list: unknown[] = Array.from({ length });
    for (let index = 0; index < length; index++) list[index] = copy(value[index]);
    return list;
  }
  const source = value as Record<string, unknown>;
  const target: Record<string, unknown> = {};
  for (const key in source) setField(target, key, copy(source[key]));
  return target;
}
