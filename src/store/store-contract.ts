// What holds for every store. Each implementation's test file runs this suite with its own way to open one.
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { StoreError } from "./store.ts";
import type { Entry, Store, StoreErrorCode, StoreEvent, WatchOptions } from "./store.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const show = (entry: Entry | undefined): string | undefined => entry && `${entry.key}=${new TextDecoder().decode(entry.value)}`;

function isStoreError(code: StoreErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && error.code === code;
}

/** Fails unless `work` throws or rejects with `code`, whichever way the implementation has. */
async function assertRefused(code: StoreErrorCode, work: () => unknown): Promise<void> {
  await assert.rejects(async () => work(), isStoreError(code));
}

/** All that a watch was told. */
class Recorder {
  readonly events: StoreEvent[] = [];
  readonly batches: (readonly StoreEvent[])[] = [];
  readonly progress: number[] = [];
  readonly ends: StoreError[] = [];
  readonly options: WatchOptions;
  #wake: () => void = () => {};

  constructor(after: number) {
    this.options = {
      after,
      onEvents: (events) => {
        this.batches.push(events);
        this.events.push(...events);
        this.#wake();
      },
      onProgress: (revision) => {
        this.progress.push(revision);
        this.#wake();
      },
      onEnd: (error) => {
        this.ends.push(error);
        this.#wake();
      },
    };
  }

  /** Resolves when `condition` holds; the test's own timeout is the limit. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

/** A small generator of random numbers, so that a failure can be run again from its seed. */
function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Runs the contract against the stores that `open` makes: each new and empty. */
export function describeStoreContract(name: string, open: () => Promise<Store>): void {
  void describe(`store contract: ${name}`, { timeout: 60_000 }, () => {
    const opened: Store[] = [];
    const openStore = async () => {
      const store = await open();
      opened.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    void test("a new store is empty and at revision 1", async () => {
      const store = await openStore();
      assert.equal(store.revision, 1);
      assert.deepEqual(await store.list(""), { entries: [], revision: 1, remaining: 0 });
      assert.equal(await store.get("/a"), undefined);
      assert.equal(await store.count(""), 0);
    });

    void test("put creates, updates and keeps the revision of the creation", async () => {
      const store = await openStore();
      const created = await store.put("/a", text("1"), 0);
      assert.equal(created.revision, 2);
      assert.equal(created.createRevision, 2);
      assert.equal(store.revision, 2);
      const updated = await store.put("/a", text("2"), created.revision);
      assert.deepEqual([updated.revision, updated.createRevision], [3, 2]);
      assert.deepEqual(await store.get("/a"), updated);
      assert.equal(await store.delete("/a", 3), 4);
      assert.equal(await store.get("/a"), undefined);
      assert.equal(store.revision, 4);
      const again = await store.put("/a", text("3"), 0);
      assert.deepEqual([again.revision, again.createRevision], [5, 5]);
    });

    void test("an empty value is a value", async () => {
      const store = await openStore();
      await store.put("/a", new Uint8Array(0), 0);
      assert.equal((await store.get("/a"))?.value.length, 0);
      assert.equal(await store.count("/"), 1);
    });

    void test("a write at the wrong revision is refused with what is there", async () => {
      const store = await openStore();
      const there = await store.put("/a", text("1"), 0);
      const conflict = (current: Entry | undefined) => (error: unknown) => {
        assert.ok(error instanceof StoreError);
        assert.equal(error.code, "conflict");
        assert.deepEqual(error.current, current);
        return true;
      };
      await assert.rejects(store.put("/a", text("2"), 0), conflict(there));
      await assert.rejects(store.put("/a", text("2"), 99), conflict(there));
      await assert.rejects(store.put("/b", text("2"), 99), conflict(undefined));
      await assert.rejects(store.delete("/a", 99), conflict(there));
      await assert.rejects(store.delete("/b", 99), isStoreError("notFound"));
      assert.equal(store.revision, 2);
    });

    void test("of many that create one key at once the first wins, and the others are told its entry", async () => {
      const store = await openStore();
      const results = await Promise.allSettled(Array.from({ length: 20 }, (_, writer) => store.put("/a", text(`${writer}`), 0)));
      const first = results[0];
      assert.ok(first?.status === "fulfilled");
      assert.equal(show(first.value), "/a=0");
      for (const result of results.slice(1)) {
        assert.ok(result.status === "rejected" && result.reason instanceof StoreError);
        assert.equal(result.reason.code, "conflict");
        assert.deepEqual(result.reason.current, first.value);
      }
    });

    void test("writers that read, add and write again lose no update", async () => {
      const store = await openStore();
      await store.put("/n", text("0"), 0);
      const add = async () => {
        let current = await store.get("/n");
        for (;;) {
          const value = text(`${Number(new TextDecoder().decode(current?.value)) + 1}`);
          try {
            return await store.put("/n", value, current?.revision ?? 0);
          } catch (error) {
            if (!(error instanceof StoreError) || error.code !== "conflict") throw error;
            current = error.current;
          }
        }
      };
      await Promise.all(Array.from({ length: 8 }, add));
      assert.equal(show(await store.get("/n")), "/n=8");
      assert.equal(store.revision, 10);
    });

    void test("revisions follow the order of the calls, over all keys", async () => {
      const store = await openStore();
      const entries = await Promise.all(["/c", "/a", "/b"].map((key) => store.put(key, text("x"), 0)));
      assert.deepEqual(
        entries.map(({ revision }) => revision),
        [2, 3, 4],
      );
    });

    void test("a write that is not answered yet is not seen", async () => {
      const store = await openStore();
      const recorder = new Recorder(1);
      using _ = store.watch("/", recorder.options);
      const write = store.put("/a", text("1"), 0);
      assert.equal(store.revision, 1);
      assert.equal(await store.count("/"), 0);
      assert.equal(recorder.events.length, 0);
      await write;
      assert.equal(show(await store.get("/a")), "/a=1");
      await recorder.until(() => recorder.events.length === 1);
    });

    void test("list gives a prefix in order, in pieces, and says how many are left", async () => {
      const store = await openStore();
      await Promise.all(["/p/b", "/p/a", "/q/a", "/p/d", "/o/z", "/p/c", "/p"].map((key) => store.put(key, text("x"), 0)));
      const keys = async (...args: Parameters<Store["list"]>) => {
        const { entries, remaining } = await store.list(...args);
        return [...entries.map(({ key }) => key), remaining];
      };
      assert.deepEqual(await keys("/p/"), ["/p/a", "/p/b", "/p/c", "/p/d", 0]);
      assert.deepEqual(await keys("/p/", { limit: 3 }), ["/p/a", "/p/b", "/p/c", 1]);
      assert.deepEqual(await keys("/p/", { limit: 3, after: "/p/c" }), ["/p/d", 0]);
      assert.deepEqual(await keys("/p/", { limit: 4 }), ["/p/a", "/p/b", "/p/c", "/p/d", 0]);
      assert.deepEqual(await keys("/p/", { after: "/p/aa", limit: 1 }), ["/p/b", 2]);
      assert.deepEqual(await keys("/p/", { after: "/a", limit: 1 }), ["/p/a", 3]);
      assert.deepEqual(await keys("/p/", { after: "/z" }), [0]);
      assert.deepEqual(await keys("/r/"), [0]);
      assert.equal(await store.count("/p/"), 4);
      assert.equal(await store.count("/p"), 5);
      assert.equal(await store.count(""), 7);
    });

    void test("list shows the past until it is compacted", async () => {
      const store = await openStore();
      await store.put("/a", text("1"), 0); // 2
      await store.put("/b", text("1"), 0); // 3
      await store.put("/a", text("2"), 2); // 4
      await store.delete("/b", 3); // 5
      await store.put("/c", text("1"), 0); // 6
      const at = async (revision: number) => (await store.list("/", { revision })).entries.map(show);
      assert.deepEqual(await at(1), []);
      assert.deepEqual(await at(2), ["/a=1"]);
      assert.deepEqual(await at(3), ["/a=1", "/b=1"]);
      assert.deepEqual(await at(4), ["/a=2", "/b=1"]);
      assert.deepEqual(await at(5), ["/a=2"]);
      assert.deepEqual(await at(6), ["/a=2", "/c=1"]);
      assert.deepEqual(await at(0), ["/a=2", "/c=1"]);
      assert.equal((await store.list("/", { revision: 3 })).revision, 3);
      const page = await store.list("/", { revision: 3, limit: 1 });
      assert.deepEqual([page.entries.map(show), page.remaining], [["/a=1"], 1]);
      await assertRefused("future", () => store.list("/", { revision: 7 }));
      await store.compact(4);
      assert.equal(store.compactedRevision, 4);
      await assertRefused("compacted", () => store.list("/", { revision: 3 }));
      assert.deepEqual(await at(4), ["/a=2", "/b=1"]);
      assert.deepEqual(await at(6), ["/a=2", "/c=1"]);
      await store.compact(2);
      assert.equal(store.compactedRevision, 4);
      await assertRefused("future", () => store.compact(7));
    });

    void test("a watch tells what happened after its revision and goes on with what happens", async () => {
      const store = await openStore();
      const first = await store.put("/p/a", text("1"), 0); // 2
      const second = await store.put("/p/a", text("2"), 2); // 3
      await store.put("/q/a", text("1"), 0); // 4
      const recorder = new Recorder(2);
      using _ = store.watch("/p/", recorder.options);
      assert.equal(recorder.events.length, 0);
      const created = await store.put("/p/b", text("1"), 0); // 5
      await store.delete("/p/a", 3); // 6
      await recorder.until(() => recorder.events.length === 3);
      assert.deepEqual(recorder.events, [
        { revision: 3, key: "/p/a", before: first, after: second },
        { revision: 5, key: "/p/b", after: created },
        { revision: 6, key: "/p/a", before: second },
      ]);
    });

    void test("a watch from the future starts there", async () => {
      const store = await openStore();
      const recorder = new Recorder(3);
      using _ = store.watch("/", recorder.options);
      await Promise.all(["/a", "/b", "/c"].map((key) => store.put(key, text("1"), 0)));
      await recorder.until(() => recorder.events.length === 1);
      assert.deepEqual(
        recorder.events.map(({ key }) => key),
        ["/c"],
      );
    });

    void test("a watch that nothing concerns is told of the progress", async () => {
      const store = await openStore();
      const recorder = new Recorder(1);
      using _ = store.watch("/p/", recorder.options);
      await store.put("/q/a", text("1"), 0);
      await recorder.until(() => recorder.progress.includes(2));
      assert.deepEqual(recorder.events, []);
    });

    void test("watches of all kinds of prefixes get theirs", async () => {
      const store = await openStore();
      const prefixes = ["", "/", "/p", "/p/", "/p/a", "/p/ab", "/p/abc", "/q"];
      const recorders = prefixes.map((prefix) => {
        const recorder = new Recorder(1);
        store.watch(prefix, recorder.options);
        return recorder;
      });
      await Promise.all(["/p/ab", "/p/b", "/q"].map((key) => store.put(key, text("1"), 0)));
      await store.put("/end", text("1"), 0);
      await Promise.all(recorders.map((recorder, at) => recorder.until(() => at < 2 || recorder.progress.includes(5))));
      assert.deepEqual(
        recorders.map(({ events }) => events.map(({ key }) => key).filter((key) => key !== "/end")),
        [["/p/ab", "/p/b", "/q"], ["/p/ab", "/p/b", "/q"], ["/p/ab", "/p/b"], ["/p/ab", "/p/b"], ["/p/ab"], ["/p/ab"], [], ["/q"]],
      );
    });

    void test("a disposed watch is silent, even when disposed by itself or another in the midst of a delivery", async () => {
      const store = await openStore();
      const seen: string[] = [];
      const watches: Disposable[] = [];
      const stopAll = (name: string) => {
        seen.push(name);
        for (const watch of watches) watch[Symbol.dispose]();
      };
      for (const name of ["a", "b"])
        watches.push(store.watch("/", { after: 1, onEvents: () => stopAll(name), onEnd: () => stopAll("end") }));
      const last = new Recorder(1);
      store.watch("/", last.options);
      await store.put("/a", text("1"), 0);
      await store.put("/b", text("1"), 0);
      await last.until(() => last.events.length === 2);
      assert.deepEqual(seen, ["a"]);
    });

    void test("a watch can be started and a write be made inside a callback", async () => {
      const store = await openStore();
      const inner = new Recorder(1);
      let write: Promise<Entry> | undefined;
      store.watch("/a", {
        after: 1,
        onEvents: () => {
          store.watch("/", inner.options);
          write = store.put("/b", text("1"), 0);
        },
      });
      await store.put("/a", text("1"), 0);
      await inner.until(() => inner.events.length === 2);
      assert.deepEqual(
        inner.events.map(({ key }) => key),
        ["/a", "/b"],
      );
      assert.equal((await write)?.revision, 3);
    });

    void test("a watch of what is compacted is refused", async () => {
      const store = await openStore();
      await store.put("/a", text("1"), 0); // 2
      await store.put("/a", text("2"), 2); // 3
      await store.put("/a", text("3"), 3); // 4
      await store.compact(3);
      await assertRefused("compacted", () => store.watch("/", new Recorder(2).options));
      const recorder = new Recorder(3);
      using _ = store.watch("/", recorder.options);
      await recorder.until(() => recorder.events.length === 1);
      assert.deepEqual(
        recorder.events.map(({ after }) => show(after)),
        ["/a=3"],
      );
    });

    void test("close makes accepted writes durable, ends watches and refuses the rest", async () => {
      const store = await openStore();
      const recorder = new Recorder(1);
      store.watch("/", recorder.options);
      const write = store.put("/a", text("1"), 0);
      const closing = store.close();
      assert.equal((await write).revision, 2);
      await closing;
      assert.deepEqual(
        recorder.events.map(({ key }) => key),
        ["/a"],
      );
      assert.deepEqual(
        recorder.ends.map(({ code }) => code),
        ["closed"],
      );
      await assertRefused("closed", () => store.put("/b", text("1"), 0));
      await assertRefused("closed", () => store.delete("/a", 2));
      await assertRefused("closed", () => store.get("/a"));
      await assertRefused("closed", () => store.list("/"));
      await assertRefused("closed", () => store.count("/"));
      await assertRefused("closed", () => store.compact(2));
      await assertRefused("closed", () => store.watch("/", recorder.options));
      await store.close();
    });

    for (const seed of [1, 2, 3, Number(process.env["STORE_SEED"] ?? Math.floor(Math.random() * 2 ** 31))]) {
      void test(`random operations give what a simple model gives (STORE_SEED=${seed})`, () => runRandom(openStore, createRandom(seed)));
    }
  });
}

/** Many random writes at once, compared with a model that keeps every state there ever was. */
async function runRandom(openStore: () => Promise<Store>, random: (below: number) => number): Promise<void> {
  const store = await openStore();
  const all = new Recorder(1);
  store.watch("", all.options);
  const prefixes = ["", "/", "/0/", "/1/", "/1/k1", "/x"];
  const states = new Map<number, Map<string, Entry>>([[1, new Map()]]);
  let state = new Map<string, Entry>();
  let head = 1;
  const move = (change: (state: Map<string, Entry>) => void) => {
    state = new Map(state);
    change(state);
    states.set(head, state);
  };
  let refused = 0;
  for (let round = 0; round < 40; round++) {
    const results: Promise<unknown>[] = [];
    for (let count = random(30); count > 0; count--) {
      const key = `/${random(3)}/k${random(12)}`;
      const current = state.get(key);
      const expected = random(10) === 0 ? random(head + 2) : (current?.revision ?? 0);
      if (random(4) === 0) {
        const isRight = current !== undefined && current.revision === expected;
        if (isRight) {
          const revision = ++head;
          move((next) => next.delete(key));
          results.push(store.delete(key, expected).then((result) => assert.equal(result, revision)));
        } else {
          refused++;
          results.push(assert.rejects(store.delete(key, expected), isStoreError(current ? "conflict" : "notFound")));
        }
      } else if ((current?.revision ?? 0) === expected) {
        const revision = ++head;
        const entry: Entry = { key, value: text(`${revision}`), revision, createRevision: current?.createRevision ?? revision };
        move((next) => next.set(key, entry));
        results.push(store.put(key, entry.value, expected).then((result) => assert.deepEqual(result, entry)));
      } else {
        refused++;
        const isTold = (error: unknown) => {
          assert.ok(error instanceof StoreError && error.code === "conflict");
          assert.deepEqual(error.current, current);
          return true;
        };
        results.push(assert.rejects(store.put(key, text("no"), expected), isTold));
      }
    }
    await Promise.all(results);
    assert.equal(store.revision, head);
    if (random(5) === 0) await store.compact(Math.max(store.compactedRevision, head - random(40)));
    const revision = store.compactedRevision + random(head - store.compactedRevision + 1) || head;
    const prefix = prefixes[random(prefixes.length)] ?? "";
    const limit = random(8);
    const after = random(2) === 0 ? `/${random(3)}/k${random(12)}` : "";
    const expected = Array.from((states.get(revision) ?? new Map<string, Entry>()).values())
      .filter(({ key }) => key.startsWith(prefix) && key > after)
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const list = await store.list(prefix, { revision, limit, after });
    assert.deepEqual(
      { revision: list.revision, remaining: list.remaining, entries: list.entries.map(show) },
      {
        revision,
        remaining: limit === 0 ? 0 : Math.max(0, expected.length - limit),
        entries: expected.slice(0, limit || Infinity).map(show),
      },
    );
    assert.equal(await store.count(prefix), Array.from(state.keys()).filter((key) => key.startsWith(prefix)).length);
    // A late watch is told the same story as the one that was there from the start.
    const since = store.compactedRevision + random(head - store.compactedRevision + 1);
    const late = new Recorder(since);
    using _ = store.watch(prefix, late.options);
    await all.until(() => head === 1 || all.events.at(-1)?.revision === head);
    const story = all.events.filter((event) => event.revision > since && event.key.startsWith(prefix));
    await late.until(() => late.events.length >= story.length);
    assert.deepEqual(late.events, story);
  }
  assert.deepEqual(
    all.events.map(({ revision }) => revision),
    Array.from(states.keys()).slice(1),
  );
  assert.ok(head > 100 && refused > 10, "the run did something");
}
