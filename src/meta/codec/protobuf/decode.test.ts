import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field, Schema } from "../../schema.ts";
import { createMessageDecoder } from "./decode.ts";
import { readEnvelope } from "./envelope.ts";

const text: Schema = { type: "string" };
const int32: Schema = { type: "integer", format: "int32" };

function object(fields: readonly (Pick<Field, "name" | "schema" | "protoNumber"> & Partial<Field>)[]): Schema {
  return { type: "object", fields: new Map(fields.map((field) => [field.name, { required: false, ...field }])) };
}

/** One field with bytes behind a length. */
function part(number: number, content: string | readonly number[]): number[] {
  const bytes = typeof content === "string" ? [...new TextEncoder().encode(content)] : content;
  return [number * 8 + 2, bytes.length, ...bytes];
}

test("an envelope names what is in it; without the magic there is none", () => {
  const type = [...part(1, "v1"), ...part(2, "Boat")];
  const { apiVersion, kind, raw } = readEnvelope(Uint8Array.from([0x6b, 0x38, 0x73, 0, ...part(1, type), ...part(2, "abc")]));
  assert.deepEqual([apiVersion, kind, new TextDecoder().decode(raw)], ["v1", "Boat", "abc"]);
  assert.throws(() => readEnvelope(Uint8Array.from([1, 2, 3, 4])), /does not appear to be a protobuf message/);
});

const cases: [name: string, schema: Schema, message: number[], expected: unknown][] = [
  ["text", object([{ name: "a", schema: text, protoNumber: 1 }]), part(1, "x"), { a: "x" }],
  ["an empty text that means unset", object([{ name: "a", schema: text, protoNumber: 1 }]), part(1, ""), {}],
  ["an empty text behind a pointer", object([{ name: "a", schema: text, protoNumber: 1, pointer: true }]), part(1, ""), { a: "" }],
  ["zero behind a pointer", object([{ name: "a", schema: int32, protoNumber: 1, pointer: true }]), [8, 0], { a: 0 }],
  [
    "a negative number",
    object([{ name: "a", schema: int32, protoNumber: 1 }]),
    [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    { a: -1 },
  ],
  ["bytes", object([{ name: "a", schema: { type: "string", format: "byte" }, protoNumber: 1 }]), part(1, "b"), { a: "Yg==" }],
  [
    "a time, and one that is not set",
    object([
      { name: "a", schema: { type: "string", format: "date-time" }, protoNumber: 1 },
      { name: "b", schema: { type: "string", format: "date-time" }, protoNumber: 2 },
    ]),
    [...part(1, [8, 60]), ...part(2, [])],
    { a: "1970-01-01T00:01:00Z" },
  ],
  [
    "a quantity in a map",
    object([{ name: "a", schema: { type: "map", items: { type: "string", format: "quantity" } }, protoNumber: 1 }]),
    part(1, [...part(1, "cpu"), ...part(2, part(1, "100m"))]),
    { a: { cpu: "100m" } },
  ],
  [
    "a number or a text",
    object([
      { name: "a", schema: { type: "intOrString" }, protoNumber: 1 },
      { name: "b", schema: { type: "intOrString" }, protoNumber: 2 },
    ]),
    [...part(1, [8, 0, 16, 80]), ...part(2, [8, 1, ...part(3, "25%")])],
    { a: 80, b: "25%" },
  ],
  [
    "a number or a text that is 0",
    object([
      { name: "a", schema: { type: "intOrString" }, protoNumber: 1, pointer: true },
      { name: "b", schema: { type: "intOrString" }, protoNumber: 2 },
    ]),
    [...part(1, [8, 0, 16, 0, 26, 0]), ...part(2, [8, 0, 16, 0, 26, 0])],
    { a: 0 },
  ],
  [
    "lists, packed or not",
    object([
      { name: "a", schema: { type: "array", items: int32 }, protoNumber: 1 },
      { name: "b", schema: { type: "array", items: text }, protoNumber: 2 },
    ]),
    [8, 1, ...part(1, [2, 3]), ...part(2, "x"), ...part(2, "")],
    { a: [1, 2, 3], b: ["x", ""] },
  ],
  [
    "fields inside a message that JSON has inline",
    object([
      { name: "name", schema: text, protoNumber: 1 },
      { name: "path", schema: object([{ name: "p", schema: text, protoNumber: 1 }]), protoNumber: 3, protoEmbed: [2] },
    ]),
    [...part(1, "v"), ...part(2, part(3, part(1, "/x")))],
    { name: "v", path: { p: "/x" } },
  ],
  [
    "a list that travels in a message",
    object([{ name: "a", schema: { type: "map", items: { type: "array", name: "X", items: text } }, protoNumber: 1 }]),
    part(1, [...part(1, "k"), ...part(2, part(1, "v"))]),
    { a: { k: ["v"] } },
  ],
  ["free JSON", object([{ name: "a", schema: { type: "any" }, protoNumber: 1 }]), part(1, part(1, '{"x":1}')), { a: { x: 1 } }],
  ["fields nobody knows", object([]), [...part(9, "x"), 64, 1, 0x55, 1, 2, 3, 4], {}],
];

for (const [name, schema, message, expected] of cases) {
  test(`a message is decoded: ${name}`, () => {
    const decoded = createMessageDecoder()(Uint8Array.from(message), schema);
    assert.equal(JSON.stringify(decoded), JSON.stringify(expected));
  });
}

test("a message that ends too early is a bad request", () => {
  const schema = object([{ name: "a", schema: text, protoNumber: 1 }]);
  for (const message of [[10, 5, 65], [16], [10], [0x80], [10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]]) {
    assert.throws(() => createMessageDecoder()(Uint8Array.from(message), schema), /not a valid protobuf message/);
  }
  assert.throws(() => createMessageDecoder()(Uint8Array.of(8, 1), schema), /wireType = 0/);
});
