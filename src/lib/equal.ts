// Deep equality of JSON data. A field that is undefined equals one that is absent.

/** Whether `a` and `b` are the same JSON data. Key order does not matter, list order does; null is a value of its own. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return typeof a === "number" && typeof b === "number" && Number.isNaN(a) && Number.isNaN(b);
  }
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!equal(a[index], b[index])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let shared = 0;
  for (const key in left) {
    const value = left[key];
    if (value === undefined) continue;
    const other = right[key];
    if (value !== other) {
      // What a prototype has under a name is a function, which equals no JSON data, except for this one.
      if (other === undefined || (key === "__proto__" && !Object.hasOwn(right, key)) || !equal(value, other)) return false;
    }
    shared++;
  }
  for (const key in right) if (right[key] !== undefined) shared--;
  return shared === 0;
}
