// Makes decoded JSON an object of its kind, as decoding into a Go type does: fields that the kind does not have are found
// and dropped, wrong types are found, null is absent, zeros that mean unset are left out, quantities and times take their
// canonical form. One walk, on every write.

import { setField, type JsonObject } from "#lib/own-field.ts";
import { badRequest, quote, type ApiError } from "./errors.ts";
import { goJsonForm } from "./go-format.ts";
import { canonicalQuantity } from "./quantity.ts";
import type { Field, Schema } from "./schema.ts";
import { canonicalMicroTime, canonicalTime } from "./time.ts";

export interface StructureReport {
  /** Paths such as `spec.containers[0].foo`, in the document's order. They are no longer in the value. */
  readonly unknownFields: readonly string[];
  /** What Go's decoder would say, in the document's order; upstream reports the first. Such fields are no longer in the value. */
  readonly typeErrors: readonly string[];
}

const NOTHING_WRONG: StructureReport = { unknownFields: [], typeErrors: [] };

/**
 * Checks and changes `value`, which must be decoded JSON that nobody else holds. `words`: how wrong types are told, as upstream's decoder of JSON does
 * or as its conversion of what a strategic merge made.
 */
export function checkStructure(value: unknown, schema: Schema, words: "decoding" | "conversion" = "decoding"): StructureReport {
  const walk = new Walk(words === "conversion");
  walk.check(value, schema);
  return walk.report;
}

/** The 400 for an object that could not be decoded: `Pod in version "v1" cannot be handled as a Pod: ...`. */
export function cannotHandle(kind: { readonly kind: string; readonly version: string }, cause: string): ApiError {
  return badRequest(`${kind.kind} in version ${quote(kind.version)} cannot be handled as a ${kind.kind}: ${cause}`);
}

/** What strict validation says, each also the text of a warning; `strictDecodingText` joins them. */
export function strictProblems(unknownFields: readonly string[], duplicateFields: readonly string[]): string[] {
  return [
    ...unknownFields.map((path) => `unknown field ${quote(path)}`),
    ...duplicateFields.map((path) => `duplicate field ${quote(path)}`),
  ];
}

export function strictDecodingText(problems: readonly string[]): string {
  return `strict decoding error: ${problems.join(", ")}`;
}

/** A step of a path that is a key of a map; steps that are fields are strings, those that are list indexes numbers. */
interface MapKey {
  readonly key: string;
}

class Walk {
  readonly #converts: boolean;
  readonly #path: (string | number | MapKey)[] = [];
  readonly #structs: Schema[] = [];
  #unknownFields: string[] | undefined;
  #typeErrors: string[] | undefined;

  constructor(converts: boolean) {
    this.#converts = converts;
  }

  get report(): StructureReport {
    if (!this.#unknownFields && !this.#typeErrors) return NOTHING_WRONG;
    return { unknownFields: this.#unknownFields ?? [], typeErrors: this.#typeErrors ?? [] };
  }

  /** The value to keep; undefined if it has to go. Never called with null. */
  check(value: unknown, schema: Schema): unknown {
    switch (schema.type) {
      case "string":
        return schema.format === undefined && typeof value === "string" ? value : this.#checkString(value, schema);
      case "object":
        return this.#checkObject(value, schema);
      case "array":
        return this.#checkList(value, schema);
      case "map":
        return this.#checkMap(value, schema);
      case "integer":
        // What no number holds exactly; it is an integer of 64 bits.
        if (typeof value === "bigint") return schema.format === "int32" ? this.#mismatch(value, schema, `number ${value}`) : value;
        if (typeof value !== "number") return this.#mismatch(value, schema);
        if (!Number.isInteger(value) || (schema.format === "int32" ? value !== (value | 0) : value >= 2 ** 63 || value < -(2 ** 63))) {
          return this.#mismatch(value, schema, `number ${value}`);
        }
        return value;
      case "number":
        if (typeof value === "bigint") return Number(value);
        if (typeof value !== "number") return this.#mismatch(value, schema);
        return Number.isFinite(value) ? value : this.#mismatch(value, schema, `number ${value}`);
      case "boolean":
        return typeof value === "boolean" ? value : this.#mismatch(value, schema);
      case "intOrString":
        if (typeof value === "string" || (typeof value === "number" && value === (value | 0))) return value;
        return this.#fail(
          `json: cannot unmarshal ${typeof value === "number" ? `number ${value}` : goJsonForm(value)} into Go value of type int32`,
        );
      case "any":
        return value;
    }
  }

  #checkObject(value: unknown, schema: Schema): unknown {
    if (!isObject(value)) return this.#mismatch(value, schema);
    const fields = schema.fields;
    if (fields === undefined) return value;
    const path = this.#path;
    this.#structs.push(schema);
    for (const name in value) {
      const field = fields.get(name);
      const found = value[name];
      if (field === undefined) {
        if (schema.preserveUnknownFields) continue;
        path.push(name);
        (this.#unknownFields ??= []).push(this.#showPath());
        path.pop();
        delete value[name];
      } else if (found === null) delete value[name];
      else {
        const type = field.schema;
        // The commonest case, without the bookkeeping.
        if (type.type === "string" && typeof found === "string" && found !== "" && type.format === undefined) continue;
        path.push(name);
        const kept = this.check(found, type);
        path.pop();
        if (kept === undefined || (isZero(kept, type) && dropsZero(field))) delete value[name];
        else if (kept !== found) value[name] = kept;
      }
    }
    this.#structs.pop();
    return value;
  }

  #checkList(value: unknown, schema: Schema): unknown {
    if (!Array.isArray(value)) return this.#mismatch(value, schema);
    const items = schema.items;
    if (items === undefined || items.type === "any") return value;
    const list: unknown[] = value;
    for (let index = 0; index < list.length; index++) {
      const found = list[index];
      this.#path.push(index);
      const kept = found === null ? zeroOf(items) : this.check(found, items);
      this.#path.pop();
      if (kept !== found) list[index] = kept === undefined ? zeroOf(items) : kept;
    }
    return value;
  }

  #checkMap(value: unknown, schema: Schema): unknown {
    if (!isObject(value)) return this.#mismatch(value, schema);
    const items = schema.items;
    if (items === undefined || items.type === "any") return value;
    const plain = items.type === "string" && items.format === undefined;
    for (const key in value) {
      const found = value[key];
      if (plain && typeof found === "string") continue;
      this.#path.push({ key });
      const kept = found === null ? zeroOf(items) : this.check(found, items);
      this.#path.pop();
      if (kept === undefined) delete value[key];
      else if (kept !== found) setField(value, key, kept);
    }
    return value;
  }

  #checkString(value: unknown, schema: Schema): unknown {
    switch (schema.format ?? "") {
      case "quantity":
        try {
          return canonicalQuantity(typeof value === "string" || typeof value === "number" ? value : String(value));
        } catch (error) {
          return this.#fail(error instanceof Error ? error.message : String(error));
        }
      case "date-time":
      case "date-time-micro": {
        if (typeof value !== "string") return this.#fail(`json: cannot unmarshal ${goJsonForm(value)} into Go value of type string`);
        const micro = schema.format === "date-time-micro";
        const time = micro ? canonicalMicroTime(value) : canonicalTime(value);
        if (time !== undefined) return time;
        const layout = micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
        return this.#fail(`parsing time ${quote(value)} as ${quote(layout)}: cannot parse ${quote(value)} as "2006"`);
      }
      case "byte": {
        if (typeof value !== "string") return this.#mismatch(value, schema);
        const wrong = base64Fault(value);
        return wrong === undefined ? value : this.#fail(`illegal base64 data at input byte ${wrong}`);
      }
      default:
        return typeof value === "string" ? value : this.#mismatch(value, schema);
    }
  }

  /** Always undefined: the value has to go. */
  #mismatch(value: unknown, schema: Schema, form = goJsonForm(value)): undefined {
    if (this.#converts) return this.#fail(conversionFault(value, schema));
    const struct = this.#structs.at(-1);
    // Go's path has fields only, without indexes and keys.
    const fields = this.#path.filter((step) => typeof step === "string").join(".");
    const target = struct === undefined || fields === "" ? "Go value" : `Go struct field ${shortName(struct.name)}.${fields}`;
    return this.#fail(`json: cannot unmarshal ${form} into ${target} of type ${goType(schema)}`);
  }

  #fail(text: string): undefined {
    (this.#typeErrors ??= []).push(text);
    return undefined;
  }

  #showPath(): string {
    let text = "";
    for (const step of this.#path) {
      if (typeof step === "number") text += `[${step}]`;
      else text += (text === "" ? "" : ".") + (typeof step === "string" ? step : step.key);
    }
    return text;
  }
}

/** What Go leaves out where `omitempty` says so: structs, quantities and times are never empty to it. */
function isZero(value: unknown, { type, format }: Schema): boolean {
  switch (type) {
    case "string":
      return value === "" && (format === undefined || format === "byte");
    case "integer":
    case "number":
      return value === 0;
    case "boolean":
      return value === false;
    case "array":
      return (value as readonly unknown[]).length === 0; // the walk has checked it
    case "map": {
      for (const _ in value as object) return false; // likewise
      return true;
    }
    case "object":
    case "intOrString":
    case "any":
      return false;
  }
}

/** Whether upstream's JSON leaves the field out when it is zero, so that zero is unset. Custom resources keep what they are given. */
function dropsZero(field: Field): boolean {
  return field.protoNumber !== undefined && !field.pointer && !(field.zero ?? field.required);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What Go puts where a list or a map holds null; undefined where that is best left out. */
function zeroOf(schema: Schema): unknown {
  switch (schema.type) {
    case "string":
      return schema.format === undefined ? "" : undefined;
    case "integer":
    case "number":
    case "intOrString":
      return 0;
    case "boolean":
      return false;
    case "object":
      return {};
    case "array":
    case "map":
    case "any":
      return null;
  }
}

/** `v1.Container`, `[]v1.Container`, `map[string]string`, `int32`. */
function conversionFault(value: unknown, schema: Schema): string {
  const form = typeof value === "object" ? (Array.isArray(value) ? "slice" : "map") : scalarType(value);
  if (schema.type === "map") return `cannot restore map from ${form}`;
  if (schema.type === "array" || schema.format === "byte") return `cannot restore slice from ${form}`;
  if (schema.type === "object") return `cannot restore struct from: ${form}`;
  const type = form === "slice" ? "[]interface {}" : form === "map" ? "map[string]interface {}" : form;
  return `cannot convert ${type} to ${goType(schema)}`;
}

function scalarType(value: unknown): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  return typeof value === "bigint" || Number.isInteger(value) ? "int64" : "float64";
}

function goType(schema: Schema): string {
  switch (schema.type) {
    case "array":
      return `[]${schema.items ? goType(schema.items) : "interface {}"}`;
    case "map":
      return `map[string]${schema.items ? goType(schema.items) : "interface {}"}`;
    case "integer":
      return schema.format ?? "int64";
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    case "string":
      return schema.format === "byte" ? "[]uint8" : schema.name === undefined ? "string" : qualifiedType(schema.name);
    case "object":
      return schema.name === undefined ? "map[string]interface {}" : qualifiedType(schema.name);
    case "intOrString":
      return "intstr.IntOrString";
    case "any":
      return "interface {}";
  }
}

/** `io.k8s.api.core.v1.Container` is `v1.Container` to Go. */
function qualifiedType(name: string): string {
  return name.split(".").slice(-2).join(".");
}

function shortName(name: string | undefined): string {
  return name?.slice(name.lastIndexOf(".") + 1) ?? "";
}

/** The index of the first byte that standard base64 cannot have; undefined if the text is sound. Line breaks are let through. */
function base64Fault(text: string): number | undefined {
  const sound = /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/.test(text);
  if (sound) {
    const breaks = text.includes("\n") || text.includes("\r") ? (text.match(/[\r\n]/g)?.length ?? 0) : 0;
    return (text.length - breaks) % 4 === 0 ? undefined : text.length;
  }
  const fault = text.search(/[^A-Za-z0-9+/\r\n]/);
  return fault < 0 ? text.length : fault;
}
