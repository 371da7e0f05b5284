import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field, Schema } from "../../schema.ts";
import { createMessageDecoder } from "./decode.ts";
import { createMessageEncoder } from "./encode.ts";
import { readEnvelope, readWatchFrames, watchFrame, writeEnvelope } from "./envelope.ts";

const text: Schema = { type: "string" };
const int64: Schema = { type: "integer", format: "int64" };
const time: Schema = { type: "string", format: "date-time" };
const micro: Schema = { type: "string", format: "date-time-micro" };

function object(fields: readonly (Pick<Field, "name" | "schema" | "protoNumber"> & Partial<Field>)[]): Schema {
  return { type: "object", fields: new Map(fields.map((field) => [field.name, { required: false, ...field }])) };
}

const encode = createMessageEncoder();
const decode = createMessageDecoder();

function hex(value: object, schema: Schema): string {
  return Buffer.from(encode(value, schema)).toString("hex");
}

const inner = object([{ name: "x", schema: text, protoNumber: 1, pointer: true }]);

/** Schema, value, and the bytes that upstream's generated code writes for the like of it. */
const cases: readonly (readonly [name: string, schema: Schema, value: object, bytes: string])[] = [
  ["what is no pointer is written even if it is unset", object([{ name: "a", schema: text, protoNumber: 1 }]), {}, "0a00"],
  ["an unset pointer is not", object([{ name: "a", schema: int64, protoNumber: 1, pointer: true }]), {}, ""],
  ["an empty message that is no pointer is written", object([{ name: "a", schema: inner, protoNumber: 2 }]), {}, "1200"],
  ["an unset message behind a pointer is not", object([{ name: "a", schema: inner, protoNumber: 2, pointer: true }]), {}, ""],
  [
    "fields are written by number, not by name or order",
    object([
      { name: "b", schema: text, protoNumber: 20 },
      { name: "a", schema: text, protoNumber: 1 },
    ]),
    { b: "y", a: "x" },
    "0a0178a2010179",
  ],
  ["a negative number takes ten bytes", object([{ name: "a", schema: int64, protoNumber: 1 }]), { a: -1 }, "08ffffffffffffffffff01"],
  [
    "an integer beyond 2^53 is exact",
    object([{ name: "a", schema: int64, protoNumber: 1 }]),
    { a: 2n ** 63n - 1n },
    "08ffffffffffffffff7f",
  ],
  ["a double", object([{ name: "a", schema: { type: "number", format: "double" }, protoNumber: 1 }]), { a: 1.5 }, "09000000000000f83f"],
  [
    "map entries by key",
    object([{ name: "a", schema: { type: "map", items: text }, protoNumber: 1 }]),
    { a: { b: "2", a: "1" } },
    "0a060a01611201310a060a0162120132",
  ],
  ["list items in order", object([{ name: "a", schema: { type: "array", items: text }, protoNumber: 1 }]), { a: ["x", ""] }, "0a01780a00"],
  ["nil bytes are not written", object([{ name: "a", schema: { type: "string", format: "byte" }, protoNumber: 1 }]), {}, ""],
  ["bytes", object([{ name: "a", schema: { type: "string", format: "byte" }, protoNumber: 1 }]), { a: "Yg==" }, "0a0162"],
  ["a time without nanoseconds", object([{ name: "a", schema: time, protoNumber: 1 }]), { a: "1970-01-01T00:01:00Z" }, "0a04083c1000"],
  ["no time is an empty message", object([{ name: "a", schema: time, protoNumber: 1 }]), {}, "0a00"],
  [
    "a time with microseconds",
    object([{ name: "a", schema: micro, protoNumber: 1 }]),
    { a: "1970-01-01T00:01:00.000002Z" },
    "0a05083c10d00f",
  ],
  [
    "a quantity is a message",
    object([{ name: "a", schema: { type: "string", format: "quantity" }, protoNumber: 1 }]),
    { a: "100m" },
    "0a060a043130306d",
  ],
  [
    "a number or a text has all of its fields",
    object([{ name: "a", schema: { type: "array", items: { type: "intOrString" } }, protoNumber: 1 }]),
    { a: [80, "25%"] },
    "0a06080010501a000a09080110001a03323525",
  ],
  ["free JSON is its bytes", object([{ name: "a", schema: { type: "any" }, protoNumber: 1 }]), { a: { x: 1 } }, "0a090a077b2278223a317d"],
  [
    "fields that JSON has inline are in messages",
    object([
      { name: "name", schema: text, protoNumber: 1 },
      { name: "path", schema: inner, protoNumber: 3, protoEmbed: [2], pointer: true },
    ]),
    { name: "v", path: { x: "/" } },
    "0a017612051a030a012f",
  ],
  [
    "a list in a message of its own",
    object([{ name: "a", schema: { type: "map", items: { type: "array", name: "X", items: text } }, protoNumber: 1 }]),
    { a: { k: ["v"] } },
    "0a080a016b12030a0176",
  ],
  ["texts beyond ASCII, and long ones", object([{ name: "a", schema: text, protoNumber: 1 }]), { a: "ü" }, "0a02c3bc"],
];

for (const [name, schema, value, bytes] of cases) {
  test(`a message is encoded: ${name}`, () => assert.equal(hex(value, schema), bytes));
}

/** JSON schemas hold themselves in four forms. */
function recursive(): Schema {
  const fields = new Map<string, Field>();
  const schema: Schema = { type: "object", fields };
  const special = (kind: string): Schema => ({ type: "any", name: `x.JSONSchemaProps${kind}` });
  const all: readonly Field[] = [
    { name: "type", schema: text, required: false, protoNumber: 5 },
    { name: "default", schema: { type: "any", name: "x.JSON" }, required: false, protoNumber: 8, pointer: true },
    { name: "items", schema: special("OrArray"), required: false, protoNumber: 26, pointer: true },
    { name: "more", schema: special("OrBool"), required: false, protoNumber: 31, pointer: true },
    { name: "needs", schema: { type: "map", items: special("OrStringArray") }, required: false, protoNumber: 33 },
  ];
  for (const field of all) fields.set(field.name, field);
  return schema;
}

const schemas: readonly (readonly [value: object, bytes: string])[] = [
  [{ type: "x", more: true }, "2a0178fa01020801"],
  [{ type: "x", more: false }, "2a0178fa01020800"],
  [{ more: { type: "y" } }, "2a00fa0107080112032a0179"],
  [{ items: { type: "y" } }, "2a00d201050a032a0179"],
  [{ items: [{ type: "y" }, {}] }, "2a00d2010912032a017912022a00"],
  [{ needs: { a: ["b"] } }, "2a008a02080a0161120312" + "0162"],
  [{ needs: { a: { type: "y" } } }, "2a008a020a0a016112050a032a0179"],
  [{ default: null }, "2a00"],
  [{ default: { a: 1 } }, "2a0042090a077b2261223a317d"],
];

for (const [value, bytes] of schemas) {
  test(`a JSON schema is encoded and decoded: ${JSON.stringify(value)}`, () => {
    const schema = recursive();
    assert.equal(hex(value, schema), bytes);
    const { default: free, ...rest } = value as { default?: unknown };
    assert.deepEqual(decode(encode(value, schema), schema), free === null ? rest : value);
  });
}

test("a failure leaves nothing behind for the next message", () => {
  const bytes: Schema = { type: "string", format: "byte" };
  const schema = object([
    { name: "a", schema: bytes, protoNumber: 1 },
    { name: "b", schema: text, protoNumber: 2 },
  ]);
  assert.throws(() => encode({ a: "!", b: "left" }, schema));
  assert.equal(hex({ b: "x" }, schema), "120178");
});

test("messages larger than the writer's memory are whole", () => {
  const schema = object([{ name: "a", schema: { type: "array", items: text }, protoNumber: 1 }]);
  const value = { a: Array.from({ length: 3000 }, (_, index) => `${"ä".repeat(index % 90)}${index}`) };
  assert.deepEqual(decode(encode(value, schema), schema), value);
});

test("an envelope has the magic, the kind and the object", () => {
  const bytes = writeEnvelope({ apiVersion: "v1", kind: "Boat", raw: Uint8Array.of(1, 2) });
  assert.equal(Buffer.from(bytes).toString("hex"), "6b387300" + "0a0a0a0276311204426f6174" + "12020102" + "1a002200");
  assert.deepEqual(readEnvelope(bytes), { apiVersion: "v1", kind: "Boat", raw: Uint8Array.of(1, 2) });
});

test("events of a watch stand behind their length, and are read as they come in", () => {
  const frame = watchFrame("ADDED", Uint8Array.of(7));
  assert.equal(Buffer.from(frame).toString("hex"), "0000000c" + "0a054144444544" + "12030a0107");
  const both = Buffer.concat([frame, frame]);
  for (let length = 0; length <= both.length; length++) {
    const { events, rest } = readWatchFrames(both.subarray(0, length));
    assert.equal(events.length, Math.floor(length / frame.length));
    assert.equal(rest, events.length * frame.length);
  }
});
