import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { LogStore } from "./log-store.ts";
import { describeStoreContract } from "./store-contract.ts";
import { openSqliteStore, SqliteLog } from "./sqlite-store.ts";
import { StoreError } from "./store.ts";
import type { Store, StoreErrorCode } from "./store.ts";

const folder = mkdtempSync(join(tmpdir(), "kobune-store-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `${++files}.db`);

const isStoreError = (code: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === code;
const shown = async (store: Store) =>
  (await store.list("")).entries.map(({ key, revision, createRevision, value }) => [
    key,
    revision,
    createRevision,
    Buffer.from(value).toString(),
  ]);
const countRows = (path: string) => {
  const db = new DatabaseSync(path);
  const count = db.prepare("SELECT count(*) AS n FROM kv").get()?.["n"];
  db.close();
  return count;
};

describeStoreContract("sqlite", () => openSqliteStore({ path: newPath() }));

void describe("openSqliteStore", { timeout: 60_000 }, () => {
  void test("finds everything again after a close: state, revisions, history, compaction", async () => {
    const path = newPath();
    let store = await openSqliteStore({ path });
    await store.put("/a", Buffer.from("1"), 0); // 2
    await store.put("/b", Buffer.from("ü"), 0); // 3
    await store.put("/a", Buffer.from("2"), 2); // 4
    await store.put("/c", Buffer.from(""), 0); // 5
    await store.compact(3);
    await store.delete("/b", 3); // 6
    const [before, past] = [await shown(store), (await store.list("", { revision: 5 })).entries.map(({ key }) => key)];
    await store.close();
    store = await openSqliteStore({ path });
    assert.deepEqual([store.revision, store.compactedRevision], [6, 3]);
    assert.deepEqual(await shown(store), before);
    assert.deepEqual(
      (await store.list("", { revision: 5 })).entries.map(({ key }) => key),
      past,
    );
    const story: number[] = [];
    store.watch("/", { after: 3, onEvents: (events) => story.push(...events.map(({ revision }) => revision)) });
    assert.equal((await store.put("/d", Buffer.from("1"), 0)).revision, 7);
    assert.deepEqual(story, [4, 5, 6, 7]);
    await store.close();
  });

  void test("compaction deletes replaced and deleted rows from the file, and no revision is given out twice", async () => {
    const path = newPath();
    let store = await openSqliteStore({ path });
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Array.from({ length: 500 }, async (_, at) => {
          const current = await store.get(`/k${at}`);
          return store.put(`/k${at}`, Buffer.from(`${round}`), current?.revision ?? 0);
        }),
      );
    }
    const { entries } = await store.list("/");
    await Promise.all(entries.slice(10).map(({ key, revision }) => store.delete(key, revision)));
    const head = store.revision;
    await store.compact(head);
    await store.close();
    assert.equal(countRows(path), 10);
    store = await openSqliteStore({ path });
    assert.deepEqual([store.revision, store.compactedRevision, await store.count("/")], [head, head, 10]);
    await store.close();
  });

  void test("the file is readable by its owner only", async () => {
    const path = newPath();
    const store = await openSqliteStore({ path });
    for (const file of [path, `${path}-wal`]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
    await store.close();
  });

  void test("a second opener is refused, in this process and in another, and harms nothing", async () => {
    const path = newPath();
    const store = await openSqliteStore({ path });
    await store.put("/a", Buffer.from("1"), 0);
    await assert.rejects(openSqliteStore({ path }), isStoreError("locked"));
    const child = spawn(process.execPath, [fileURLToPath(new URL("./sqlite-burst.ts", import.meta.url)), path, "0"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += String(chunk)));
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 1);
    assert.match(errors, /another process or store has it open/);
    await store.put("/b", Buffer.from("1"), 0);
    await store.close();
    const again = await openSqliteStore({ path });
    assert.equal(await again.count(""), 2);
    await again.close();
  });

  void test("a file that is no store of ours is refused as corrupt and left as it is", async () => {
    const garbage = newPath();
    writeFileSync(garbage, randomBytes(100_000));
    const other = newPath();
    const db = new DatabaseSync(other);
    db.exec("CREATE TABLE t(a)");
    db.close();
    for (const path of [garbage, other]) {
      const before = readFileSync(path);
      await assert.rejects(openSqliteStore({ path }), isStoreError("corrupt"));
      if (path === garbage) assert.deepEqual(readFileSync(path), before);
    }
    await assert.rejects(openSqliteStore({ path: join(folder, "missing", "x.db") }), isStoreError("io"));
  });

  void test("a torn or scribbled file is refused as corrupt", async () => {
    const path = newPath();
    const store = await openSqliteStore({ path });
    await Promise.all(Array.from({ length: 500 }, (_, at) => store.put(`/k${at}`, randomBytes(2000), 0)));
    await store.close();
    const torn = newPath();
    copyFileSync(path, torn);
    truncateSync(torn, Math.floor(statSync(torn).size / 2));
    await assert.rejects(openSqliteStore({ path: torn }), isStoreError("corrupt"));
    const scribbled = newPath();
    const content = readFileSync(path);
    content.fill(0xa5, 50 * 8192, 52 * 8192);
    writeFileSync(scribbled, content);
    await assert.rejects(openSqliteStore({ path: scribbled }), isStoreError("corrupt"));
  });

  void test("a full disk refuses the writes concerned, and the store goes on when there is room", async () => {
    const path = newPath();
    const store = await openSqliteStore({ path, maxBytes: 2 ** 20 });
    let current = await store.put("/a", randomBytes(20_000), 0);
    await assert.rejects(async () => {
      for (let count = 0; count < 100; count++) current = await store.put("/a", randomBytes(20_000), current.revision);
    }, isStoreError("io"));
    assert.deepEqual(await store.get("/a"), current);
    assert.equal(store.revision, current.revision);
    const lost = await Promise.allSettled([store.put("/b", randomBytes(50_000), 0), store.put("/b", randomBytes(50_000), 0)]);
    assert.ok(lost.every((result) => result.status === "rejected" && isStoreError("io")(result.reason)));
    await store.compact(current.revision);
    const last = await store.put("/a", Buffer.from("room"), current.revision);
    await store.close();
    const again = await openSqliteStore({ path });
    assert.deepEqual(await shown(again), [["/a", last.revision, 2, "room"]]);
    await again.close();
  });

  void test("concurrent writers share commits, and the event loop goes on while they are made", async () => {
    const log = new SqliteLog({ path: newPath() });
    let commits = 0;
    const counted = {
      append: (...args: Parameters<SqliteLog["append"]>) => {
        commits++;
        return log.append(...args);
      },
      compact: (...args: Parameters<SqliteLog["compact"]>) => log.compact(...args),
      close: () => log.close(),
    };
    const store = new LogStore(counted, { defer: setImmediate });
    await log.load((contents) => store.replay(contents));
    const value = randomBytes(2000);
    const write = async (writer: number) => {
      for (let count = 0; count < 50; count++) await store.put(`/${writer}/${count}`, value, 0);
    };
    await Promise.all(Array.from({ length: 64 }, (_, writer) => write(writer)));
    assert.equal(store.count(""), 3200);
    assert.ok(commits <= 400, `${commits} commits`);
    let turns = 0;
    let isDone = false;
    const big = store.put("/big", randomBytes(50_000_000), 0).then(() => (isDone = true));
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    await big;
    assert.ok(turns > 50, `${turns} turns`);
    await store.close();
  });

  void test("no acknowledged write is lost, and none comes back, when its process is killed 20 times", async () => {
    const path = newPath();
    const burst = fileURLToPath(new URL("./sqlite-burst.ts", import.meta.url));
    /** What each key must be: [revision, version], undefined if gone; not in it if a change was under way. */
    const expected = new Map<string, string | undefined>();
    for (let round = 0; round < 20; round++) {
      const said = `${path}.said`;
      const output = openSync(said, "w");
      const child = spawn(process.execPath, [burst, path, `${round}`], {
        stdio: ["ignore", output, "inherit"],
        timeout: 20_000,
        killSignal: "SIGKILL",
      });
      const enough = Math.random() * 50_000;
      while (statSync(said).size <= enough && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 2));
      child.kill("SIGKILL");
      await once(child, "close");
      closeSync(output);
      for (const line of readFileSync(said, "utf8").split("\n").slice(0, -1)) {
        const [what, key = "", revision, version] = line.split(" ");
        if (what === "has") expected.set(key, `${revision} ${key} ${version}`);
        else if (what === "gone") expected.set(key, undefined);
        else expected.delete(key);
      }
      const store = await openSqliteStore({ path });
      for (const [key, state] of expected) {
        const entry = await store.get(key);
        assert.equal(entry && `${entry.revision} ${Buffer.from(entry.value).toString().trimEnd()}`, state, `${key} in round ${round}`);
      }
      await store.close();
    }
    assert.ok(expected.size > 100, `${expected.size} keys`);
  });
});
