import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import { autoCompact } from "./auto-compact.ts";
import { createMemoryStore } from "./memory-store.ts";

const MINUTE = 60_000;

void describe("autoCompact", () => {
  void test("keeps what is younger than five minutes and forgets what is older than five and a half", async () => {
    const store = createMemoryStore();
    const clock = createVirtualClock();
    using _ = autoCompact(store, clock);
    const first = await store.put("/a", Buffer.from("1"), 0);
    await clock.advance(MINUTE);
    const second = await store.put("/a", Buffer.from("2"), first.revision);
    await clock.advance(4 * MINUTE - 1);
    assert.equal(store.compactedRevision, 0);
    await clock.advance(MINUTE / 2 + 1);
    assert.equal(store.compactedRevision, first.revision);
    await clock.advance(MINUTE);
    assert.equal(store.compactedRevision, second.revision);
    assert.equal(clock.nextTimerAt(), undefined, "an idle store wakes nobody up");
    await store.put("/a", Buffer.from("3"), second.revision);
    await clock.advance(5.5 * MINUTE);
    assert.equal(store.compactedRevision, store.revision);
  });

  void test("forgets earlier when there are many changes", async () => {
    const store = createMemoryStore();
    using _ = autoCompact(store, createVirtualClock(), { maxEvents: 100 });
    for (let count = 0; count < 1000; count++) {
      await store.put(`/${count}`, Buffer.from("x"), 0);
      const kept = store.revision - Math.max(store.compactedRevision, 1);
      assert.ok(kept <= 101 && (count < 100 || kept >= 80), `${kept} kept after ${count}`);
    }
  });

  void test("forgets earlier when replaced values are large, and not because of new keys", async () => {
    const store = createMemoryStore();
    using _ = autoCompact(store, createVirtualClock(), { maxBytes: 10_000 });
    for (let count = 0; count < 50; count++) await store.put(`/${count}`, new Uint8Array(1000), 0);
    assert.equal(store.compactedRevision, 0);
    for (let count = 0; count < 50; count++) await store.put(`/${count}`, new Uint8Array(1000), count + 2);
    assert.ok(store.revision - store.compactedRevision <= 11, `${store.compactedRevision} of ${store.revision}`);
  });

  void test("forgets what the store brought along, and stops when disposed or when the store closes", async () => {
    const store = createMemoryStore();
    const clock = createVirtualClock();
    await store.put("/a", Buffer.from("1"), 0);
    using _ = autoCompact(store, clock);
    await clock.advance(5.5 * MINUTE);
    assert.equal(store.compactedRevision, 2);
    const stopped = autoCompact(store, clock);
    await store.put("/b", Buffer.from("1"), 0);
    await Promise.resolve();
    stopped[Symbol.dispose]();
    await store.close();
    assert.equal(clock.nextTimerAt(), undefined);
  });
});
