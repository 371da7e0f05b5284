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
