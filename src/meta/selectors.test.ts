import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeFieldValue, formatLabelSelector, labelSelectorMatcher, parseFieldSelector, parseLabelSelector } from "./selectors.ts";

const matching: readonly { selector: string; labels: Record<string, string>; want: boolean }[] = [
  { selector: "", labels: {}, want: true },
  { selector: "x=y", labels: { x: "y" }, want: true },
  { selector: "x=y,z=w", labels: { x: "y", z: "w" }, want: true },
  { selector: "x=y,z=w", labels: { x: "y" }, want: false },
  { selector: "x!=y,z!=w", labels: { x: "z", z: "a" }, want: true },
  { selector: "x!=y", labels: {}, want: true },
  { selector: "notin=in", labels: { notin: "in" }, want: true },
  { selector: "x in (a,b)", labels: { x: "b" }, want: true },
  { selector: "x in (a,b)", labels: {}, want: false },
  { selector: "x notin (a,b)", labels: {}, want: true },
  { selector: "x notin (a,)", labels: { x: "" }, want: false },
  { selector: "x", labels: { x: "" }, want: true },
  { selector: "!x", labels: { x: "" }, want: false },
  { selector: "x=", labels: { x: "" }, want: true },
  { selector: "x>1", labels: { x: "2" }, want: true },
  { selector: "x<1", labels: { x: "a" }, want: false },
  { selector: "toString", labels: {}, want: false },
];
for (const { selector, labels, want } of matching) {
  test(`selector "${selector}" ${want ? "matches" : "does not match"} ${JSON.stringify(labels)}`, () => {
    assert.equal(parseLabelSelector(selector).matches(labels), want);
  });
}

const refused: readonly [string, string][] = [
  ["a in", "unable to parse requirement: found '' expected: '('"],
  ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ["=x", "found '=', expected: !, identifier, or 'end of string'"],
  ["a=b,", "found '', expected: identifier after ','"],
  ["a=b c", "found 'c', expected: ',' or 'end of string'"],
  ["x in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"],
  ["a!==b", "unable to parse requirement: found '=', expected: identifier"],
];
for (const [selector, message] of refused) {
  test(`selector "${selector}" is refused`, () => {
    assert.throws(() => parseLabelSelector(selector), { message, code: 400, reason: "BadRequest" });
  });
}

test("a bad key is refused with the rule it breaks", () => {
  assert.throws(
    () => parseLabelSelector("-a=b"),
    /^ApiError: unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of/,
  );
  assert.throws(
    () => parseLabelSelector("x=a||y"),
    /^ApiError: unable to parse requirement: values\[0\]\[x\]: Invalid value: "a\|\|y": a valid label/,
  );
});

test("requirements print sorted by key, values sorted", () => {
  assert.equal(parseLabelSelector("x in (b,a), !z ,  a=b,c").toString(), "a=b,c,x in (a,b),!z");
});

test("parsing what is printed gives the same selector", () => {
  const key = fc.constantFrom("a", "b", "in", "x.io/y");
  const value = fc.constantFrom("", "1", "v", "notin");
  const requirement = fc.oneof(
    fc.tuple(key, fc.constantFrom("=", "==", "!="), value).map((parts) => parts.join("")),
    fc
      .tuple(key, fc.constantFrom("in", "notin"), fc.array(value, { minLength: 1 }))
      .map(([k, op, values]) => `${k} ${op} (${values.join(",")})`),
    fc.tuple(fc.constantFrom("", "!"), key).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(fc.array(requirement), (parts) => {
      const printed = parseLabelSelector(parts.join(",")).toString();
      assert.equal(parseLabelSelector(printed).toString(), printed);
    }),
  );
});

test("an absent selector object matches nothing, an empty one everything", () => {
  assert.equal(labelSelectorMatcher(undefined).matches({}), false);
  assert.equal(labelSelectorMatcher(undefined).empty, false);
  assert.equal(labelSelectorMatcher({}).matches({ a: "b" }), true);
  assert.equal(labelSelectorMatcher({}).empty, true);
});

test("a selector object matches by labels and expressions together", () => {
  const selector = {
    matchLabels: { app: "web" },
    matchExpressions: [
      { key: "tier", operator: "In", values: ["a", "b"] },
      { key: "old", operator: "DoesNotExist" },
    ],
  };
  const matcher = labelSelectorMatcher(selector);
  assert.equal(matcher.matches({ app: "web", tier: "b" }), true);
  assert.equal(matcher.matches({ app: "web", tier: "b", old: "" }), false);
  assert.equal(matcher.matches({ app: "web" }), false);
  assert.equal(formatLabelSelector(selector), "app=web,!old,tier in (a,b)");
  assert.equal(formatLabelSelector({}), "<none>");
  assert.equal(formatLabelSelector({ matchExpressions: [{ key: "a", operator: "Near" }] }), "<error>");
});

test("field selectors compare, escape and unescape", () => {
  const matcher = parseFieldSelector("metadata.name==a\\,b,status.phase!=Running,");
  assert.deepEqual(matcher.requirements, [
    { field: "metadata.name", operator: "=", value: "a,b" },
    { field: "status.phase", operator: "!=", value: "Running" },
  ]);
  assert.equal(matcher.matches({ "metadata.name": "a,b" }), true);
  assert.equal(matcher.matches({ "metadata.name": "a,b", "status.phase": "Running" }), false);
  assert.equal(matcher.exactly("metadata.name"), "a,b");
  assert.equal(matcher.toString(), "metadata.name=a\\,b,status.phase!=Running");
  assert.equal(parseFieldSelector("").empty, true);
});

test("malformed field selectors are refused", () => {
  assert.throws(() => parseFieldSelector("metadata.name"), {
    message: "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
  });
  assert.throws(() => parseFieldSelector("a=b=c"), { message: "invalid field selector: unescaped character in value: 61" });
  assert.throws(() => parseFieldSelector("a=b\\c"), { message: "invalid field selector: invalid escape sequence: \\c" });
});

test("any value survives being escaped in a field selector", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      assert.equal(parseFieldSelector(`f=${escapeFieldValue(value)}`).requirements[0]?.value, value);
    }),
  );
});
