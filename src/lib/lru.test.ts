import assert from "node:assert/strict";
import { test } from "node:test";
import { createLru } from "./lru.ts";

test("the least recently used entry goes when there are too many", () => {
  const lru = createLru<string, number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  assert.equal(lru.get("a"), 1);
  lru.set("c", 3);
  assert.equal(lru.get("b"), undefined);
  assert.equal(lru.get("a"), 1);
  assert.equal(lru.get("c"), 3);
  assert.equal(lru.size, 2);
  assert.equal(lru.delete("a"), true);
  lru.clear();
  assert.equal(lru.size, 0);
});
