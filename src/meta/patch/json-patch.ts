// JSON patch (RFC 6902), with the leniency and the texts of the library that upstream uses.

import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import type { Mutable } from "#lib/mutable.ts";
import { getField, isJsonObject, setField, type JsonObject } from "#lib/own-field.ts";
import { badRequest, requestEntityTooLarge } from "../errors.ts";
import { goJsonForm } from "../go-format.ts";
import { unprocessablePatch } from "./patch-errors.ts";

const MAX_OPERATIONS = 10_000;
/** What all `copy` operations of a patch may add, in characters of JSON: without a bound they could double the document each time. */
const MAX_COPIED = 3 * 1024 * 1024;

interface Operation {
  readonly op: string;
  readonly path: string | undefined;
  readonly from: string | undefined;
  /** Null where the operation has none. */
  readonly value: unknown;
}

/**
 * The patched document; neither argument is changed. Throws 400 for what is no patch, 413 for more than 10,000 operations,
 * 422 for an operation that fails.
 */
export function applyJsonPatch<T>(document: T, operations: unknown): Mutable<T> {
  const parsed = parseOperations(operations);
  const state: State = { root: clone(document), copied: 0 };
  for (const operation of parsed) apply(state, operation);
  return state.root as Mutable<T>; // what a patch makes of the document; the caller decodes it anew
}

interface State {
  root: unknown;
  copied: number;
}

function parseOperations(operations: unknown): Operation[] {
  const wrongType = (value: unknown, type: string) =>
    badRequest(`error decoding patch: json: cannot unmarshal ${goJsonForm(value)} into Go ${type}`);
  if (!Array.isArray(operations)) throw wrongType(operations, "value of type []handlers.jsonPatchOp");
  if (operations.length > MAX_OPERATIONS) {
    throw requestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${operations.length}`);
  }
  return operations.map((operation: unknown) => {
    if (!isJsonObject(operation)) throw wrongType(operation, "value of type handlers.jsonPatchOp");
    const text = (name: string): string | undefined => {
      const value = getField(operation, name) ?? undefined;
      if (value !== undefined && typeof value !== "string") throw wrongType(value, `struct field jsonPatchOp.${name} of type string`);
      return value;
    };
    return { op: text("op") ?? "unknown", path: text("path"), from: text("from"), value: getField(operation, "value") ?? null };
  });
}

function apply(state: State, operation: Operation): void {
  const { op } = operation;
  switch (op) {
    case "add":
      return add(state, pathOf(operation), clone(operation.value), op);
    case "remove":
      return remove(locate(state, pathOf(operation), `remove operation does not apply: doc is missing path: "${operation.path}"`));
    case "replace": {
      const path = pathOf(operation);
      if (path === "") {
        state.root = clone(operation.value);
        return;
      }
      const place = locate(state, path, `replace operation does not apply: doc is missing path: ${path}`);
      if (read(place) === undefined)
        throw unprocessablePatch(`replace operation does not apply: doc is missing key: ${path}: missing value`);
      return write(place, clone(operation.value));
    }
    case "test": {
      const path = pathOf(operation);
      const found = path === "" ? state.root : read(locate(state, path, `test operation does not apply: is missing path: ${path}`));
      // A field that is missing equals null.
      if (!equal(found ?? null, operation.value)) throw unprocessablePatch(`testing value ${path} failed: test failed`);
      return;
    }
    case "move": {
      const from = fromOf(operation);
      const place = locate(state, from, `move operation does not apply: doc is missing from path: ${from}`);
      const value = read(place);
      remove(place);
      return add(state, pathOf(operation), value, op);
    }
    case "copy": {
      const from = fromOf(operation);
      const value = read(locate(state, from, `copy operation does not apply: doc is missing from path: ${from}`)) ?? null;
      state.copied += JSON.stringify(value).length;
      if (state.copied > MAX_COPIED) {
        const sizes = `the accumulated size increase of copy is ${state.copied}, exceeding the limit ${MAX_COPIED}`;
        throw unprocessablePatch(`Unable to complete the copy, ${sizes}`);
      }
      return add(state, pathOf(operation), clone(value), op);
    }
    default:
      throw unprocessablePatch(`Unexpected kind: ${op}`);
  }
}

function pathOf({ op, path }: Operation): string {
  if (path === undefined) throw unprocessablePatch(`${op} operation failed to decode path: missing value`);
  return path;
}

function fromOf({ op, from }: Operation): string {
  if (from === undefined) throw unprocessablePatch(`${op} operation failed to decode from: operation, missing from field: missing value`);
  return from;
}

/** Where a path points: a field of an object or an item of a list, which need not exist. */
interface Place {
  readonly container: JsonObject | unknown[];
  readonly key: string;
  readonly path: string;
}

function locate(state: State, path: string, missing: string): Place {
  const parts = path.split("/");
  const key = parts.pop();
  if (key === undefined || parts.length === 0) throw unprocessablePatch(`${missing}: missing value`);
  let container: unknown = state.root;
  for (const part of parts.slice(1)) {
    container = isContainer(container) ? read({ container, key: unescape(part), path }) : undefined;
  }
  if (!isContainer(container)) throw unprocessablePatch(`${missing}: missing value`);
  return { container, key: unescape(key), path };
}

function isContainer(value: unknown): value is JsonObject | unknown[] {
  return typeof value === "object" && value !== null;
}

function read({ container, key }: Place): unknown {
  if (!Array.isArray(container)) return getField(container, key);
  const index = parseIndex(key, container.length);
  if (index === undefined || index >= container.length) throw unprocessablePatch(indexText(key));
  return container[index];
}

function write({ container, key }: Place, value: unknown): void {
  if (Array.isArray(container)) container[parseIndex(key, container.length) ?? container.length] = value;
  else setField(container, key, value);
}

function add(state: State, path: string, value: unknown, op: string): void {
  if (path === "" && op !== "move") {
    state.root = value;
    return;
  }
  const missing = op === "add" ? `doc is missing path: "${path}"` : `doc is missing destination path: ${path}`;
  const { container, key } = locate(state, path, `${op} operation does not apply: ${missing}`);
  if (!Array.isArray(container)) return setField(container, key, value);
  // A negative index counts from behind the new end: -1 appends, as "-" does.
  const index = key === "-" ? container.length : parseIndex(key, container.length + 1);
  if (index === undefined || index > container.length) throw unprocessablePatch(`error in add for path: '${path}': ${indexText(key)}`);
  container.splice(index, 0, value);
}

function remove({ container, key, path }: Place): void {
  const fail = (cause: string) => unprocessablePatch(`error in remove for path: '${path}': ${cause}`);
  if (Array.isArray(container)) {
    const index = parseIndex(key, container.length);
    if (index === undefined || index >= container.length) throw fail(indexText(key));
    container.splice(index, 1);
  } else if (!Object.hasOwn(container, key)) throw fail(`Unable to remove nonexistent key: ${key}: missing value`);
  else delete container[key];
}

/** A list index; negative ones count from the end. Undefined if it is no number or lies before the start. */
function parseIndex(key: string, length: number): number | undefined {
  if (!/^[+-]?\d{1,9}$/.test(key)) return undefined;
  const index = Number(key);
  if (index >= 0) return index;
  return index < -length ? undefined : index + length;
}

function indexText(key: string): string {
  return /^[+-]?\d+$/.test(key)
    ? `Unable to access invalid index: ${key}: invalid index referenced`
    : `strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`;
}

function unescape(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
