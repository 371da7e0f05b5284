import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clone } from "./clone.ts";
import { equal } from "./equal.ts";

const json = () => fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

test("a clone of JSON data equals it and shares nothing with it", () => {
  fc.assert(
    fc.property(json(), (value) => {
      const copy = clone(value);
      assert.ok(equal(copy, value));
      assert.equal(JSON.stringify(copy), JSON.stringify(value));
      if (typeof value === "object" && value !== null) assert.notEqual(copy, value);
    }),
  );
});

test("equality agrees with node's on JSON data", () => {
  fc.assert(
    fc.property(json(), json(), (a, b) => {
      let same = true;
      try {
        assert.deepStrictEqual(a, b);
      } catch {
        same = false;
      }
      // -0 and 0 are one number here.
      assert.equal(equal(a, b), same || JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

const cases: readonly [string, unknown, unknown, boolean][] = [
  ["a field that is undefined is absent", { a: 1, b: undefined }, { a: 1 }, true],
  ["a field that is null is not absent", { a: null }, {}, false],
  ["the order of keys does not matter", { a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ["the order of a list matters", [1, 2], [2, 1], false],
  ["a list is no object", [], {}, false],
  ["an inherited field does not count", {}, { toString: 1 }, false],
];
for (const [name, a, b, want] of cases) {
  test(name, () => {
    assert.equal(equal(a, b), want);
    assert.equal(equal(b, a), want);
  });
}

test("a clone keeps a field called __proto__ as data", () => {
  const copy = clone(JSON.parse('{"__proto__":{"a":1}}') as object);
  assert.deepEqual(Object.keys(copy), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
});

test("names that prototypes have are fields like others", () => {
  const json = (text: string): unknown => JSON.parse(text);
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert.equal(equal(json(`{"${name}":{}}`), json('{"a":{}}')), false, name);
    assert.equal(equal(json(`{"${name}":{}}`), json("{}")), false, name);
    assert.equal(equal(json("{}"), json(`{"${name}":{}}`)), false, name);
    assert.equal(equal(json(`{"${name}":{"a":1}}`), json(`{"${name}":{"a":1}}`)), true, name);
    assert.equal(equal(json(`{"${name}":{"a":1}}`), json(`{"${name}":{"a":2}}`)), false, name);
  }
});
