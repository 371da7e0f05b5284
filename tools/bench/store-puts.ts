// Puts a second on the bare SQLite store, printed: `node tools/bench/store-puts.ts WRITERS SECONDS`.

import { randomFillSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "#store/sqlite-store.ts";

const writers = Number(process.argv[2]);
const seconds = Number(process.argv[3]);
const folder = await mkdtemp(join(tmpdir(), "kobune-bench-"));
try {
  const store = await openSqliteStore({ path: join(folder, "store.db") });
  const value = randomFillSync(new Uint8Array(2048));
  const run = async (name: string, time: number) => {
    const start = performance.now();
    let count = 0;
    const write = async (writer: number) => {
      for (let at = 0; performance.now() - start < time * 1000; at++, count++) {
        await store.put(`/registry/configmaps/bench/${name}-${writer}-${at}`, value, 0);
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    return (count / (performance.now() - start)) * 1000;
  };
  await run("warm", 1);
  console.log(Math.round(await run("m", seconds)));
  await store.close();
} finally {
  await rm(folder, { recursive: true });
}
