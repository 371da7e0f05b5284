import assert from "node:assert/strict";
import { test } from "node:test";
import { clone } from "./clone.ts";

test("a copy shares nothing, and a field of any name stays a field", () => {
  const value = JSON.parse('{"a":[{"b":[1,null]},[],"x"],"__proto__":{"c":{"d":1}},"e":null}') as Record<string, unknown>; // an object, as written
  const before = JSON.stringify(value);
  const copy = clone(value);
  assert.deepEqual(copy, value);
  assert.equal(JSON.stringify(copy), before);
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
  const change = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    for (const child of Object.values(part)) change(child);
    Object.assign(part, { changed: true });
  };
  change(copy);
  assert.equal(JSON.stringify(value), before);
});
