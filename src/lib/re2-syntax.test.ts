import assert from "node:assert/strict";
import { test } from "node:test";
import { wrongPattern } from "./re2-syntax.ts";

const GOOD = [
  "",
  "^a$",
  "a*?b+",
  "(?i)abc",
  "(?P<n>a)|(?<m>b)",
  "[[:alpha:]-z]",
  "[]a]",
  "[^\\]]",
  "a{,3}",
  "a{2,}",
  "\\pL\\P{Greek}",
  "\\Q(((\\E",
  "\\x{10FFFF}",
];
/** What is wrong, and the part of the pattern that Go names. */
const BAD: readonly (readonly [pattern: string, problem: string])[] = [
  ["*", "missing argument to repetition operator: `*`"],
  ["a|*", "missing argument to repetition operator: `*`"],
  ["a**", "invalid nested repetition operator: `**`"],
  ["(a", "missing closing ): `(a`"],
  ["a)", "unexpected ): `a)`"],
  ["[a", "missing closing ]: `[a`"],
  ["[b-a]", "invalid character class range: `b-a`"],
  ["[[:foo:]]", "invalid character class range: `[:foo:]`"],
  ["(?=a)", "invalid or unsupported Perl syntax: `(?=`"],
  ["(?<=a)", "invalid named capture: `(?<=a)`"],
  ["(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"],
  ["\\1", "invalid escape sequence: `\\1`"],
  ["\\", "trailing backslash at end of expression: ``"],
  ["a{1001}", "invalid repeat count: `{1001}`"],
  ["(a{40}){40}", "invalid repeat count: `{40}`"],
  ["\\p{Nope}", "invalid character class range: `\\p{Nope}`"],
];

test("patterns that RE2 knows have nothing wrong", () => {
  for (const pattern of GOOD) assert.equal(wrongPattern(pattern), undefined, pattern);
});

test("what is wrong with a pattern is told in Go's words", () => {
  for (const [pattern, problem] of BAD) assert.equal(wrongPattern(pattern), `error parsing regexp: ${problem}`, pattern);
});
