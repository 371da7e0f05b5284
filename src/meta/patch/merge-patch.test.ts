import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyMergePatch } from "./merge-patch.ts";

// The examples of RFC 7386 whose document and patch are objects.
const examples: readonly [object, object, object][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];
for (const [document, patch, want] of examples) {
  test(`${JSON.stringify(document)} patched with ${JSON.stringify(patch)}`, () => {
    const before = JSON.stringify([document, patch]);
    assert.deepEqual(applyMergePatch(document, patch), want);
    assert.equal(JSON.stringify([document, patch]), before);
  });
}

const object = () =>
  fc
    .dictionary(fc.constantFrom("a", "b", "c", "__proto__"), fc.jsonValue({ maxDepth: 3 }))
    .map((value) => JSON.parse(JSON.stringify(value)) as object);

test("a patch applied twice does no more than once", () => {
  fc.assert(
    fc.property(object(), object(), (document, patch) => {
      const once = applyMergePatch(document, patch);
      assert.equal(JSON.stringify(applyMergePatch(once, patch)), JSON.stringify(once));
    }),
  );
});

test("an empty patch changes nothing", () => {
  fc.assert(fc.property(object(), (document) => assert.equal(JSON.stringify(applyMergePatch(document, {})), JSON.stringify(document))));
});

test("what is no object is no patch", () => {
  assert.throws(() => applyMergePatch({}, []), {
    code: 400,
    message: "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
  });
  assert.throws(() => applyMergePatch({}, null), { code: 400, message: "Invalid JSON Patch" });
});

/** The patch that makes `after` of `before`. */
function difference(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const key in before) if (!Object.hasOwn(after, key)) patch[key] = null;
  for (const key in after) {
    const [old, value] = [Object.hasOwn(before, key) ? before[key] : undefined, after[key]];
    const both = isObject(old) && isObject(value);
    if (both) patch[key] = difference(old, value);
    else if (JSON.stringify(old) !== JSON.stringify(value)) patch[key] = value;
  }
  return patch;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

test("any object can be made of any other, but for nulls", () => {
  const leaf = fc.oneof(fc.integer(), fc.string({ maxLength: 3 }), fc.array(fc.integer(), { maxLength: 2 }));
  const inner = fc.dictionary(fc.constantFrom("a", "b", "c"), leaf, { noNullPrototype: true });
  const outer = fc.dictionary(fc.constantFrom("x", "y", "z"), fc.oneof(leaf, inner), { noNullPrototype: true });
  fc.assert(fc.property(outer, outer, (before, after) => assert.deepEqual(applyMergePatch(before, difference(before, after)), after)));
});
