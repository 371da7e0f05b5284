// YAML as kubectl and the API server read it: YAML 1.1 scalars as Go's yaml.v2 resolves them, made into JSON data. The library is
// loaded at first use, since JSON is what nearly all clients send.

import { badRequest } from "../errors.ts";
import { decodeText, parseJson, type Decoded, type DecodeOptions } from "./json.ts";

type Library = typeof import("js-yaml");

/** How many values aliases may unfold to; past that a small document could fill the memory. */
const MAX_UNFOLDED = 1_000_000;
const MAX_DEPTH = 1_000;

/** Decodes one document (none: null); throws a 400 if it is no UTF-8 or no YAML. */
export async function decodeYaml(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Decoded> {
  const text = decodeText(bytes);
  const library = await import("js-yaml");
  try {
    const value = unfold(text, library.load(text, loadOptions(library, !options.findDuplicates)));
    return { value, duplicateFields: [] };
  } catch (error) {
    const duplicate = duplicateKey(error);
    if (duplicate === undefined) throw yamlError(error);
    // The last one counts, as in JSON.
    return { value: unfold(text, library.load(text, loadOptions(library, true))), duplicateFields: [duplicate] };
  }
}

/** A key that a mapping has again: its line, from 1. */
export interface RepeatedKey {
  readonly key: string;
  readonly line: number;
}

/** All keys that occur again in their mappings, in the order of the text. None in what is no YAML. */
export async function repeatedKeys(text: string): Promise<RepeatedKey[]> {
  const { EVENT_ID, getScalarValue, parseEvents } = await import("js-yaml");
  const found: RepeatedKey[] = [];
  /** The collections that are open; of a mapping the keys so far, and whether a key comes next. */
  const open: { readonly keys: Set<string> | undefined; isKey: boolean }[] = [];
  let [line, position] = [1, 0];
  const lineAt = (index: number) => {
    for (; position < index; position++) if (text[position] === "\n") line++;
    return line;
  };
  for (const event of parseEvents(text, { maxDepth: MAX_DEPTH })) {
    if (event.type === EVENT_ID.POP) {
      open.pop();
      continue;
    }
    const parent = open.at(-1);
    if (parent?.keys && parent.isKey && event.type === EVENT_ID.SCALAR) {
      const key = getScalarValue(text, event);
      if (parent.keys.has(key)) found.push({ key, line: lineAt(event.valueStart) });
      parent.keys.add(key);
    }
    if (parent) parent.isKey = !parent.isKey;
    if (event.type === EVENT_ID.MAPPING) open.push({ keys: new Set(), isKey: true });
    else if (event.type !== EVENT_ID.SCALAR && event.type !== EVENT_ID.ALIAS) open.push({ keys: undefined, isKey: false });
  }
  return found;
}

/** Decodes all documents of a text, without the empty ones; throws a 400. */
export async function decodeYamlDocuments(text: string): Promise<unknown[]> {
  const library = await import("js-yaml");
  try {
    const documents = library.loadAll(text, loadOptions(library, true));
    return documents.map((document) => unfold(text, document)).filter((document) => document !== null && document !== undefined);
  } catch (error) {
    throw yamlError(error);
  }
}

/** Encodes JSON data as upstream prints it: sorted keys, lists not indented. Fields that are undefined are left out. */
export async function encodeYaml(value: unknown): Promise<string> {
  const library = await import("js-yaml");
  return library.dump(value, {
    schema: schemaOf(library),
    sortKeys: true,
    seqNoIndent: true,
    noRefs: true,
    lineWidth: -1,
    skipInvalid: true,
    quoteStyle: "double",
  });
}

function loadOptions(library: Library, allowDuplicates: boolean) {
  return { schema: schemaOf(library), json: allowDuplicates, maxDepth: MAX_DEPTH };
}

const PREFIX = "tag:yaml.org,2002:";
const TRUE = new Set(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]);
const FALSE = new Set(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]);
const NULL = new Set(["", "~", "null", "Null", "NULL"]);
const TIMESTAMP = /^\d{4}-\d\d?-\d\d?(?:[Tt\s]\s*\d\d?:\d\d:\d\d(?:\.\d*)?\s*(?:Z|[-+]\d\d?(?::\d\d)?)?)?$/;
const DIGITS = "0123456789+-".split("");

function schemaOf(library: Library) {
  const { defineScalarTag } = library;
  return new library.Schema([
    library.strTag,
    library.seqTag,
    library.mapTag,
    library.mergeTag,
    defineScalarTag<null>(`${PREFIX}null`, {
      implicit: true,
      implicitFirstChars: ["", "~", "n", "N"],
      resolve: (source) => (NULL.has(source) ? null : library.NOT_RESOLVED),
      identify: (data) => data === null,
      represent: () => "null",
    }),
    defineScalarTag<boolean>(`${PREFIX}bool`, {
      implicit: true,
      implicitFirstChars: "yYnNtTfFoO".split(""),
      resolve: (source) => TRUE.has(source) || (FALSE.has(source) ? false : library.NOT_RESOLVED),
      identify: (data) => typeof data === "boolean",
    }),
    defineScalarTag<number | bigint>(`${PREFIX}int`, {
      implicit: true,
      implicitFirstChars: DIGITS,
      resolve: (source) => parseInteger(source) ?? library.NOT_RESOLVED,
      // From 1e21 on numbers print with an exponent, which is a float's form.
      identify: (data) => typeof data === "bigint" || (Number.isInteger(data) && Math.abs(Number(data)) < 1e21),
    }),
    defineScalarTag<number>(`${PREFIX}float`, {
      implicit: true,
      implicitFirstChars: [...DIGITS, "."],
      resolve: (source) => parseFloating(source) ?? library.NOT_RESOLVED,
      identify: (data) => typeof data === "number",
    }),
    defineScalarTag<string>(`${PREFIX}binary`, {
      resolve: (source) => decodeBinary(source) ?? library.NOT_RESOLVED,
      identify: () => false,
    }),
    // Dates are text in JSON. That they could be something else makes them quoted when they are written.
    defineScalarTag<string>(`${PREFIX}timestamp`, {
      implicit: true,
      implicitFirstChars: "0123456789".split(""),
      resolve: (source) => (TIMESTAMP.test(source) ? source : library.NOT_RESOLVED),
      identify: () => false,
    }),
  ]);
}

/** Decimal, 0x, 0o, 0b, or octal with a leading 0; underscores between digits do not count. */
function parseInteger(source: string): number | bigint | undefined {
  const parts = /^([-+]?)(?:0[xX]([\da-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/.exec(source.replaceAll("_", ""));
  if (parts === null || source.startsWith("_")) return undefined;
  const [, sign, hex, binary, octal, decimal = ""] = parts;
  let value = Number(decimal);
  if (hex !== undefined) value = Number.parseInt(hex, 16);
  else if (binary !== undefined) value = Number.parseInt(binary, 2);
  else if (octal !== undefined) value = Number.parseInt(octal, 8);
  if (Number.isSafeInteger(value) || hex !== undefined || binary !== undefined || octal !== undefined) return sign === "-" ? -value : value;
  const exact = parseJson(`${sign === "-" ? "-" : ""}${decimal}`);
  return typeof exact === "bigint" ? exact : sign === "-" ? -value : value;
}

function parseFloating(source: string): number | undefined {
  const plain = source.replaceAll("_", "");
  if (source.startsWith("_") || !/^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : undefined;
}

function decodeBinary(source: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(source.replaceAll(/\s/g, "")), (character) => character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** A copy in which nothing is shared, where aliases share values; bounded, since aliases of aliases multiply. */
function unfold(text: string, value: unknown): unknown {
  if (!text.includes("*")) return value;
  let left = MAX_UNFOLDED;
  const copy = (node: unknown, depth: number): unknown => {
    // An alias inside what it stands for never ends.
    if (--left < 0 || depth > MAX_DEPTH) throw badRequest("error converting YAML to JSON: yaml: document contains excessive aliasing");
    if (typeof node !== "object" || node === null) return node;
    if (Array.isArray(node)) return node.map((item) => copy(item, depth + 1));
    return Object.fromEntries(Object.entries(node).map(([key, field]) => [key, copy(field, depth + 1)]));
  };
  return copy(value, 0);
}

/** The key that a "duplicated mapping key" failure is about. */
function duplicateKey(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("reason" in error) || error.reason !== "duplicated mapping key") return undefined;
  const mark = "mark" in error ? (error.mark as { readonly buffer: string; readonly position: number } | undefined) : undefined; // the library's form
  const rest = mark?.buffer.slice(mark.position) ?? "";
  return /^["']?([^"':\n]+)/.exec(rest)?.[1]?.trim() ?? "";
}

function yamlError(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "YAMLException" || !("reason" in error)) return error;
  const line = "mark" in error ? (error.mark as { readonly line: number } | undefined)?.line : undefined; // the library's form
  const place = line === undefined ? "" : `line ${line + 1}: `;
  return badRequest(`error converting YAML to JSON: yaml: ${place}${String(error.reason)}`);
}
