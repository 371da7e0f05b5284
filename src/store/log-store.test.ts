import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LogStore } from "./log-store.ts";
import type { Log, LogRecord } from "./log-store.ts";
import { StoreError } from "./store.ts";

const bytes = new Uint8Array([1, 2, 3]);

/** A log whose commits end when the test says so. */
class HeldLog implements Log {
  readonly batches: (readonly LogRecord[])[] = [];
  readonly compactions: { readonly revision: number; readonly dead: number[] }[] = [];
  #end: PromiseWithResolvers<void> | undefined;

  append(records: readonly LogRecord[]): Promise<void> {
    assert.equal(this.#end, undefined, "appends overlap");
    this.batches.push(records);
    this.#end = Promise.withResolvers();
    return this.#end.promise;
  }
  async compact(revision: number, dead: Float64Array): Promise<void> {
    this.compactions.push({ revision, dead: Array.from(dead) });
  }
  async close(): Promise<void> {}

  async end(error?: unknown): Promise<void> {
    await turn();
    const end = this.#end;
    this.#end = undefined;
    if (error) end?.reject(error);
    else end?.resolve();
    await turn();
  }
}

/** Lets everything that is due run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function outcomes(promises: readonly Promise<unknown>[]): Promise<string[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) =>
    result.status === "fulfilled" ? "ok" : result.reason instanceof StoreError ? result.reason.code : String(result.reason),
  );
}

void describe("LogStore", () => {
  void test("nothing is seen, told or answered before the log has it", async () => {
    const log = new HeldLog();
    const store = new LogStore(log, { defer: queueMicrotask });
    const told: number[] = [];
    store.watch("/", { after: 1, onEvents: (events) => told.push(events.length) });
    let answered = 0;
    for (const key of ["/a", "/b"]) void store.put(key, bytes, 0).then(() => answered++);
    await turn();
    assert.deepEqual([log.batches.length, store.revision, store.count("/"), answered, told], [1, 1, 0, 0, []]);
    await log.end();
    assert.deepEqual([store.revision, store.count("/"), answered, told], [3, 2, 2, [2]]);
  });

  void test("writes of one turn share a commit, and those that come while one is under way the next", async () => {
    const log = new HeldLog();
    const store = new LogStore(log, { defer: queueMicrotask });
    const writes = ["/a", "/b", "/c"].map((key) => store.put(key, bytes, 0));
    await turn();
    for (const key of ["/d", "/e"]) {
      writes.push(store.put(key, bytes, 0));
      await turn();
    }
    await log.end();
    await log.end();
    await Promise.all(writes);
    assert.deepEqual(
      log.batches.map((batch) => batch.map(({ key }) => key).join(" ")),
      ["/a /b /c", "/d /e"],
    );
  });

  void test("a refusal because of a pending write waits for it, and a failed commit fails all that was accepted", async () => {
    const log = new HeldLog();
    const store = new LogStore(log, { defer: queueMicrotask });
    const first = store.put("/a", bytes, 0);
    const second = store.put("/a", bytes, 0);
    await turn();
    const queued = store.put("/b", bytes, 0);
    const deleted = store.delete("/a", 1);
    const all = outcomes([first, second, queued, deleted]);
    await log.end(new StoreError("io", "the disk is full"));
    assert.deepEqual(await all, ["io", "io", "io", "io"]);
    assert.deepEqual([store.revision, store.count("")], [1, 0]);
    // The store goes on from what is really there.
    const again = store.put("/a", bytes, 0);
    await log.end();
    const entry = await again;
    assert.equal(store.revision, entry.revision);
    assert.deepEqual(store.get("/a"), entry);
  });

  void test("a deletion that is pending is what later writes see", async () => {
    const log = new HeldLog();
    const store = new LogStore(log, { defer: queueMicrotask });
    const created = store.put("/a", bytes, 0);
    await log.end();
    const { revision } = await created;
    const all = outcomes([
      store.delete("/a", revision),
      store.delete("/a", revision),
      store.put("/a", bytes, revision),
      store.put("/a", bytes, 0),
    ]);
    await log.end();
    assert.deepEqual(await all, ["ok", "notFound", "conflict", "ok"]);
    assert.equal(store.get("/a")?.createRevision, 4);
  });

  void test("compaction names the dead records, a deletion after what it deleted", async () => {
    const log = new HeldLog();
    const store = new LogStore(log, { defer: queueMicrotask });
    const steps = [
      () => store.put("/a", bytes, 0),
      () => store.put("/a", bytes, 2),
      () => store.delete("/a", 3),
      () => store.put("/a", bytes, 0),
    ];
    for (const step of steps) {
      const write = step();
      await log.end();
      await write;
    }
    await store.compact(4);
    assert.deepEqual(log.compactions, [{ revision: 4, dead: [2, 3, 4] }]);
    await store.compact(5);
    assert.deepEqual(log.compactions[1], { revision: 5, dead: [] });
  });

  void test("replay rebuilds the state and history, and drops what a crash left of a compaction", () => {
    const log = new HeldLog();
    const store = new LogStore(log, { defer: queueMicrotask });
    const record = (revision: number, key: string, createRevision: number, value?: Uint8Array): LogRecord => ({
      revision,
      key,
      createRevision,
      value,
    });
    store.replay({
      compacted: 6,
      records: [record(2, "/a", 2, bytes), record(3, "/b", 3, bytes), record(4, "/a", 2, bytes), record(6, "/b", 3)],
    });
    store.replay({ compacted: 6, records: [record(8, "/a", 2, bytes), record(9, "/c", 9, bytes)] });
    assert.deepEqual(log.compactions, [{ revision: 6, dead: [2, 3, 6] }]);
    assert.deepEqual([store.revision, store.compactedRevision], [9, 6]);
    const shown = (revision: number) => store.list("", { revision }).entries.map((entry) => `${entry.key}@${entry.revision}`);
    assert.deepEqual([shown(9), shown(8), shown(6)], [["/a@8", "/c@9"], ["/a@8"], ["/a@4"]]);
  });

  void test("a watch that a compaction overtakes before it begins ends", async () => {
    const log = new HeldLog();
    const store = new LogStore(log, { defer: queueMicrotask });
    const write = store.put("/a", bytes, 0);
    await log.end();
    await write;
    const ends: string[] = [];
    store.watch("/", { after: 1, onEvents: () => ends.push("events"), onEnd: ({ code }) => ends.push(code) });
    void store.compact(2);
    await turn();
    assert.deepEqual(ends, ["compacted"]);
  });
});
