// Protobuf bodies as JSON values: what typed Go clients send. The field numbers stand in the schemas; answers are JSON,
// which all of these clients take.

import { badRequest } from "../errors.ts";
import type { Field, Schema } from "../schema.ts";

/** What a body says it is, and the object in it. */
export interface ProtobufEnvelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

/** Upstream's magic before each body. */
const MAGIC: readonly number[] = [0x6b, 0x38, 0x73, 0x00];
/** Nesting that is let in, as for JSON. */
const MAX_DEPTH = 200;

/** Reads the envelope (runtime.Unknown). Throws 400 if there is none. */
export function readEnvelope(bytes: Uint8Array): ProtobufEnvelope {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw badRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  const reader = new Reader(bytes.subarray(MAGIC.length));
  let apiVersion = "";
  let kind = "";
  let raw: Uint8Array = new Uint8Array(0);
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.field === 1 && tag.wire === 2) {
      const type = new Reader(reader.bytes());
      for (let inner = type.tag(); inner !== undefined; inner = type.tag()) {
        if (inner.field === 1 && inner.wire === 2) apiVersion = type.text();
        else if (inner.field === 2 && inner.wire === 2) kind = type.text();
        else type.skip(inner.wire);
      }
    } else if (tag.field === 2 && tag.wire === 2) raw = reader.bytes();
    else reader.skip(tag.wire);
  }
  return { apiVersion, kind, raw };
}

/** Decodes messages of schemas that have protobuf numbers. It remembers what it worked out about each schema. */
export type MessageDecoder = (raw: Uint8Array, schema: Schema) => Record<string, unknown>;

/** The fields of a message by number; a number map stands for a message that JSON has inline. */
type Shape = Map<number, Field | Shape>;

export function createMessageDecoder(): MessageDecoder {
  const shapes = new WeakMap<Schema, Shape>();
  const shapeOf = (schema: Schema): Shape => {
    let shape = shapes.get(schema);
    if (!shape) shapes.set(schema, (shape = makeShape(schema)));
    return shape;
  };

  const decodeInto = (target: Record<string, unknown>, raw: Uint8Array, shape: Shape, depth: number): void => {
    if (depth > MAX_DEPTH) throw badRequest("the protobuf message is nested too deeply");
    const reader = new Reader(raw);
    for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
      const found = shape.get(tag.field);
      if (found === undefined) reader.skip(tag.wire);
      else if (found instanceof Map) decodeInto(target, reader.bytes(), found, depth + 1);
      else readField(target, found, reader, tag.wire, depth);
    }
  };

  const readField = (target: Record<string, unknown>, field: Field, reader: Reader, wire: number, depth: number): void => {
    const { name, schema } = field;
    if (schema.type === "map") {
      const entries = (target[name] ??= Object.create(null) as object) as Record<string, unknown>; // made here only
      const [key, value] = readMapEntry(reader.bytes(), schema.items ?? ANY, depth);
      entries[key] = value;
    } else if (schema.type === "array" && schema.name === undefined) {
      const list = (target[name] ??= []) as unknown[]; // made here only
      const items = schema.items ?? ANY;
      const packed = wire === 2 && (items.type === "integer" || items.type === "boolean" || items.type === "number");
      if (!packed) list.push(readValue(items, reader, wire, depth));
      else for (const inner = new Reader(reader.bytes()); !inner.done;) list.push(readValue(items, inner, wireOf(items), depth));
    } else {
      const value = readValue(schema, reader, wire, depth);
      // A number or name is a message, which is on the wire only if it is set: 0 of maxUnavailable means 0.
      const kept = field.pointer || field.required || schema.type === "intOrString";
      const unset = value === undefined || (!kept && (value === "" || value === 0 || value === false));
      if (!unset) target[name] = value;
    }
  };

  const readMapEntry = (raw: Uint8Array, items: Schema, depth: number): [string, unknown] => {
    const reader = new Reader(raw);
    let key = "";
    let value: unknown = zeroOf(items);
    for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
      if (tag.field === 1) key = reader.text();
      else if (tag.field === 2) value = readValue(items, reader, tag.wire, depth);
      else reader.skip(tag.wire);
    }
    return [key, value];
  };

  const readValue = (schema: Schema, reader: Reader, wire: number, depth: number): unknown => {
    switch (schema.type) {
      case "boolean":
        return reader.varint() !== 0n;
      case "integer":
        return Number(BigInt.asIntN(64, reader.varint()));
      case "number":
        return wire === 1 ? reader.double() : reader.float();
      case "string":
        return readString(schema, reader);
      case "intOrString":
        return readIntOrString(reader.bytes());
      case "any":
        return readRaw(reader.bytes());
      case "object": {
        const object: Record<string, unknown> = {};
        decodeInto(object, reader.bytes(), shapeOf(schema), depth + 1);
        return object;
      }
      case "array": {
        // A list that travels in a message of its own.
        const holder: Record<string, unknown> = {};
        const items: Field = { name: "items", required: false, schema: { type: "array", items: schema.items ?? ANY } };
        decodeInto(holder, reader.bytes(), new Map([[1, items]]), depth + 1);
        return holder["items"] ?? [];
      }
      case "map":
        throw badRequest("the protobuf message has a map where none can be");
    }
  };

  return (raw, schema) => {
    const object: Record<string, unknown> = {};
    decodeInto(object, raw, shapeOf(schema), 0);
    return object;
  };
}

const ANY: Schema = { type: "any" };

function makeShape(schema: Schema): Shape {
  const shape: Shape = new Map();
  for (const field of schema.fields?.values() ?? []) {
    if (field.protoNumber === undefined) continue;
    let level = shape;
    for (const number of field.protoEmbed ?? []) {
      const inner = level.get(number);
      if (inner instanceof Map) level = inner;
      else {
        const made: Shape = new Map();
        level.set(number, made);
        level = made;
      }
    }
    level.set(field.protoNumber, field);
  }
  return shape;
}

function wireOf(schema: Schema): number {
  return schema.type === "number" ? 1 : 0;
}

function zeroOf(schema: Schema): unknown {
  switch (schema.type) {
    case "string":
      return schema.format === "quantity" ? "0" : "";
    case "integer":
    case "number":
      return 0;
    case "boolean":
      return false;
    case "object":
      return {};
    case "array":
      return [];
    case "map":
    case "any":
    case "intOrString":
      return null;
  }
}

function readString(schema: Schema, reader: Reader): string | undefined {
  switch (schema.format ?? "") {
    case "byte":
      return base64(reader.bytes());
    case "quantity":
      return readWrappedText(reader.bytes());
    case "date-time":
      return readTime(reader.bytes(), false);
    case "date-time-micro":
      return readTime(reader.bytes(), true);
    default:
      return reader.text();
  }
}

/** A message whose field 1 is the text. */
function readWrappedText(raw: Uint8Array): string {
  const reader = new Reader(raw);
  let text = "0";
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.field === 1 && tag.wire === 2) text = reader.text();
    else reader.skip(tag.wire);
  }
  return text;
}

/** Seconds and nanoseconds; RFC 3339 in UTC. Nothing set is no time at all. */
function readTime(raw: Uint8Array, micro: boolean): string | undefined {
  const reader = new Reader(raw);
  let seconds = 0;
  let nanos = 0;
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.field === 1 && tag.wire === 0) seconds = Number(BigInt.asIntN(64, reader.varint()));
    else if (tag.field === 2 && tag.wire === 0) nanos = Number(BigInt.asIntN(64, reader.varint()));
    else reader.skip(tag.wire);
  }
  if (seconds === 0 && nanos === 0) return undefined;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw badRequest(`a time is out of range: ${seconds} seconds`);
  const whole = date.toISOString().slice(0, -5);
  return micro ? `${whole}.${String(Math.trunc(nanos / 1000)).padStart(6, "0")}Z` : `${whole}Z`;
}

function readIntOrString(raw: Uint8Array): number | string {
  const reader = new Reader(raw);
  let type = 0;
  let number = 0;
  let text = "";
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.field === 1 && tag.wire === 0) type = Number(reader.varint());
    else if (tag.field === 2 && tag.wire === 0) number = Number(BigInt.asIntN(32, reader.varint()));
    else if (tag.field === 3 && tag.wire === 2) text = reader.text();
    else reader.skip(tag.wire);
  }
  return type === 1 ? text : number;
}

/** Free JSON travels as its bytes, in field 1 of a message. */
function readRaw(raw: Uint8Array): unknown {
  const reader = new Reader(raw);
  let value: unknown = null;
  for (let tag = reader.tag(); tag !== undefined; tag = reader.tag()) {
    if (tag.field === 1 && tag.wire === 2) {
      const text = reader.text();
      try {
        value = text === "" ? null : JSON.parse(text);
      } catch {
        throw badRequest("a field of free form holds no JSON");
      }
    } else reader.skip(tag.wire);
  }
  return value;
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  // In pieces: a call takes only so many arguments.
  for (let start = 0; start < bytes.length; start += 8192) binary += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(binary);
}

const UTF8: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the wire format. Throws 400 where the bytes end too early or make no sense. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next field's number and wire type; undefined at the end. */
  tag(): { readonly field: number; readonly wire: number } | undefined {
    if (this.done) return undefined;
    const value = Number(this.varint());
    const field = Math.floor(value / 8);
    if (field === 0) throw malformed();
    return { field, wire: value % 8 };
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw malformed();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed();
  }

  bytes(): Uint8Array {
    const length = Number(this.varint());
    return this.#take(length);
  }

  text(): string {
    const bytes = this.bytes();
    try {
      return UTF8.decode(bytes);
    } catch {
      throw malformed();
    }
  }

  double(): number {
    const bytes = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  }

  float(): number {
    const bytes = this.#take(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  }

  skip(wire: number): void {
    if (wire === 0) this.varint();
    else if (wire === 1) this.#take(8);
    else if (wire === 2) this.bytes();
    else if (wire === 5) this.#take(4);
    else throw malformed();
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function malformed() {
  return badRequest("the body is not a valid protobuf message");
}
