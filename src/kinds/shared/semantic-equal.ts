// Equality as upstream compares decoded objects: what is unset equals what is zero or empty, since both decode alike.

/** Whether two JSON values decode to the same object. (Zeros that upstream tells from unset are the exception that this cannot see.) */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isZero(a)) return isZero(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => semanticEqual(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>; // neither list nor null: an object
  const right = b as Record<string, unknown>; // likewise
  for (const key in left) if (!semanticEqual(left[key], own(right, key))) return false;
  for (const key in right) if (!Object.hasOwn(left, key) && !isZero(right[key])) return false;
  return true;
}

const own = (object: Record<string, unknown>, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

function isZero(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const key in value) if (!isZero((value as Record<string, unknown>)[key])) return false; // neither list nor null: an object
  return true;
}
