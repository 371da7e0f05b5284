import assert from "node:assert/strict";
import { test } from "node:test";
import { each, any, bool, message, ProtobufWriter, text, wrapped, type Message } from "./protobuf-writer.ts";

function write(shape: Message, value: object): string {
  const writer = new ProtobufWriter();
  writer.members(shape, value);
  return Buffer.from(writer.finish()).toString("hex");
}

void test("messages have their fields in the members' order, with lengths in front", () => {
  const shape: Message = { fields: { a: [1, text], b: [2, bool], c: [3, each(text)], d: [4, message(() => shape)] } };
  assert.equal(
    write(shape, { a: "xy", b: true, c: ["p", "q"], other: 1, d: { a: "z" } }),
    "0a027879" + "1001" + "1a0170" + "1a0171" + "22030a017a",
  );
});

void test("free keys become pairs, extensions YAML, choices messages around their value", () => {
  assert.equal(write({ entries: [1, text] }, { k: "v" }), "0a060a016b120176");
  assert.equal(write({ extensions: 5 }, { "x-a": 1 }), "2a0b0a03782d61120412023" + "10a");
  assert.equal(write({ fields: { a: [1, wrapped(2, text)] } }, { a: "v" }), "0a03120176");
  assert.equal(write({ fields: { a: [1, any] } }, { a: [] }), "0a05" + "1203" + Buffer.from("[]\n").toString("hex"));
});

void test("texts of any length and alphabet fit, and the buffer grows", () => {
  const long = "船".repeat(100_000);
  const writer = new ProtobufWriter();
  writer.members({ fields: { a: [1, text] } }, { a: long });
  const bytes = Buffer.from(writer.finish());
  // 300,000 as a varint.
  assert.equal(bytes.subarray(0, 4).toString("hex"), "0ae0a712");
  assert.equal(bytes.subarray(4).toString(), long);
});
