// Measures the SQLite store: `node tools/bench/store.ts [seconds per run] [folder]`.
import { randomFillSync } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openSqliteStore } from "#store/sqlite-store.ts";
import type { Store } from "#store/store.ts";

const VALUE_BYTES = 2048;
const LOADED_KEYS = 100_000;

/** Half noise, half repetition, as an encoded object may be. */
function makeValue(): Uint8Array {
  const value = new Uint8Array(VALUE_BYTES).fill(97);
  randomFillSync(value, 0, VALUE_BYTES / 2);
  return value;
}

/** What the disk alone can do: values appended to a bare file and synced, `group` at a time. The figures below are to be read against it. */
function measureFloor(file: string, group: number, seconds: number): void {
  const values = Array.from({ length: group }, makeValue);
  const bytes = Buffer.concat(values);
  const descriptor = openSync(file, "w");
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < seconds * 1000; count += group) {
    writeSync(descriptor, bytes);
    fdatasyncSync(descriptor);
  }
  closeSync(descriptor);
  console.log(`bare file, ${group} values a sync: ${Math.round((count / (performance.now() - start)) * 1000)} values/s`);
}

/** Creates keys with `writers` concurrent writers for `seconds`, and prints what came of it. */
async function measurePuts(store: Store, name: string, writers: number, seconds: number): Promise<void> {
  const value = makeValue();
  const times: number[] = [];
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const start = performance.now();
  const deadline = start + seconds * 1000;
  const write = async (writer: number) => {
    for (let count = 0; performance.now() < deadline; count++) {
      const before = performance.now();
      await store.put(`/registry/${name}/default/writer-${writer}-${count}`, value, 0);
      times.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  const elapsed = performance.now() - start;
  loop.disable();
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(2);
  console.log(
    `${name}: ${Math.round((times.length / elapsed) * 1000)} durable puts/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1 - 1e-9)} ms, ` +
      `event loop delay p99 ${(loop.percentile(99) / 1e6).toFixed(1)} ms, max ${(loop.max / 1e6).toFixed(1)} ms`,
  );
}

async function timed<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  console.log(`${name}: ${(performance.now() - start).toFixed(1)} ms, RSS ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`);
  return result;
}

const seconds = Number(process.argv[2] ?? 3);
const folder = await mkdtemp(join(process.argv[3] ?? tmpdir(), "kobune-bench-"));
try {
  for (const group of [1, 64]) measureFloor(join(folder, "floor"), group, seconds);
  const small = await timed("open, empty", () => openSqliteStore({ path: join(folder, "puts.db") }));
  await measurePuts(small, "one writer", 1, seconds);
  await measurePuts(small, "64 writers", 64, seconds);
  await timed("close", () => small.close());

  const path = join(folder, "load.db");
  const filled = await openSqliteStore({ path });
  const value = makeValue();
  await Promise.all(Array.from({ length: LOADED_KEYS }, (_, at) => filled.put(`/registry/pods/ns-${at % 100}/pod-${at}`, value, 0)));
  await timed("list 100,000 keys", () => filled.list("/registry/pods/"));
  await timed("list 10,000 keys after a key", () => filled.list("/registry/pods/", { after: "/registry/pods/ns-50/", limit: 10_000 }));
  await filled.close();
  const opened = await timed("open at 100,000 keys", () => openSqliteStore({ path }));
  await opened.close();
} finally {
  await rm(folder, { recursive: true });
}
