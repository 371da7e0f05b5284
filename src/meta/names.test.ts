import assert from "node:assert/strict";
import { test } from "node:test";
import * as names from "./names.ts";

const valid: readonly [string, (value: string) => string[], readonly string[], readonly string[]][] = [
  [
    "dns1123Label",
    names.dns1123Label,
    ["a", "ab", "0", "a--1", "a".repeat(63)],
    ["", "A", "-", "a-", "-a", "a.b", "a_b", " a", "a\n", "a".repeat(64)],
  ],
  [
    "dns1123Subdomain",
    names.dns1123Subdomain,
    ["a", "a.b", "0.1", "a-b.c", `a.${"b".repeat(251)}`],
    ["", ".", "a.", ".a", "a..b", "A.b", "a_b", "a".repeat(254)],
  ],
  ["dns1035Label", names.dns1035Label, ["a", "a1", "a-1"], ["", "1a", "a-", "A", "a.b", "a".repeat(64)]],
  [
    "qualifiedName",
    names.qualifiedName,
    ["simple", "1-num", "x.y/Z", "A_b.c", "1.2.3.4/5678"],
    ["", "a b", "/a", "a/", "a/b/c", "-a", "A/b", "a".repeat(64), `${"a".repeat(254)}/b`],
  ],
  ["labelValue", names.labelValue, ["", "a", "A-_.9"], ["-a", "a b", "a/b", "a".repeat(64)]],
  ["pathSegmentName", names.pathSegmentName, ["a:b", "..a", "A B"], [".", "..", "a/b", "a%b"]],
  ["portName", names.portName, ["http", "a-1"], ["", "80", "a--b", "-a", "Http", "a234567890123456"]],
  ["envVarName", names.envVarName, ["A", "_a.b-c"], ["", "1a", "a b", "..", "..a"]],
  ["relaxedEnvVarName", names.relaxedEnvVarName, ["1 a", "..", "!"], ["", "a=b", "é", "a\n"]],
  ["configMapKey", names.configMapKey, ["a.b", "-", "__proto__"], ["", ".", "..", "..a", "a b", "a".repeat(254)]],
  ["percent", names.percent, ["0%", "100%"], ["", "%", "1", "-1%", "1.5%"]],
];
for (const [rule, check, good, bad] of valid) {
  test(`${rule} takes what upstream takes and refuses the rest`, () => {
    for (const value of good) assert.deepEqual(check(value), [], value);
    for (const value of bad) assert.notEqual(check(value).length, 0, value);
  });
}

test("texts are upstream's", () => {
  assert.deepEqual(names.dns1123Label("A"), [
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  assert.deepEqual(names.dns1123Label("a.b"), ["must not contain dots"]);
  assert.deepEqual(names.dns1123Subdomain("a".repeat(254)), ["must be no more than 253 characters"]);
  assert.deepEqual(names.dns1123Subdomain("A"), [
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ]);
  assert.deepEqual(names.qualifiedName("/a"), ["prefix part must be non-empty"]);
  assert.deepEqual(names.qualifiedName("a".repeat(64)), ["name part must be no more than 63 bytes"]);
  assert.deepEqual(names.pathSegmentName(".."), ["may not be '..'"]);
  assert.deepEqual(names.portNumber(0), ["must be between 1 and 65535, inclusive"]);
});

test("lengths are counted in UTF-8 bytes", () => {
  for (const text of ["", "a", "é", "漢", "😀", "a😀é", "\ud800"]) assert.equal(names.byteLength(text), Buffer.byteLength(text), text);
});
