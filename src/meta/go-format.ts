// How Go prints decoded JSON, for error texts that quote values as upstream does.

/** Go's `%v`: `map[a:1 b:[x y]]`. */
export function goFormat(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goFormat).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const fields = value as Record<string, unknown>;
  const parts = Object.keys(fields).toSorted();
  return `map[${parts.map((key) => `${key}:${goFormat(fields[key])}`).join(" ")}]`;
}

/** The word Go's JSON decoder uses for a value's form: `string`, `number`, `bool`, `array`, `object`. */
export function goJsonForm(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint") return "number";
  return typeof value === "boolean" ? "bool" : typeof value;
}
