// Many simulated nodes and pods in this process, with a durable store: how long until the nodes are ready, the pods run, the pods are gone.
// Prints a line of JSON. `node tools/bench/simulated-run.ts NODES PODS [--keep] [--limit SECONDS]`

import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ConfigMap, Namespace, Pod, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { realClock } from "#lib/clock.ts";
import { createLogger } from "#lib/log.ts";
import { startCluster } from "#main/cluster.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { keyOf } from "#meta/object.ts";
import { createInformer } from "#reconcile/informer.ts";
import { percentile } from "./load.ts";

/** Requests under way at a time. */
const CLIENTS = 64;
const NAMESPACES = 10;
const PROBE_MS = 50;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { keep: { type: "boolean", default: false }, limit: { type: "string", default: "900" } },
});
const [nodes = 0, pods = 0] = positionals.map(Number);
const limitMs = Number(values.limit) * 1000;
const folder = mkdtempSync(join(tmpdir(), "kobune-bench-"));
const log = createLogger({ level: "error", write: (line) => process.stderr.write(`${line}\n`), now: realClock.now });
const loadBefore = loadavg()[0];
const cpuOf = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const start = performance.now();
const cluster = await startCluster({ dataDir: folder, store: "sqlite", sockets: false, runtime: "simulated", nodes, log });
const nodesReadyMs = performance.now() - start;
const nodesCpu = cpuOf();
const nodesMb = process.memoryUsage.rss() / 1e6;
const { client } = cluster;
const namespaceOf = (index: number) => `scale-${index % NAMESPACES}`;
for (let index = 0; index < Math.min(NAMESPACES, pods); index++) {
  const namespace = namespaceOf(index);
  await client.create(Namespace, { metadata: { name: namespace } });
  await client.create(ServiceAccount, { metadata: { name: "default", namespace } }).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}
await client.create(ConfigMap, { metadata: { name: "probe", namespace: "default" } });

const createdAt = new Map<string, number>();
const startMs: number[] = [];
let lastChange = performance.now();
await using seen = createInformer(Pod, { client, clock: realClock, log, random: Math.random, reduce: phaseOf });
const waiting = new Set<string>();
seen.subscribe(({ after }) => {
  if (after?.status?.phase !== "Running") return;
  const key = keyOf(after);
  if (!waiting.delete(key)) return;
  lastChange = performance.now();
  startMs.push(lastChange - (createdAt.get(key) ?? lastChange));
});
await seen.synced;

/** Only what is looked at: the measuring is no part of the cluster's memory. */
function phaseOf(object: Pod): Pod {
  const { name, namespace, uid, resourceVersion } = object.metadata ?? {};
  return { metadata: { name, namespace, uid, resourceVersion }, status: { phase: object.status?.phase } } as Pod; // an informer needs no more of it
}

const until = async (condition: () => boolean) => {
  const deadline = performance.now() + limitMs;
  while (!condition() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
};
const inParallel = async (count: number, work: (index: number) => Promise<unknown>) => {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(CLIENTS, count) }, worker));
};

/** A read and a write at fixed times, whose latency counts from when they should have been sent: a busy loop is part of it. */
const reads: number[] = [];
const writes: number[] = [];
let probing = true;
const probe = (async () => {
  for (let due = performance.now() + PROBE_MS; probing; due = Math.max(due + PROBE_MS, performance.now())) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    await client.get(ConfigMap, "default/probe");
    reads.push(performance.now() - due);
    await client.patch(ConfigMap, "default/probe", { data: { at: String(due) } });
    writes.push(performance.now() - due);
  }
})();

const podsFrom = performance.now();
const cpuFrom = cpuOf();
await inParallel(pods, async (index) => {
  const namespace = namespaceOf(index);
  const name = `pod-${index}`;
  createdAt.set(`${namespace}/${name}`, performance.now());
  waiting.add(`${namespace}/${name}`);
  const container = { name: "c", image: "pause:1", resources: { requests: { cpu: "10m", memory: "10Mi" } } };
  await client.create(Pod, { metadata: { name, namespace, labels: { app: `a-${index % 100}` } }, spec: { containers: [container] } });
  // A cluster that is slower than its clients would only be measured by its queue.
  while (waiting.size > 2000) await new Promise((resolve) => setTimeout(resolve, 5));
});
const createdMs = performance.now() - podsFrom;
await until(() => waiting.size === 0);
const podsRunningMs = lastChange - podsFrom;
const podsCpu = cpuOf() - cpuFrom;
const podsMb = process.memoryUsage.rss() / 1e6;
const running = startMs.length;

let deletedMs: number | undefined;
if (!values.keep) {
  const deleteFrom = performance.now();
  const keys = seen.list().map((pod) => keyOf(pod));
  await inParallel(keys.length, (index) => client.delete(Pod, keys[index] ?? ""));
  await until(() => seen.list().length === 0);
  if (seen.list().length === 0) deletedMs = performance.now() - deleteFrom;
}
probing = false;
await probe;
console.log(
  JSON.stringify({
    nodes,
    pods,
    nodesReadyMs,
    nodesCpu,
    nodesMb,
    running,
    createdMs,
    podsRunningMs,
    podsCpu,
    podsMb,
    podStartP50: percentile(startMs, 0.5),
    podStartP99: percentile(startMs, 0.99),
    readP99: percentile(reads, 0.99),
    writeP99: percentile(writes, 0.99),
    deletedMs,
    loadBefore,
    loadAfter: loadavg()[0],
  }),
);
rmSync(folder, { recursive: true, force: true });
// Stopping so many nodes one by one measures nothing.
process.exit(0);
