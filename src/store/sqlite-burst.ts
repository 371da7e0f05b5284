// For sqlite-store.test.ts: writes to a store as fast as it can until it is killed, and says on standard output what it
// was told. `node sqlite-burst.ts PATH ROUND`
import { writeSync } from "node:fs";
import { openSqliteStore } from "./sqlite-store.ts";

const [path = "", round = ""] = process.argv.slice(2);
const store = await openSqliteStore({ path });
const say = (line: string) => writeSync(1, `${line}\n`);

async function write(writer: number): Promise<void> {
  for (let count = 0; ; count++) {
    const key = `/burst/${round}/${writer}/${count}`;
    let { revision } = await store.put(key, Buffer.from(`${key} 1`.padEnd(500)), 0);
    say(`has ${key} ${revision} 1`);
    if (count % 3 === 1) {
      say(`changing ${key}`);
      ({ revision } = await store.put(key, Buffer.from(`${key} 2`.padEnd(500)), revision));
      say(`has ${key} ${revision} 2`);
    }
    if (count % 3 === 2) {
      say(`changing ${key}`);
      await store.delete(key, revision);
      say(`gone ${key}`);
    }
    if (writer === 0 && count % 20 === 19) void store.compact(store.revision - 100);
  }
}

await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
