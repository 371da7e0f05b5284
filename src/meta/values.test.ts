// Conditions, counts, names that are made up, times: the small values of the object model.
import assert from "node:assert/strict";
import { test } from "node:test";
import { getCondition, isConditionTrue, removeCondition, setCondition, type Condition } from "./conditions.ts";
import { generateName, safeEncode } from "./generate-name.ts";
import { intOrPercent, isPercent } from "./int-or-percent.ts";
import { validateCidr, validateIp, validateLegacyIp } from "./ip-validation.ts";
import { templateHash } from "./template-hash.ts";
import { canonicalMicroTime, canonicalTime, formatMicroTime, formatTime } from "./time.ts";

test("a condition keeps its transition time until its status changes", () => {
  const first = setCondition<Condition>(undefined, { type: "Ready", status: "False", reason: "Starting" }, "t1");
  assert.deepEqual<unknown>(first, [{ type: "Ready", status: "False", reason: "Starting", lastTransitionTime: "t1" }]);
  const reworded = setCondition(first, { type: "Ready", status: "False", reason: "Waiting" }, "t2");
  assert.deepEqual<unknown>(getCondition(reworded, "Ready"), {
    type: "Ready",
    status: "False",
    reason: "Waiting",
    lastTransitionTime: "t1",
  });
  const ready = setCondition(reworded, { type: "Ready", status: "True" }, "t3");
  assert.deepEqual<unknown>(ready, [{ type: "Ready", status: "True", lastTransitionTime: "t3" }]);
  assert.equal(isConditionTrue(ready, "Ready"), true);
  assert.equal(setCondition(ready, { type: "Ready", status: "True" }, "t4"), ready);
  assert.equal(isConditionTrue(first, "Ready"), false);
  assert.deepEqual(removeCondition(ready, "Ready"), []);
  assert.equal(removeCondition(ready, "Other"), ready);
});

test("percentages of a total round as they are told", () => {
  assert.equal(intOrPercent(3, 10, true), 3);
  assert.equal(intOrPercent("25%", 10, true), 3);
  assert.equal(intOrPercent("25%", 10, false), 2);
  assert.equal(intOrPercent("100%", 7, false), 7);
  assert.equal(intOrPercent("0%", 7, true), 0);
  assert.throws(() => intOrPercent("25", 10, true), { message: "invalid value for IntOrString: invalid type: string is not a percentage" });
  assert.throws(() => intOrPercent("x%", 10, true), {
    message: 'invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax',
  });
  assert.deepEqual([isPercent("5%"), isPercent("5"), isPercent(5), isPercent(undefined)], [true, false, false, false]);
});

test("a generated name is cut to 63 characters and uses the safe alphabet", () => {
  assert.match(generateName("web-", Math.random), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.equal(
    generateName("x".repeat(100), () => 0),
    `${"x".repeat(58)}bbbbb`,
  );
  assert.match(
    generateName("", () => 0.999999),
    /^9{5}$/,
  );
});

test("encoding is that of upstream's hashes in names", () => {
  // Digit characters are codes 48 to 57; 48 mod 27 is 21.
  assert.equal(safeEncode("0123456789"), "456789bcdf");
});

test("a template's hash does not depend on the order of keys, but on all values", () => {
  const hash = templateHash({ a: 1, b: { c: [1, 2], d: undefined } });
  assert.equal(templateHash({ b: { c: [1, 2] }, a: 1 }), hash);
  assert.notEqual(templateHash({ b: { c: [2, 1] }, a: 1 }), hash);
  assert.notEqual(templateHash({ a: 1, b: { c: [1, 2] } }, 1), hash);
  assert.match(hash, /^[bcdf456789]{1,10}$/);
});

test("times become UTC in whole seconds", () => {
  for (const [text, want] of [
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"],
    ["2026-01-31T23:59:59Z", "2026-01-31T23:59:59Z"],
    ["2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05Z"],
    ["2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"],
    ["2026-01-02T03:04:05-00:30", "2026-01-02T03:34:05Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"],
    ["2026-02-29T00:00:00Z", undefined],
    ["2026-13-01T00:00:00Z", undefined],
    ["2026-01-01", undefined],
    ["2026-01-01 00:00:00Z", undefined],
    ["2026-01-01T25:00:00Z", undefined],
    ["", undefined],
  ] as const) {
    assert.equal(canonicalTime(text), want, text);
  }
  assert.equal(canonicalMicroTime("2026-01-02T03:04:05.123456+01:00"), "2026-01-02T02:04:05.123456Z");
  assert.equal(canonicalMicroTime("2026-01-02T03:04:05Z"), undefined);
  assert.equal(formatTime(1_500), "1970-01-01T00:00:01Z");
  assert.equal(formatMicroTime(1_500), "1970-01-01T00:00:01.500000Z");
});

test("addresses and subnets are checked with upstream's words", () => {
  const details = (errors: ReturnType<typeof validateIp>) => errors.map((error) => error.detail);
  assert.deepEqual(validateIp("f", "10.0.0.1"), []);
  assert.deepEqual(details(validateIp("f", "x")), ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]);
  assert.deepEqual(details(validateIp("f", "010.0.0.1")), ["must not have leading 0s"]);
  assert.deepEqual(details(validateIp("f", "::ffff:1.2.3.4")), ["must not be an IPv4-mapped IPv6 address"]);
  assert.deepEqual(details(validateIp("f", "2001:DB8::1")), ['must be in canonical form ("2001:db8::1")']);
  assert.deepEqual(validateLegacyIp("f", "2001:DB8::1"), []);
  assert.deepEqual(validateCidr("f", "10.0.0.0/8"), []);
  assert.deepEqual(details(validateCidr("f", "10.0.0.1/8")), ["must not have bits set beyond the prefix length"]);
  assert.deepEqual(details(validateCidr("f", "10.0.0.0/33")), ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]);
});
