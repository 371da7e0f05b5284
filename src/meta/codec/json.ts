// JSON as the API takes and gives it. Integers of 64 bits that no number holds exactly are bigints, so that they go out as they came in.

import { badRequest } from "../errors.ts";

export interface Decoded {
  readonly value: unknown;
  /** Paths of fields that occur more than once, such as `spec.replicas`, in order; the last one counts. Empty unless asked for. */
  readonly duplicateFields: readonly string[];
}

export interface DecodeOptions {
  /** Looks for fields that occur twice. */
  readonly findDuplicates?: boolean;
}

/**
 * Nesting that is let in. Upstream takes 10,000 levels; what walks objects here recurses, and no stack is that deep.
 */
const MAX_DEPTH = 1_000;

// Both keep nothing between calls.
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

/** Decodes a document; throws a 400 if it is no UTF-8, no JSON, or nested too deeply. */
export function decodeJson(bytes: Uint8Array, options: DecodeOptions = {}): Decoded {
  return decodeJsonText(decodeText(bytes), options);
}

export function decodeJsonText(text: string, options: DecodeOptions = {}): Decoded {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${syntaxText(text, error)}`);
  }
  // A document that is too deep has at least this many brackets.
  if (text.length > 2 * MAX_DEPTH && depthExceeds(text, MAX_DEPTH))
    throw badRequest("couldn't get version/kind; json parse error: exceeded max depth");
  return { value, duplicateFields: options.findDuplicates ? findDuplicates(text, value) : [] };
}

/** Decodes UTF-8; throws a 400 if it is not. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    throw badRequest("the body is not valid UTF-8");
  }
}

/** Encodes JSON data; fields that are undefined are left out. */
export function encodeJson(value: unknown): Uint8Array {
  return utf8Encoder.encode(stringifyJson(value));
}

/** 2^53 has 16 digits. What may stand before a number is rare in a text, so that most of it is passed over quickly. */
const LONG_NUMBER = /[:,[\s]-?\d{16}/;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** JSON.parse, but integers of 64 bits are exact: bigints where a number is not. Beyond 64 bits they are rounded, as in Go. */
export function parseJson(text: string): unknown {
  return LONG_NUMBER.test(text) || isNumber(text) ? JSON.parse(text, reviveInteger) : JSON.parse(text);
}

/** Whether the whole text is a number. */
function isNumber(text: string): boolean {
  const first = text.charCodeAt(0);
  return first === 0x2d || (first >= 0x30 && first <= 0x39);
}

function reviveInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  if (source === undefined || String(value) === source || !/^-?\d+$/.test(source)) return value;
  const exact = BigInt(source);
  return exact >= MIN_INT64 && exact <= MAX_INT64 ? exact : value;
}

/** JSON.stringify, but bigints are numbers. `indent` as there. */
export function stringifyJson(value: unknown, indent?: number): string {
  try {
    return JSON.stringify(value, undefined, indent);
  } catch (error) {
    // Bigints are rare: the way that cares for them is taken when there is one.
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, replaceBigint, indent);
  }
}

interface ExactJson extends JSON {
  /** Something that stringify writes as this text. */
  rawJSON(text: string): unknown;
}

function replaceBigint(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? (JSON as ExactJson).rawJSON(String(value)) : value; // the compiler's library has not heard of it
}

/** How the engine's messages begin, and Go's words for the same. */
const FAULTS: readonly (readonly [engine: string, go: string])[] = [
  ["Expected ',' or '}'", "after object key:value pair"],
  ["Expected ',' or ']'", "after array element"],
  ["Expected ':'", "after object key"],
  ["Expected property name", "looking for beginning of object key string"],
  ["Expected double-quoted property name", "looking for beginning of object key string"],
  ["Unexpected non-whitespace character after JSON", "after top-level value"],
  ["Bad control character", "in string literal"],
  ["Bad escaped character", "in string escape code"],
];

/** Go's words for the first word that only begins like `true`, `false` or `null`. */
function brokenLiteral(text: string): string | undefined {
  for (const [word] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[a-z]+./gsu)) {
    const literal = ["true", "false", "null"].find((one) => one.startsWith(word.charAt(0)));
    if (literal === undefined || word.startsWith(literal)) continue;
    const at = literal.split("").findIndex((character, index) => character !== word[index]);
    const wrong = String.fromCodePoint(word.codePointAt(at) ?? 0);
    return `invalid character '${wrong}' in literal ${literal} (expecting '${literal.charAt(at)}')`;
  }
  return undefined;
}

/** Go's words for what is wrong with a text. */
function syntaxText(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const position = Number(/at position (\d+)/.exec(message)?.[1] ?? Number.NaN);
  if (text.trim() === "" || position >= text.length || message.includes("end of JSON input") || message.startsWith("Unterminated"))
    return "unexpected end of JSON input";
  const character = Number.isNaN(position)
    ? /^Unexpected token '(.)'/su.exec(message)?.[1]
    : String.fromCodePoint(text.codePointAt(position) ?? 0);
  if (character === undefined) return message;
  const literal = message.startsWith("Unexpected ") ? brokenLiteral(text) : undefined;
  if (literal !== undefined) return literal;
  const [, words = "looking for beginning of value"] = FAULTS.find(([engine]) => message.startsWith(engine)) ?? [];
  return `invalid character ${quoteCharacter(character)} ${words}`;
}

function quoteCharacter(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  if (character === "\n") return "'\\n'";
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || code === 0x7f ? `'\\x${code.toString(16).padStart(2, "0")}'` : `'${character}'`;
}

function depthExceeds(text: string, limit: number): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x22: // "
        index = endOfString(text, index);
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > limit) return true;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
    }
  }
  return false;
}

/** The index of the quote that ends the string whose first quote is at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

function findDuplicates(text: string, value: unknown): string[] {
  // As many keys in the text as in the value: none is there twice. Quotes inside strings and spaces before colons make the
  // cheap count differ, and then the exact way decides.
  let keys = 0;
  for (let index = text.indexOf('":'); index >= 0; index = text.indexOf('":', index + 2)) keys++;
  return keys === countKeys(value) ? [] : scanDuplicates(text);
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    count++;
    const field = fields[key];
    if (typeof field === "object") count += countKeys(field);
  }
  return count;
}

/** Walks a text that is known to be valid JSON. */
function scanDuplicates(text: string): string[] {
  const found: string[] = [];
  interface Level {
    readonly path: string;
    /** Undefined in a list. */
    readonly keys: Set<string> | undefined;
    /** Of the member or item that is being read. */
    current: string;
    index: number;
    expectsKey: boolean;
  }
  const levels: Level[] = [];
  const enter = (list: boolean) => {
    const above = levels.at(-1);
    const path = above?.current ?? "";
    levels.push({ path, keys: list ? undefined : new Set(), current: list ? `${path}[0]` : path, index: 0, expectsKey: !list });
  };
  for (let index = 0; index < text.length; index++) {
    const level = levels.at(-1);
    switch (text.charAt(index)) {
      case '"': {
        const end = endOfString(text, index);
        if (level?.keys && level.expectsKey) {
          const key = String(JSON.parse(text.slice(index, end + 1)));
          level.current = level.path === "" ? key : `${level.path}.${key}`;
          level.expectsKey = false;
          if (level.keys.has(key)) found.push(level.current);
          level.keys.add(key);
        }
        index = end;
        break;
      }
      case "{":
      case "[":
        enter(text[index] === "[");
        break;
      case "}":
      case "]":
        levels.pop();
        break;
      case ",":
        if (level?.keys) level.expectsKey = true;
        else if (level) level.current = `${level.path}[${++level.index}]`;
        break;
    }
  }
  return [...new Set(found)];
}
