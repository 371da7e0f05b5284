import assert from "node:assert/strict";
import { test } from "node:test";
import { fnv1a32, fnv1a32Bytes } from "./fnv.ts";

test("hashes are those of the published test vectors", () => {
  assert.equal(fnv1a32(""), 0x811c9dc5);
  assert.equal(fnv1a32("a"), 0xe40c292c);
  assert.equal(fnv1a32("foobar"), 0xbf9cf968);
});

test("text is hashed as UTF-8", () => {
  assert.equal(fnv1a32("aé漢😀"), fnv1a32Bytes(new TextEncoder().encode("aé漢😀")));
});
