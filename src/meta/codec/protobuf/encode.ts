// JSON values as protobuf messages, byte for byte as upstream's generated code writes them: fields by number, map entries by key, and
// every field that is no pointer even if it is unset. Writers are made once per structure, when first needed.

import { canonicalQuantity } from "../../quantity.ts";
import type { Field, Schema } from "../../schema.ts";
import { stringifyJson } from "../json.ts";
import { JsonText } from "../unread-fields.ts";
import { specialMessage } from "./special-messages.ts";
import { BYTES, FIXED64, VARINT } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/** Encodes values of schemas that have protobuf numbers. It remembers what it worked out about each schema. */
export type MessageEncoder = (value: object, schema: Schema) => Uint8Array;

/** Writes a value with its length, without its tag. Undefined stands for the type's zero. */
type ValueWriter = (writer: WireWriter, value: unknown) => void;
type Fields = Readonly<Record<string, unknown>>;
/** Writes what an object's field holds, with its tag. */
type FieldWriter = (writer: WireWriter, object: Fields) => void;

const NOTHING: Fields = {};
/** Free data, where a table names no items. */
const ANY: Schema = { type: "any" };

export function createMessageEncoder(): MessageEncoder {
  const compiled = new WeakMap<object, readonly FieldWriter[]>();
  const shared = new WireWriter();

  /** The writers of an object's fields, last number first. */
  const fieldsOf = (schema: Schema): readonly FieldWriter[] => {
    const fields = schema.fields ?? NO_FIELDS;
    let writers = compiled.get(fields);
    if (!writers) {
      writers = layout(fields.values(), 0).map((part) => partWriter(part, schema));
      compiled.set(fields, writers);
    }
    return writers;
  };

  const messageWriter = (schema: Schema): ValueWriter => {
    let fields: readonly FieldWriter[] | undefined; // late: structures may be recursive
    return (writer, value) => {
      fields ??= fieldsOf(schema);
      const before = writer.size;
      writeFields(writer, fields, isObject(value) ? value : NOTHING);
      writer.varint(writer.size - before);
    };
  };

  const partWriter = (part: Part, owner: Schema): FieldWriter => {
    if ("field" in part) return fieldWriter(part.field, part.number, owner);
    const tag = part.number * 8 + BYTES;
    const inner = part.parts.map((each) => partWriter(each, owner));
    return (writer, object) => {
      const before = writer.size;
      writeFields(writer, inner, object);
      writer.varint(writer.size - before);
      writer.varint(tag);
    };
  };

  const fieldWriter = ({ name, schema, pointer }: Field, number: number, owner: Schema): FieldWriter => {
    if (schema.type === "map") return mapWriter(name, number, schema.items ?? ANY, owner);
    const isList = schema.type === "array" && schema.name === undefined;
    const type = isList ? (schema.items ?? ANY) : schema;
    const write = valueWriter(type, owner);
    const tag = number * 8 + wireOf(type);
    if (isList) {
      return (writer, object) => {
        const list = object[name];
        if (!Array.isArray(list)) return;
        for (let index = list.length - 1; index >= 0; index--) {
          write(writer, list[index] ?? undefined);
          writer.varint(tag);
        }
      };
    }
    // Bytes and lists can be nil without a pointer.
    const optional = pointer === true || schema.format === "byte" || schema.type === "array";
    return (writer, object) => {
      const value = object[name] ?? undefined;
      if (value === undefined && optional) return;
      write(writer, value);
      writer.varint(tag);
    };
  };

  const mapWriter = (name: string, number: number, items: Schema, owner: Schema): FieldWriter => {
    const tag = number * 8 + BYTES;
    const write = valueWriter(items, owner);
    const valueTag = 2 * 8 + wireOf(items);
    return (writer, object) => {
      const map = object[name];
      if (!isObject(map)) return;
      const keys = Object.keys(map);
      if (keys.length > 1) keys.sort();
      for (let index = keys.length - 1; index >= 0; index--) {
        const key = keys[index] ?? "";
        const before = writer.size;
        const value = map[key] ?? undefined;
        if (value !== undefined || items.format !== "byte") {
          write(writer, value);
          writer.varint(valueTag);
        }
        writer.text(key);
        writer.byte(1 * 8 + BYTES);
        writer.varint(writer.size - before);
        writer.varint(tag);
      }
    };
  };

  const valueWriter = (schema: Schema, owner: Schema): ValueWriter => {
    switch (schema.type) {
      case "boolean":
        return (writer, value) => writer.byte(value === true ? 1 : 0);
      case "integer":
        return (writer, value) => writer.integer(typeof value === "number" || typeof value === "bigint" ? value : 0);
      case "number":
        return (writer, value) => writer.double(Number(value ?? 0));
      case "string":
        return textWriter(schema.format);
      case "intOrString":
        return writeIntOrString;
      case "object":
        return messageWriter(schema);
      case "any":
        return anyWriter(schema, owner);
      case "array": {
        // A list that travels in a message of its own.
        const write = fieldWriter({ name: "items", required: false, schema: { type: "array", items: schema.items ?? ANY } }, 1, owner);
        return (writer, value) => {
          const before = writer.size;
          write(writer, { items: value });
          writer.varint(writer.size - before);
        };
      }
      case "map":
        throw new TypeError("protobuf has no maps inside lists and maps");
    }
  };

  const anyWriter = (schema: Schema, owner: Schema): ValueWriter => {
    const kind = specialMessage(schema.name);
    if (kind === "raw") return writeRaw;
    const write = messageWriter(owner);
    const schemaTag = (kind === "schemaOrBool" ? 2 : 1) * 8 + BYTES;
    return (writer, value) => {
      const before = writer.size;
      if (Array.isArray(value)) {
        for (let index = value.length - 1; index >= 0; index--) {
          if (kind === "schemaOrStringArray") writer.text(String(value[index]));
          else write(writer, value[index]);
          writer.byte(2 * 8 + BYTES);
        }
      } else {
        if (isObject(value)) {
          write(writer, value);
          writer.byte(schemaTag);
        }
        if (kind === "schemaOrBool") {
          writer.byte(value === false || value === undefined ? 0 : 1);
          writer.byte(1 * 8 + VARINT);
        }
      }
      writer.varint(writer.size - before);
    };
  };

  return (value, schema) => {
    try {
      writeFields(shared, fieldsOf(schema), value as Fields); // any object's fields
      return shared.take();
    } finally {
      shared.reset();
    }
  };
}

/** What stands at one number of a message: a field, or a message that JSON has inline. */
type Part = { readonly number: number; readonly field: Field } | { readonly number: number; readonly parts: readonly Part[] };

const NO_FIELDS: ReadonlyMap<string, Field> = new Map();

/** The parts of the message at `depth` of the fields' embedding, last number first. */
function layout(fields: Iterable<Field>, depth: number): Part[] {
  const parts: Part[] = [];
  const embedded = new Map<number, Field[]>();
  for (const field of fields) {
    if (field.protoNumber === undefined) continue;
    const around = field.protoEmbed?.[depth];
    if (around === undefined) parts.push({ number: field.protoNumber, field });
    else {
      const inner = embedded.get(around);
      if (inner) inner.push(field);
      else embedded.set(around, [field]);
    }
  }
  for (const [number, inner] of embedded) parts.push({ number, parts: layout(inner, depth + 1) });
  return parts.sort((a, b) => b.number - a.number);
}

function writeFields(writer: WireWriter, fields: readonly FieldWriter[], object: Fields): void {
  for (const write of fields) write(writer, object);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wireOf(schema: Schema): number {
  if (schema.type === "integer" || schema.type === "boolean") return VARINT;
  return schema.type === "number" ? FIXED64 : BYTES;
}

function textWriter(format: string | undefined): ValueWriter {
  switch (format ?? "") {
    case "byte":
      return writeBase64;
    case "quantity":
      return writeQuantity;
    case "date-time":
      return (writer, value) => writeTime(writer, value, false);
    case "date-time-micro":
      return (writer, value) => writeTime(writer, value, true);
    default:
      return (writer, value) => writer.text(typeof value === "string" ? value : String(value ?? ""));
  }
}

function writeBase64(writer: WireWriter, value: unknown): void {
  const bytes = Uint8Array.fromBase64(typeof value === "string" ? value : "");
  writer.bytes(bytes);
  writer.varint(bytes.length);
}

function writeQuantity(writer: WireWriter, value: unknown): void {
  const before = writer.size;
  writer.text(typeof value === "string" || typeof value === "number" ? canonicalQuantity(value) : "0");
  writer.byte(1 * 8 + BYTES);
  writer.varint(writer.size - before);
}

/** Seconds and nanoseconds; no time at all is an empty message. */
function writeTime(writer: WireWriter, value: unknown, micro: boolean): void {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (typeof value !== "string" || Number.isNaN(ms)) {
    writer.byte(0);
    return;
  }
  const before = writer.size;
  // Of plain times only whole seconds count, on every way out of upstream's server.
  writer.integer(micro ? Number((/\.(\d+)/.exec(value)?.[1] ?? "").slice(0, 6).padEnd(6, "0")) * 1000 : 0);
  writer.byte(2 * 8 + VARINT);
  writer.integer(Math.floor(ms / 1000));
  writer.byte(1 * 8 + VARINT);
  writer.varint(writer.size - before);
}

function writeIntOrString(writer: WireWriter, value: unknown): void {
  const before = writer.size;
  const isText = typeof value === "string";
  writer.text(isText ? value : "");
  writer.byte(3 * 8 + BYTES);
  writer.integer(typeof value === "number" ? value : 0);
  writer.byte(2 * 8 + VARINT);
  writer.byte(isText ? 1 : 0);
  writer.byte(1 * 8 + VARINT);
  writer.varint(writer.size - before);
}

function writeRaw(writer: WireWriter, value: unknown): void {
  const before = writer.size;
  if (value !== undefined) {
    writer.text(value instanceof JsonText ? value.text : stringifyJson(value));
    writer.byte(1 * 8 + BYTES);
  }
  writer.varint(writer.size - before);
}
