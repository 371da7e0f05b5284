// Copies of JSON data, several times faster than structuredClone.

import type { Mutable } from "./mutable.ts";

/** A deep copy that shares nothing with `value` and may be changed. JSON data only: plain objects, lists, scalars. */
export function clone<T>(value: T): Mutable<T> {
  return copy(value) as Mutable<T>;
}

function copy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const list = value.slice() as unknown[];
    for (let index = 0; index < list.length; index++) {
      const item = list[index];
      if (typeof item === "object" && item !== null) list[index] = copy(item);
    }
    return list;
  }
  // The engine copies a whole object faster than its fields one by one, and the copy has the same shape.
  const target: Record<string, unknown> = { ...value };
  for (const key in target) {
    const field = target[key];
    // An own field, whatever its name: it was copied as one.
    if (typeof field === "object" && field !== null) target[key] = copy(field);
  }
  return target;
}
