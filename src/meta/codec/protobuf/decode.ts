// Protobuf messages as JSON values, in the form Go's JSON gives them: zeros of fields that are no pointers count as unset.

import { setField } from "#lib/own-field.ts";
import { badRequest } from "../../errors.ts";
import type { Field, Schema } from "../../schema.ts";
import { canonicalQuantity } from "../../quantity.ts";
import { parseJson } from "../json.ts";
import { specialMessage, type SpecialMessage } from "./special-messages.ts";
import { BYTES, FIXED64, VARINT, WireReader } from "./wire-reader.ts";

/** Decodes messages of schemas that have protobuf numbers. It remembers what it worked out about each schema. */
export type MessageDecoder = (raw: Uint8Array, schema: Schema) => Record<string, unknown>;

/** Nesting that is let in: what walks objects recurses. Upstream's decoder takes 10,000 levels. */
const MAX_DEPTH = 500;
const ANY: Schema = { type: "any" };

/** The fields of a message by number. */
interface Shape {
  /** Whose fields they are. */
  readonly owner: Schema;
  /** A shape stands for a message that JSON has inline. */
  readonly fields: Map<number, Field | Shape>;
}

export function createMessageDecoder(): MessageDecoder {
  const shapes = new WeakMap<object, Shape>();
  const shapeOf = (schema: Schema): Shape => {
    const fields = schema.fields ?? NO_FIELDS;
    let shape = shapes.get(fields);
    if (!shape) shapes.set(fields, (shape = makeShape(schema)));
    return shape;
  };
  return (raw, schema) => {
    const object: Record<string, unknown> = {};
    decodeInto(object, new WireReader(raw), shapeOf(schema), shapeOf, 0);
    return object;
  };
}

const NO_FIELDS: ReadonlyMap<string, Field> = new Map();

function makeShape(owner: Schema): Shape {
  const shape: Shape = { owner, fields: new Map() };
  for (const field of owner.fields?.values() ?? []) {
    if (field.protoNumber === undefined) continue;
    let level = shape;
    for (const number of field.protoEmbed ?? []) {
      const inner = level.fields.get(number);
      if (inner && "owner" in inner) level = inner;
      else {
        const made: Shape = { owner, fields: new Map() };
        level.fields.set(number, made);
        level = made;
      }
    }
    level.fields.set(field.protoNumber, field);
  }
  return shape;
}

type ShapeOf = (schema: Schema) => Shape;

function decodeInto(target: Record<string, unknown>, reader: WireReader, shape: Shape, shapeOf: ShapeOf, depth: number): void {
  if (depth > MAX_DEPTH) throw badRequest("the protobuf message is nested too deeply");
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const found = shape.fields.get(tag >>> 3);
    if (found === undefined) reader.skip(tag & 7);
    else if ("owner" in found) decodeInto(target, inner(reader, tag & 7), found, shapeOf, depth + 1);
    else readField(target, found, shape.owner, reader, tag & 7, shapeOf, depth);
  }
}

/** The message behind a tag of that wire type. */
function inner(reader: WireReader, wire: number): WireReader {
  checkWire(wire, BYTES);
  return reader.message();
}

function checkWire(wire: number, wanted: number): void {
  if (wire !== wanted) throw badRequest(`the protobuf message is wrong: wireType = ${wire} where ${wanted} is wanted`);
}

function readField(
  target: Record<string, unknown>,
  field: Field,
  owner: Schema,
  reader: WireReader,
  wire: number,
  shapeOf: ShapeOf,
  depth: number,
): void {
  const { name, schema } = field;
  if (schema.type === "map") {
    const entries = (target[name] ??= {}) as Record<string, unknown>; // made here only
    const [key, value] = readMapEntry(inner(reader, wire), schema.items ?? ANY, owner, shapeOf, depth);
    if (value !== undefined) setField(entries, key, value);
  } else if (schema.type === "array" && schema.name === undefined) {
    const list = (target[name] ??= []) as unknown[]; // made here only
    const items = schema.items ?? ANY;
    const wanted = wireOf(items);
    if (wire !== BYTES || wanted === BYTES) list.push(readValue(items, owner, reader, wire, shapeOf, depth));
    else for (const packed = reader.message(); !packed.done;) list.push(readValue(items, owner, packed, wanted, shapeOf, depth));
  } else {
    const value = readValue(schema, owner, reader, wire, shapeOf, depth);
    const kept = field.pointer || (field.zero ?? field.required);
    const unset = value === undefined || (!kept && (value === "" || value === 0 || value === false));
    if (unset) delete target[name];
    else target[name] = value;
  }
}

function readMapEntry(reader: WireReader, items: Schema, owner: Schema, shapeOf: ShapeOf, depth: number): [string, unknown] {
  let key = "";
  let value: unknown = zeroOf(items);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 1 * 8 + BYTES) key = reader.text();
    else if (tag >>> 3 === 2) value = readValue(items, owner, reader, tag & 7, shapeOf, depth);
    else reader.skip(tag & 7);
  }
  return [key, value];
}

function readValue(schema: Schema, owner: Schema, reader: WireReader, wire: number, shapeOf: ShapeOf, depth: number): unknown {
  checkWire(wire, wireOf(schema));
  switch (schema.type) {
    case "boolean":
      return reader.boolean();
    case "integer":
      return schema.format === "int32" ? reader.int32() : reader.int64();
    case "number":
      return reader.double();
    case "string":
      return readString(schema, reader);
    case "intOrString":
      return readIntOrString(reader.message());
    case "any":
      return readAny(specialMessage(schema.name), owner, reader.message(), shapeOf, depth);
    case "object": {
      const object: Record<string, unknown> = {};
      decodeInto(object, reader.message(), shapeOf(schema), shapeOf, depth + 1);
      return object;
    }
    case "array": {
      // A list that travels in a message of its own.
      const list: unknown[] = [];
      const items = schema.items ?? ANY;
      const message = reader.message();
      for (let tag = message.tag(); tag !== 0; tag = message.tag()) {
        if (tag >>> 3 === 1) list.push(readValue(items, owner, message, tag & 7, shapeOf, depth + 1));
        else message.skip(tag & 7);
      }
      return list;
    }
    case "map":
      throw badRequest("the protobuf message has a map where none can be");
  }
}

function wireOf(schema: Schema): number {
  if (schema.type === "integer" || schema.type === "boolean") return VARINT;
  return schema.type === "number" ? FIXED64 : BYTES;
}

/** The value of a map's entry that has none. */
function zeroOf(schema: Schema): unknown {
  switch (schema.type) {
    case "string":
      return schema.format === "quantity" ? "0" : "";
    case "integer":
    case "number":
    case "intOrString":
      return 0;
    case "boolean":
      return false;
    case "object":
    case "map":
      return {};
    case "array":
      return [];
    case "any":
      return null;
  }
}

function readString(schema: Schema, reader: WireReader): string | undefined {
  switch (schema.format ?? "") {
    case "byte":
      return reader.bytes().toBase64();
    case "quantity":
      return readQuantity(reader.message());
    case "date-time":
      return readTime(reader.message(), false);
    case "date-time-micro":
      return readTime(reader.message(), true);
    default:
      return reader.text();
  }
}

/** A message whose field 1 is the text. */
function readQuantity(reader: WireReader): string {
  let text = "0";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 1 * 8 + BYTES) text = reader.text();
    else reader.skip(tag & 7);
  }
  try {
    return canonicalQuantity(text);
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error));
  }
}

/** Seconds and nanoseconds; RFC 3339 in UTC. An empty message is no time at all. */
function readTime(reader: WireReader, micro: boolean): string | undefined {
  if (reader.done) return undefined;
  let seconds = 0;
  let nanos = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 1 * 8 + VARINT) seconds = Number(reader.int64());
    else if (tag === 2 * 8 + VARINT) nanos = reader.int32();
    else reader.skip(tag & 7);
  }
  const ms = seconds * 1000;
  // The years that RFC 3339 can write.
  if (!(ms >= -62_135_596_800_000 && ms < 253_402_300_800_000)) throw badRequest(`a time is out of range: ${seconds} seconds`);
  const whole = new Date(ms).toISOString().slice(0, 19);
  return micro ? `${whole}.${String(Math.trunc(nanos / 1000)).padStart(6, "0")}Z` : `${whole}Z`;
}

function readIntOrString(reader: WireReader): number | string {
  let type = 0;
  let number = 0;
  let text = "";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 1 * 8 + VARINT) type = reader.varint();
    else if (tag === 2 * 8 + VARINT) number = reader.int32();
    else if (tag === 3 * 8 + BYTES) text = reader.text();
    else reader.skip(tag & 7);
  }
  return type === 1 ? text : number;
}

function readAny(kind: SpecialMessage, owner: Schema, reader: WireReader, shapeOf: ShapeOf, depth: number): unknown {
  if (kind === "raw") return readRaw(reader);
  const schemaNumber = kind === "schemaOrBool" ? 2 : 1;
  let allowed = false;
  let schema: Record<string, unknown> | undefined;
  const list: unknown[] = [];
  const readSchema = (wire: number) => {
    const object: Record<string, unknown> = {};
    decodeInto(object, inner(reader, wire), shapeOf(owner), shapeOf, depth + 1);
    return object;
  };
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === schemaNumber) schema = readSchema(tag & 7);
    else if (kind === "schemaOrBool" && tag === 1 * 8 + VARINT) allowed = reader.boolean();
    else if (kind === "schemaOrArray" && tag >>> 3 === 2) list.push(readSchema(tag & 7));
    else if (kind === "schemaOrStringArray" && tag === 2 * 8 + BYTES) list.push(reader.text());
    else reader.skip(tag & 7);
  }
  if (list.length > 0) return list;
  return schema ?? (kind === "schemaOrBool" ? allowed : undefined);
}

/** Free JSON travels as its bytes. */
function readRaw(reader: WireReader): unknown {
  let text = "";
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 1 * 8 + BYTES) text = reader.text();
    else reader.skip(tag & 7);
  }
  if (text === "") return undefined;
  try {
    return parseJson(text);
  } catch {
    throw badRequest("a field of free form holds no JSON");
  }
}
