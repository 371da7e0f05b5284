// With a virtual clock and a seeded random a cluster repeats itself: every event of the store, byte by byte.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { StoreEvent } from "#store/store.ts";
import { startVirtualCluster } from "../../tools/bench/virtual-day-cluster.ts";

const HOUR_MS = 3_600_000;

void test("an hour of rollouts, cron jobs and autoscaling is the same twice, byte for byte, and another one with another seed", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "kobune-repeat-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const decoder = new TextDecoder();
  const live = async (seed: number) => {
    const history: string[] = [];
    const tell = ({ revision, key, after }: StoreEvent) =>
      void history.push(`${revision} ${key} ${after ? decoder.decode(after.value) : "deleted"}`);
    const cluster = await startVirtualCluster({ seed, nodes: 3, deployments: 5, cronJobs: 4, autoscalers: 2, folder }, tell);
    try {
      await cluster.pass(HOUR_MS);
    } finally {
      await cluster.stop();
    }
    return history;
  };
  const first = await live(7);
  const second = await live(7);
  for (const [index, line] of first.entries()) assert.equal(second[index], line);
  assert.equal(second.length, first.length);
  assert.ok(
    first.some((line) => line.includes("/jobs/")),
    "cron jobs ran",
  );
  assert.ok(
    first.some((line) => line.includes("SuccessfulRescale")),
    "autoscalers acted",
  );
  const other = await live(8);
  assert.notDeepEqual(other.slice(0, first.length), first);
});
