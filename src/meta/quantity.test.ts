import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliValue,
  parseQuantity,
  quantityToNumber,
  quantityValue,
  subtractQuantities,
} from "./quantity.ts";

const canonical: readonly [string, string][] = [
  ["0", "0"],
  ["0Ki", "0"],
  ["00", "0"],
  ["1", "1"],
  ["1000", "1k"],
  ["1000m", "1"],
  ["100m", "100m"],
  ["0.5", "500m"],
  [".5", "500m"],
  ["1.", "1."],
  ["1.5Gi", "1536Mi"],
  ["1024Mi", "1Gi"],
  ["1025Ki", "1025Ki"],
  ["0.1Ki", "102400m"],
  ["500Ki", "500Ki"],
  ["1Ei", "1Ei"],
  ["9Ei", "9223372036854775807"],
  ["9223372036854775807Ki", "9223372036854775807"],
  ["12E", "12E"],
  ["1e3", "1e3"],
  ["1E6", "1E6"],
  ["1e14", "100e12"],
  ["1.2e3", "1200"],
  ["100.035k", "100.035k"],
  ["3.001n", "4n"],
  ["0.0000000001", "1n"],
  ["0.000000000001Ki", "2n"],
  ["-1.5", "-1500m"],
  ["0100m", "0100m"],
];
for (const [text, want] of canonical) {
  test(`the canonical form of ${text} is ${want}`, () => {
    assert.equal(canonicalQuantity(text), want);
    assert.equal(compareQuantities(want, text), 0);
  });
}

const WRONG_FORM = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
for (const [text, message] of [
  ["", WRONG_FORM],
  ["1x", WRONG_FORM],
  ["1 Gi", WRONG_FORM],
  ["1e", "unable to parse quantity's suffix"],
  ["1mm", "unable to parse quantity's suffix"],
  ["1e999999999", "unable to parse quantity's suffix"],
  ["Pi", "unable to parse numeric part of quantity"],
] as const) {
  test(`"${text}" is no quantity`, () => assert.throws(() => parseQuantity(text), { name: "RangeError", message }));
}

test("values round away from zero", () => {
  assert.equal(quantityValue("1m"), 1);
  assert.equal(quantityValue("-1500m"), -2);
  assert.equal(milliValue("1u"), 1);
  assert.equal(milliValue("0.5"), 500);
  assert.equal(milliValue("128Mi"), 134217728000);
  assert.equal(quantityToNumber("1500m"), 1.5);
  assert.equal(quantityValue(1.2), 2);
});

test("sums keep the format of the first that is not zero", () => {
  assert.equal(formatQuantity(addQuantities("0", "1Gi")), "1Gi");
  assert.equal(formatQuantity(addQuantities("1Gi", "1024Mi")), "2Gi");
  assert.equal(formatQuantity(subtractQuantities("1", "100m")), "900m");
  assert.equal(formatQuantity(subtractQuantities("1Gi", "1Gi")), "0");
});

const text = () =>
  fc
    .tuple(
      fc.constantFrom("", "-"),
      fc.integer({ min: 0, max: 999_999_999 }),
      fc.constantFrom("", ".5", ".25", ".001"),
      fc.constantFrom("", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "e3", "E-3"),
    )
    .map((parts) => parts.join(""));

test("a printed quantity means the same and prints the same again", () => {
  fc.assert(
    fc.property(text(), (quantity) => {
      const printed = canonicalQuantity(quantity);
      assert.equal(compareQuantities(printed, quantity), 0);
      assert.equal(canonicalQuantity(printed), printed);
    }),
  );
});

test("the fast ways to values agree with the exact one", () => {
  fc.assert(
    fc.property(text(), (quantity) => {
      assert.equal(milliValue(quantity), milliValue(parseQuantity(quantity)));
      assert.equal(quantityValue(quantity), quantityValue(parseQuantity(quantity)));
    }),
  );
});

test("adding and subtracting cancel out", () => {
  fc.assert(
    fc.property(text(), text(), (a, b) => {
      assert.equal(compareQuantities(subtractQuantities(addQuantities(a, b), b), a), 0);
    }),
  );
});
