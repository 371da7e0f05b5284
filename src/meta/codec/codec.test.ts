import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeJson, encodeJson } from "./json.ts";
import { decodeYaml, decodeYamlDocuments, encodeYaml } from "./yaml.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const yaml = async (text: string) => (await decodeYaml(bytes(text))).value;

test("JSON survives being encoded and decoded", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const { value, duplicateFields } = decodeJson(bytes(text), { findDuplicates: true });
      assert.deepEqual(decodeJson(encodeJson(value)).value, JSON.parse(JSON.stringify(value)));
      assert.deepEqual(duplicateFields, []);
    }),
  );
});

for (const [text, message] of [
  ["", "unexpected end of JSON input"],
  ["{", "unexpected end of JSON input"],
  ['{"a":', "unexpected end of JSON input"],
  ["{a:1}", "invalid character 'a' looking for beginning of object key string"],
  ["[1,]", "invalid character ']' looking for beginning of value"],
] as const) {
  test(`JSON ${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => decodeJson(bytes(text)), { code: 400, message: `couldn't get version/kind; json parse error: ${message}` });
  });
}

test("bytes that are no UTF-8 are refused", () => {
  assert.throws(() => decodeJson(new Uint8Array([0x22, 0xff, 0x22])), { code: 400, message: "the body is not valid UTF-8" });
});

test("a document nested too deeply is refused, one that is merely long is not", () => {
  assert.throws(() => decodeJson(bytes("[".repeat(1001) + "]".repeat(1001))), { code: 400, message: /exceeded max depth$/ });
  assert.ok(decodeJson(bytes("[".repeat(1000) + "]".repeat(1000))).value);
  assert.ok(decodeJson(bytes(JSON.stringify({ a: "[".repeat(5000), b: '"[\\'.repeat(2000), c: Array(3000).fill([]) }))).value);
});

for (const [text, want] of [
  ['{"a":1,"b":{"a":1}}', []],
  ['{"a":1,"a":2}', ["a"]],
  ['{"spec":{"x":[{"b":1},{"b":1,"b":2}],"x":1},"spec":{}}', ["spec.x[1].b", "spec.x", "spec"]],
  ['{"a" : "\\":", "b":"x\\\\", "c":"\\"b\\":"}', []],
  ['{"\\u0061":1,"a":2}', ["a"]],
  ['[{"a":1},{"a":1}]', []],
] as const) {
  test(`fields that are twice in ${text}`, () => {
    assert.deepEqual(decodeJson(bytes(text), { findDuplicates: true }).duplicateFields, want);
    assert.deepEqual(decodeJson(bytes(text)).duplicateFields, []);
  });
}

// What kubectl 1.36 makes of these.
const scalars: readonly [string, unknown][] = [
  ["yes", true],
  ["on", true],
  ["y", true],
  ["NO", false],
  ["Off", false],
  ["0777", 511],
  ["0o777", 511],
  ["1_000", 1000],
  ["0b11", 3],
  ["0x1F", 31],
  ["-0x10", -16],
  ["+5", 5],
  ["2024-01-01", "2024-01-01"],
  ["1:30", "1:30"],
  ["1e3", 1000],
  ["012345678", 12345678],
  [".5", 0.5],
  ["1.2.3", "1.2.3"],
  ["~", null],
  ["", null],
  ["NULL", null],
  ['"yes"', "yes"],
  ["!!binary aGk=", "hi"],
  ["!!str 5", "5"],
  ["v1", "v1"],
  ["5m", "5m"],
];
for (const [text, want] of scalars) {
  test(`YAML ${text || "nothing"} is ${JSON.stringify(want)}`, async () => assert.deepEqual(await yaml(`a: ${text}\n`), { a: want }));
}

test("keys are text, aliases and merges unfold without sharing", async () => {
  assert.deepEqual(await yaml("1: a\ntrue: b\n"), { 1: "a", true: "b" });
  const value = (await yaml("base: &b {p: 1, q: [2]}\none: *b\ntwo:\n  <<: *b\n  p: 3\n")) as Record<string, Record<string, unknown>>;
  assert.deepEqual(value, { base: { p: 1, q: [2] }, one: { p: 1, q: [2] }, two: { p: 3, q: [2] } });
  assert.notEqual(value["base"]?.["q"], value["one"]?.["q"]);
});

test("aliases that multiply or contain themselves are refused", async () => {
  let bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (let level = 1; level < 9; level++)
    bomb += `a${level}: &a${level} [${Array(10)
      .fill(`*a${level - 1}`)
      .join(",")}]\n`;
  await assert.rejects(yaml(bomb), { code: 400, message: /excessive aliasing/ });
  await assert.rejects(yaml("a: &a [*a]"), { code: 400, message: /excessive aliasing/ });
});

test("of a key that is there twice the last counts, and it is reported when asked", async () => {
  assert.deepEqual(await decodeYaml(bytes("a: 1\na: 2\n")), { value: { a: 2 }, duplicateFields: [] });
  assert.deepEqual(await decodeYaml(bytes("a: 1\na: 2\n"), { findDuplicates: true }), { value: { a: 2 }, duplicateFields: ["a"] });
});

test("what is no YAML is refused with its line", async () => {
  await assert.rejects(yaml("ok: 1\na: b: c"), { code: 400, message: /^error converting YAML to JSON: yaml: line 2: / });
});

test("documents come one by one, without the empty ones", async () => {
  assert.deepEqual(await decodeYamlDocuments("---\na: 1\n---\n# nothing\n---\nb: 2\n"), [{ a: 1 }, { b: 2 }]);
});

test("YAML is printed sorted, with lists not indented and texts that look like something else quoted", async () => {
  const value = { b: [{ x: 1, y: "yes" }], a: "0777", m: "one\ntwo\n", n: null, gone: undefined };
  assert.equal(await encodeYaml(value), 'a: "0777"\nb:\n- x: 1\n  "y": "yes"\nm: |\n  one\n  two\n"n": null\n');
});

test("JSON data survives being printed as YAML", async () => {
  const value = fc.jsonValue().map((data) => JSON.parse(JSON.stringify(data)) as unknown);
  await fc.assert(
    fc.asyncProperty(value, async (data) => assert.deepEqual(await yaml(await encodeYaml(data)), data)),
    { numRuns: 300 },
  );
  const tricky = fc.string({
    unit: fc.constantFrom(..."0123456789eE+-.xob_yYnNoOtTrRuUfF~ :#'\"\\|>*&!%@`,[]{}\n\t".split("")),
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(tricky, async (data) => assert.deepEqual(await yaml(await encodeYaml({ [data]: data })), { [data]: data })),
    { numRuns: 500 },
  );
});

test("texts that look like dates or large numbers come back as they were, and integers of 64 bits exactly", async () => {
  const value = { time: "2026-01-02T03:04:05Z", day: "2026-01-02", text: "9007199254740993", number: 9007199254740993n };
  const text = await encodeYaml(value);
  assert.equal(text, 'day: "2026-01-02"\nnumber: 9007199254740993\ntext: "9007199254740993"\ntime: "2026-01-02T03:04:05Z"\n');
  assert.deepEqual((await decodeYaml(new TextEncoder().encode(text))).value, value);
});

const integers: readonly (readonly [text: string, value: unknown])[] = [
  ["9007199254740991", 9007199254740991],
  ["9007199254740992", 9007199254740992],
  ["9007199254740993", 9007199254740993n],
  ["-9223372036854775808", -9223372036854775808n],
  ["9223372036854775807", 9223372036854775807n],
  ["18446744073709551616", 18446744073709551616],
  ["1e18", 1e18],
  ['"9007199254740993"', "9007199254740993"],
];

for (const [text, value] of integers) {
  test(`the integer ${text} is exact as far as 64 bits go`, () => {
    const { value: decoded } = decodeJson(new TextEncoder().encode(`{"a":[${text}]}`));
    assert.deepEqual(decoded, { a: [value] });
    if (typeof value === "bigint") assert.equal(new TextDecoder().decode(encodeJson(decoded)), `{"a":[${text}]}`);
  });
}
