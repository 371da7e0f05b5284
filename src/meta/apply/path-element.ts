// One step of a field path in the form fieldsV1 has it: `f:name`, `k:{"name":"a"}`, `v:"x"`, `i:3`. Equal steps have equal text, so
// that sets can be keyed by it.

import { isJsonObject, type JsonObject } from "#lib/own-field.ts";

/** Something in fieldsV1 or in an object that cannot be a field path; upstream answers with the text, or ignores the managed fields. */
export class FieldPathError extends Error {
  override readonly name = "FieldPathError";
}

/** Stands for the field that holds it. Beside steps, never one of them. */
export const SELF = ".";

export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** A set's item. */
export function valueElement(value: unknown): string {
  return `v:${goJson(value)}`;
}

/** An item of a list with keys; `names` in code point order. Keys without a value are left out. */
export function keyElement(names: readonly string[], valueOf: (name: string) => unknown): string | undefined {
  let text = "";
  for (const name of names) {
    const value = valueOf(name);
    if (value === undefined) continue;
    text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${goJson(value)}`;
  }
  return text === "" ? undefined : `k:{${text}}`;
}

/** A step's canonical form; undefined if its sort is unknown, which upstream skips. Throws FieldPathError. */
export function readElement(text: string): string | undefined {
  if (text.length < 2) throw new FieldPathError("key must be 2 characters long:");
  if (text[1] !== ":") throw new FieldPathError(`missing colon: ${text}`);
  switch (text.charAt(0)) {
    case "f":
      return text;
    case "k":
      // The commonest form by far: one key with a plain word.
      if (/^k:\{"[A-Za-z]+":"[\w./-]*"\}$/.test(text)) return text;
      return `k:${goJson(parseKey(text))}`;
    case "v":
      return `v:${goJson(parseJson(text))}`;
    case "i":
      if (!/^i:[+-]?\d+$/.test(text)) throw new FieldPathError(`strconv.Atoi: parsing ${JSON.stringify(text.slice(2))}: invalid syntax`);
      return `i:${Number(text.slice(2))}`;
    default:
      return undefined;
  }
}

/** As a path shows it: `.name`, `[name="a"]`, `[="x"]`, `[3]`. The element must be canonical. */
export function showElement(element: string): string {
  switch (element.charAt(0)) {
    case "f":
      return `.${element.slice(2)}`;
    case "k": {
      const key = parseKey(element);
      return `[${Object.keys(key)
        .map((name) => `${name}=${showValue(key[name])}`)
        .join(",")}]`;
    }
    case "v":
      return `[=${showValue(parseJson(element))}]`;
    default:
      return `[${element.slice(2)}]`;
  }
}

function showValue(value: unknown): string {
  return typeof value === "object"
    ? value === null
      ? "null"
      : JSON.stringify(value)
    : typeof value === "string"
      ? JSON.stringify(value)
      : String(value);
}

const SORTS = ".fkvi";

/** Upstream's order: fields, keys, values, indexes; numbers by size, texts by code point. */
export function compareElements(a: string, b: string): number {
  if (a === b) return 0;
  const sort = a.charCodeAt(0);
  if (sort !== b.charCodeAt(0)) return SORTS.indexOf(a[0] ?? "") - SORTS.indexOf(b[0] ?? "");
  switch (a.charAt(0)) {
    case "k":
      return compareFirstText(a, b) || compareKeys(parseKey(a), parseKey(b));
    case "v":
      return compareValues(parseJson(a), parseJson(b));
    case "i":
      return Number(a.slice(2)) - Number(b.slice(2));
    default:
      return compareText(a, b);
  }
}

/** By code points, as Go compares UTF-8; JavaScript's own order differs above the surrogates. */
export function compareText(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left === right) continue;
    const leftHigh = left >= 0xd800 && left <= 0xdfff;
    return leftHigh !== (right >= 0xd800 && right <= 0xdfff) && left >= 0xd800 && right >= 0xd800 ? (leftHigh ? 1 : -1) : left - right;
  }
  return a.length - b.length;
}

/** Decides where both begin with the same key and its values are two plain texts, without parsing them; else 0. */
function compareFirstText(a: string, b: string): number {
  const start = a.indexOf('":"') + 3;
  if (start < 3 || !b.startsWith(a.slice(0, start))) return 0;
  const left = a.slice(start, a.indexOf('"', start));
  const right = b.slice(start, b.indexOf('"', start));
  return left.includes("\\") || right.includes("\\") ? 0 : compareText(left, right);
}

function compareKeys(a: JsonObject, b: JsonObject): number {
  const left = Object.keys(a);
  const right = Object.keys(b);
  for (let index = 0; index < left.length || index < right.length; index++) {
    const name = left[index];
    const other = right[index];
    if (name === undefined) return -1;
    if (other === undefined) return 1;
    const order = compareText(name, other) || compareValues(a[name], b[other]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers, texts, booleans, lists, objects, null. */
function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a);
  if (rank !== rankOf(b)) return rank - rankOf(b);
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (rank < 3) return Number(a) - Number(b);
  return compareText(goJson(a), goJson(b));
}

function rankOf(value: unknown): number {
  const rank = ["number", "string", "boolean"].indexOf(typeof value);
  return rank >= 0 ? rank : Array.isArray(value) ? 3 : value === null ? 5 : 4;
}

function parseJson(element: string): unknown {
  try {
    return JSON.parse(element.slice(2)) as unknown;
  } catch (error) {
    throw new FieldPathError(`parsing key as path element: ${element}`, { cause: error });
  }
}

/** The names in order. */
function parseKey(element: string): JsonObject {
  const key = parseJson(element);
  if (!isJsonObject(key)) throw new FieldPathError(`parsing key as path element: ${element}`);
  return key;
}

/** JSON as Go writes it: sorted names, no blanks, `<`, `>`, `&` and the line separators escaped. */
export function goJson(value: unknown): string {
  if (typeof value === "string") return goString(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  const fields = value as JsonObject; // no list, not null
  const names = Object.keys(fields).filter((name) => fields[name] !== undefined);
  return `{${names
    .sort(compareText)
    .map((name) => `${goString(name)}:${goJson(fields[name])}`)
    .join(",")}}`;
}

function goString(text: string): string {
  const json = JSON.stringify(text);
  return /[<>&\u2028\u2029]|\\[bf]/.test(json) ? json.replaceAll(/[<>&\u2028\u2029]|\\./g, escapeForGo) : json;
}

function escapeForGo(match: string): string {
  if (match === "\\b") return "\\u0008";
  if (match === "\\f") return "\\u000c";
  return match.startsWith("\\") ? match : `\\u${match.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
