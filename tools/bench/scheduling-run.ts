// One case of scheduler_perf in this process: API server, durable store and scheduler, nodes that are objects only.
// Prints a line of JSON. `node tools/bench/scheduling-run.ts CASE [--quick]`

import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createApiServer } from "#apiserver/api-server.ts";
import { ensureCertificates } from "#apiserver/auth/certificates.ts";
import { inProcessTransport } from "#apiserver/in-process.ts";
import type { Client } from "#client/client.ts";
import { createClient } from "#client/create-client.ts";
import { bootstrapObjects } from "#controllers/bootstrap.ts";
import { Namespace, Node, Pod, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { realClock } from "#lib/clock.ts";
import { createLogger } from "#lib/log.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { simulatedPlan } from "#main/address-plan.ts";
import { serverParts } from "#main/server-parts.ts";
import { createInformerSet } from "#reconcile/informer.ts";
import { startScheduler } from "#scheduler/scheduler.ts";
import { openSqliteStore } from "#store/sqlite-store.ts";
import { CASES, nodeOf, type PodShape, podOf } from "./scheduling-cases.ts";

/** Creates under way at a time, for each of which upstream's test has a worker. */
const CREATORS = 64;
const CHURN_MS = 200;

const [name = "", ...flags] = process.argv.slice(2);
const wanted = CASES[name];
if (!wanted) throw new RangeError(`unknown case ${name}; there are ${Object.keys(CASES).join(", ")}`);
const scale = flags.includes("--quick") ? 10 : 1;
const folder = mkdtempSync(join(tmpdir(), "kobune-bench-"));
const random = Math.random;
const log = createLogger({ level: "warn", write: (line) => process.stderr.write(`${line}\n`), now: realClock.now });
const store = await openSqliteStore({ path: join(folder, "store.db") });
const certificates = await ensureCertificates(join(folder, "tls"), { names: ["127.0.0.1"], clock: realClock });
const parts = serverParts({ certificates, plan: simulatedPlan, clock: realClock, random });
const server = await createApiServer({ store, clock: realClock, log, random, ...parts });
const connect = (user: string, ...groups: string[]): Client =>
  createClient(inProcessTransport(server, { name: user, groups: [...groups, "system:authenticated"] }));
const client = connect("kubernetes-admin", "system:masters");
await bootstrapObjects(client, { serviceIp: simulatedPlan.kubernetesServiceIp, address: "127.0.0.1", port: 6443 });
const informers = createInformerSet({ client: connect("system:kube-controller-manager", "system:masters"), clock: realClock, log, random });
const scheduler = startScheduler({ client: connect("system:kube-scheduler"), informers, clock: realClock, log, random });
const pods = informers.informer(Pod);
await scheduler.synced;

let placed = 0;
let measured = 0;
const isMeasured = (pod: { metadata?: { readonly labels?: Readonly<Record<string, string>> } }) =>
  pod.metadata?.labels?.["measured"] === "yes";
pods.subscribe(({ before, after }) => {
  if (!after?.spec?.nodeName || before?.spec?.nodeName) return;
  if (isMeasured(after)) measured++;
  else placed++;
});

const inParallel = async (count: number, work: (index: number) => Promise<unknown>) => {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(CREATORS, count) }, worker));
};
const until = async (condition: () => boolean, limitMs: number) => {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${placed} and ${measured} placed`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
const makePods = (shape: PodShape, count: number, prefix: string, labels: Record<string, string>) =>
  inParallel(count, (index) => client.create(Pod, podOf(shape, `${prefix}-${index}`, labels)));

for (const namespace of ["default", "sched-0", "sched-1"]) {
  const existing = (error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  };
  await client.create(Namespace, { metadata: { name: namespace } }).catch(existing);
  await client.create(ServiceAccount, { metadata: { name: "default", namespace } }).catch(existing);
}
await client.create(PriorityClass, { metadata: { name: "high" }, value: 10 });
const nodeCount = wanted.nodes / scale;
await inParallel(nodeCount, async (index) => {
  const node = await client.create(Node, nodeOf(index, wanted.zones));
  // Admission marks new nodes as not ready; nobody is here to take that back.
  if (node.spec?.taints) await client.patch(Node, `/${node.metadata?.name ?? ""}`, { spec: { taints: null } });
});
const initial = wanted.initPods / scale;
await makePods(wanted.initShape ?? wanted.shape, initial, "init", {});
await until(() => placed >= initial, 300_000);

const churned: Promise<unknown>[] = [];
const { churn } = wanted;
const churning = churn && setInterval(() => churned.push(client.create(Pod, podOf(churn, `churn-${churned.length}`, {}))), CHURN_MS);
const count = wanted.measurePods / scale;
const loadBefore = loadavg()[0];
const cpuBefore = process.cpuUsage();
const threadBefore = process.threadCpuUsage();
const start = performance.now();
await makePods({ ...wanted.shape, namespace: wanted.measureNamespace ?? wanted.shape.namespace }, count, "pod", { measured: "yes" });
const createdMs = performance.now() - start;
await until(() => measured >= count, 600_000);
const elapsedMs = performance.now() - start;
const cpu = process.cpuUsage(cpuBefore);
const thread = process.threadCpuUsage(threadBefore);
clearInterval(churning);
await Promise.all(churned);
console.log(
  JSON.stringify({
    name,
    podsPerSecond: (count / elapsedMs) * 1000,
    createdPerSecond: (count / createdMs) * 1000,
    mainThreadSeconds: (thread.user + thread.system) / 1e6,
    cores: (cpu.user + cpu.system) / 1000 / elapsedMs,
    loadBefore,
    loadAfter: loadavg()[0],
    residentMb: process.memoryUsage.rss() / 1e6,
  }),
);
await scheduler.stop();
await informers[Symbol.asyncDispose]();
await server.stop();
await store.close();
rmSync(folder, { recursive: true, force: true });
