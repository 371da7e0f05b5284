// kill -9 of `kobune up` in the middle of a burst of writes, again and again: what was acknowledged is there after the
// next start, what was deleted stays deleted, and the pods come back, each once.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient } from "#client/create-client.ts";
import type { Client } from "#client/client.ts";
import { transportFromKubeconfig } from "#client/node/kubeconfig.ts";
import { until } from "#harness/until.ts";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { ConfigMap, Pod } from "#kinds/api/core-v1.gen.ts";
import { createWorkshop, processesWith, type Workshop } from "./kobune.ts";

const ROUNDS = 20;
const WRITERS = 16;
/** The kill comes when so many writes of a round are acknowledged: the server is in full swing then. */
const WRITES_BEFORE_KILL = 150;

let workshop: Workshop;

before(() => {
  workshop = createWorkshop();
});
after(() => workshop[Symbol.asyncDispose]());

/** What the server has acknowledged so far, over all rounds. */
interface Acknowledged {
  readonly created: Set<string>;
  readonly deleted: Set<string>;
  /** Last value of each writer's counter. */
  readonly counters: Map<string, number>;
  total: number;
}

/** Creates ConfigMaps, deletes every fourth, counts up in another, until the server is gone. */
async function write(client: Client, round: number, writer: number, done: Acknowledged): Promise<void> {
  const counter = `counter-${writer}`;
  try {
    for (let index = 0; ; index++) {
      const name = `map-${round}-${writer}-${index}`;
      await client.create(ConfigMap, { metadata: { name, namespace: "default", labels: { burst: "yes" } }, data: { name } });
      done.created.add(name);
      if (index % 4 === 3) {
        await client.delete(ConfigMap, `default/${name}`);
        done.deleted.add(name);
      }
      const value = (done.counters.get(counter) ?? 0) + 1;
      await client.patch(ConfigMap, `default/${counter}`, { data: { value: String(value) } });
      done.counters.set(counter, value);
      done.total += 2;
    }
  } catch {
    // The kill: what was under way now may or may not be stored.
  }
}

async function check(client: Client, done: Acknowledged): Promise<void> {
  const { items } = await client.list(ConfigMap, { namespace: "default" });
  const stored = new Map(items.map((item) => [item.metadata?.name ?? "", item]));
  const lost = [...done.created].filter((name) => !done.deleted.has(name) && stored.get(name)?.data?.["name"] !== name);
  // A deletion under way at the kill may have happened without an answer; only the last of each writer can be such a one.
  assert.deepEqual(
    lost.filter((name) => Number(name.split("-")[3]) % 4 !== 3),
    [],
    "every acknowledged creation is there",
  );
  assert.deepEqual(
    [...done.deleted].filter((name) => stored.has(name)),
    [],
    "every acknowledged deletion is done",
  );
  for (const [name, value] of done.counters) {
    const kept = Number(stored.get(name)?.data?.["value"]);
    assert.ok(kept === value || kept === value + 1, `${name} was ${value} and is ${kept}`);
    done.counters.set(name, kept);
  }
}

void test(`${ROUNDS} times kill -9 during a burst of writes`, async (t) => {
  const mark = `kobune-kill-test-${process.pid}`;
  const done: Acknowledged = { created: new Set(), deleted: new Set(), counters: new Map(), total: 0 };
  for (let round = 0; round <= ROUNDS; round++) {
    await using up = workshop.start("up", "--port", "0", "--data", workshop.data);
    await up.address();
    const connection = await transportFromKubeconfig(join(workshop.data, "kubeconfig"));
    const client = createClient(connection.transport);
    try {
      if (round === 0) await prepare(client, mark);
      await check(client, done);
      await until(
        "both pods are ready again",
        async () => {
          const { status } = await client.get(Deployment, "default/steady");
          const { items } = await client.list(Pod, { namespace: "default", labelSelector: "app=steady" });
          const running = processesWith(mark).length;
          if (status?.readyReplicas === 2 && items.length === 2 && running === 2) return true;
          throw new Error(`${status?.readyReplicas} ready, ${items.length} pods, ${running} processes`);
        },
        20_000,
      );
      if (round === ROUNDS) break;
      const target = done.total + WRITES_BEFORE_KILL;
      const writers = Array.from({ length: WRITERS }, (_, writer) => write(client, round, writer, done));
      await until("the server is busy", () => done.total >= target);
      up.process.kill("SIGKILL");
      await up.ended;
      await Promise.all(writers);
    } finally {
      await connection.close();
    }
  }
  assert.ok(done.created.size > ROUNDS * 50, "there was something to lose");
  assert.deepEqual(processesWith(mark), [], "the last one was stopped in order");
  t.diagnostic(`${done.created.size} created, ${done.deleted.size} deleted`);
});

async function prepare(client: Client, mark: string): Promise<void> {
  for (let writer = 0; writer < WRITERS; writer++)
    await client.create(ConfigMap, { metadata: { name: `counter-${writer}`, namespace: "default" }, data: { value: "0" } });
  const command = ["sh", "-c", `while :; do sleep 1; : ${mark}; done`];
  await client.create(Deployment, {
    metadata: { name: "steady", namespace: "default" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "steady" } },
      template: { metadata: { labels: { app: "steady" } }, spec: { containers: [{ name: "a", image: "busybox:1", command }] } },
    },
  });
}
