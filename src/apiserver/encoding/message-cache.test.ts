import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "#store/store.ts";
import { createMessageCache } from "./message-cache.ts";

test("messages are made once while they fit, and the oldest are forgotten", () => {
  const cache = createMessageCache(100);
  const entries = ["a", "b", "c"].map((key): Entry => ({ key, value: new Uint8Array(0), revision: 1, createRevision: 1 }));
  const made: string[] = [];
  const get = (index: number, length: number) => {
    const entry = entries[index];
    assert.ok(entry);
    return cache.get(entry, () => {
      made.push(entry.key);
      return new Uint8Array(length);
    }).length;
  };
  assert.deepEqual([get(0, 60), get(0, 60), get(1, 40), get(0, 60)], [60, 60, 40, 60]);
  assert.deepEqual(made, ["a", "b"]);
  get(2, 10);
  assert.deepEqual([get(1, 40), get(2, 10), get(0, 60)], [40, 10, 60]);
  assert.deepEqual(made, ["a", "b", "c", "a"]);
  assert.equal(get(1, 101), 101, "what is larger than all is made, not kept");
});
