import assert from "node:assert/strict";
import { test } from "node:test";
import { formatGoDuration, parseGoDuration } from "./go-duration.ts";

test("durations are printed as Go does, and read again", () => {
  const texts: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [300, "300ms"],
    [15_000, "15s"],
    [15_250, "15.25s"],
    [60_000, "1m0s"],
    [3_615_000, "1h0m15s"],
    [-1500, "-1.5s"],
  ];
  for (const [ms, text] of texts) {
    assert.equal(formatGoDuration(ms), text);
    assert.equal(parseGoDuration(text), ms);
  }
  assert.equal(parseGoDuration("15"), undefined);
});
