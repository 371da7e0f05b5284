// Starts clusters in this one process and prints what they cost as JSON: `node --expose-gc tools/bench/ten-clusters.ts COUNT`.

import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Cluster, ClusterOptions } from "#main/index.ts";
import { cpuMsOf, residentMb, ROOT } from "./cluster.ts";

const count = Number(process.argv[2]);
const SETTLE_MS = 10_000;

// The build, as users of the library have it.
const { startCluster } = (await import(pathToFileURL(join(ROOT, "dist/index.js")).href)) as {
  startCluster: (options: ClusterOptions) => Promise<Cluster>;
};
const clusters: Cluster[] = [];
const begin = async () => void clusters.push(await startCluster({ runtime: "simulated", store: "memory" }));

/** What start-up left behind is not what a cluster costs. */
async function settledMb(): Promise<number> {
  await sleep(SETTLE_MS);
  globalThis.gc?.();
  await sleep(500);
  return residentMb(process.pid);
}

const started = performance.now();
await begin();
const oneMs = performance.now() - started;
const oneMb = await settledMb();
const rest = performance.now();
while (clusters.length < count) await begin();
const restMs = performance.now() - rest;
const allMb = await settledMb();
const before = cpuMsOf(process.pid);
await sleep(SETTLE_MS);
const cpu = (cpuMsOf(process.pid) - before) / SETTLE_MS;
console.log(JSON.stringify({ oneMb, allMb, oneMs, restMs, cpu }));
for (const cluster of clusters) await cluster.stop();
process.exit();
