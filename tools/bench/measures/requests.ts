// Creates, updates, reads of one object, and lists.

import { randomBytes } from "node:crypto";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { residentMb, startBenchCluster, startPeer, underLoad, type BenchCluster, type Load } from "../cluster.ts";
import { describeLoad, figure, type Figure, type Measure, type MeasureSettings } from "../figures.ts";
import { ask, median, percentile, perSecond, runLoad } from "../load.ts";
import { connectHttp2, type Endpoint } from "../raw-http2.ts";
import type { LoadJob, LoadResult } from "../load-worker.ts";
import { deployment } from "./field-manager.ts";
import { measureEtcdPuts } from "../etcd.ts";

const CLIENTS = 64;
const CONNECTIONS = 8;
const VALUE_BYTES = 2048;
const SETTLE_MS = 10_000;

const CONFIG_MAPS = "/api/v1/namespaces/bench/configmaps";
const PODS = "/api/v1/namespaces/bench/pods";

export function configMap(name: string, bytes = VALUE_BYTES): string {
  const fill = randomBytes(bytes).toString("base64").slice(0, bytes);
  return JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { n: "%n", at: "%t", fill } });
}

/** A pod as a small service has it. `spec` is put over it. */
export function pod(name: string, spec: object = {}): string {
  const container = {
    name: "web",
    image: "registry.example/shop/web:1.2.3",
    env: [{ name: "LOG_LEVEL", value: "info" }],
    ports: [{ containerPort: 8080, name: "http" }],
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
  };
  const labels = { app: "web", tier: "front", "pod-template-hash": "6d4b75cb6d" };
  return JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec: { containers: [container], ...spec } });
}

export async function makeNamespace(endpoint: Endpoint): Promise<void> {
  const body = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "bench" } });
  await ask(endpoint, { method: "POST", path: "/api/v1/namespaces", body });
}

function loadJob(endpoint: Endpoint, job: Pick<LoadJob, "method" | "path" | "expect"> & Partial<LoadJob>): LoadJob {
  return { endpoint, protocol: "h2", connections: CONNECTIONS, clients: CLIENTS, ...job };
}

/** A short run to warm up, then the one that counts. */
async function measured(cluster: { readonly pid: number }, job: LoadJob, warm: LoadJob): Promise<{ result: LoadResult; load: Load }> {
  await runLoad(warm);
  return underLoad(cluster.pid, () => runLoad(job));
}

/** The same load on a server that does nothing but HTTP, and what share of its rate per core the API server reaches. */
async function peerFigures(name: string, cluster: BenchCluster, job: LoadJob, { result, load }: { result: LoadResult; load: Load }) {
  const bytes = Math.round(result.bytes / result.count);
  await using peer = await startPeer(cluster, bytes);
  const bare = await measured(peer, { ...job, endpoint: peer.endpoint }, { ...job, endpoint: peer.endpoint, seconds: 1 });
  const perCore = (count: number, elapsedMs: number, cores: number) => perSecond(count, elapsedMs) / cores;
  const bareRate = perCore(bare.result.count, bare.result.elapsedMs, bare.load.serverMainThread);
  const rate = perCore(result.count, result.elapsedMs, load.serverMainThread);
  return [
    figure(`${name}, a core of a bare server`, bareRate, "/s", describeLoad(bare.load)),
    figure(`${name}, share of the bare server`, (100 * rate) / bareRate, "%"),
  ];
}

function rateFigures(name: string, { result, load }: { result: LoadResult; load: Load }): Figure[] {
  const rate = perSecond(result.count, result.elapsedMs);
  const times = `p50 ${percentile(result.times, 0.5).toFixed(1)} ms, p99 ${percentile(result.times, 0.99).toFixed(1)} ms`;
  return [
    figure(name, rate, "/s", `${times}; ${describeLoad(load)}`),
    figure(`${name}, a core of the main thread`, rate / load.serverMainThread, "/s"),
    figure(`${name}, a core of the server`, rate / load.server, "/s"),
  ];
}

export const creates: Measure = async ({ quick, nodeArgs }) => {
  const seconds = quick ? 2 : 8;
  const figures: Figure[] = [];
  await using cluster = await startBenchCluster({ nodeArgs });
  const { endpoint } = cluster;
  await makeNamespace(endpoint);
  const create = (name: string, time: number) =>
    loadJob(endpoint, { method: "POST", path: CONFIG_MAPS, body: configMap(`${name}-%n`), expect: 201, seconds: time });
  const job = create("m", seconds);
  const created = await measured(cluster, job, create("warm", 2));
  figures.push(...rateFigures("creates of 2 KB ConfigMaps, 64 clients", created));
  figures.push(...(await peerFigures("creates of 2 KB ConfigMaps", cluster, job, created)));
  await runLoad(loadJob(endpoint, { method: "POST", path: CONFIG_MAPS, body: configMap("u-%n"), expect: 201, total: CLIENTS }));
  const update = (time: number) =>
    loadJob(endpoint, { method: "PUT", path: `${CONFIG_MAPS}/u-%c`, body: configMap("u-%c"), expect: 200, seconds: time });
  const updated = await measured(cluster, update(seconds), update(1));
  figures.push(...rateFigures("updates of 2 KB ConfigMaps, 64 clients", updated));

  const bare = await bareStorePuts(seconds);
  figures.push(figure("bare puts on the store, 64 writers", bare, "/s"));
  const rate = perSecond(created.result.count, created.result.elapsedMs);
  figures.push(figure("creates as a share of bare puts", (100 * rate) / bare, "%"));
  const etcd = await measureEtcdPuts({ clients: CLIENTS, bytes: VALUE_BYTES, seconds });
  if (etcd === undefined) console.log("  (no etcd on this machine to compare with)");
  else {
    figures.push(figure("bare puts on etcd, 64 clients", etcd.rate, "/s", `p99 ${etcd.p99.toFixed(1)} ms`));
    figures.push(figure("creates as a share of etcd's bare puts", (100 * rate) / etcd.rate, "%"));
  }
  return figures;
};

/** Server-side apply: each client on a Deployment of its own, whose image changes with every request. */
export const applies: Measure = async ({ quick, nodeArgs }) => {
  await using cluster = await startBenchCluster({ nodeArgs });
  const { endpoint } = cluster;
  await makeNamespace(endpoint);
  const { spec, ...rest } = deployment("%n");
  // Paused, so that it is the server that is measured and not what its controller makes of every change.
  const body = JSON.stringify({
    ...rest,
    metadata: { name: "d-%c", labels: { app: "web" } },
    spec: { ...(spec as object), replicas: 0, paused: true },
  });
  const path = "/apis/apps/v1/namespaces/bench/deployments/d-%c?fieldManager=bench&force=true";
  const type = "application/apply-patch+yaml";
  const apply = (limit: { readonly total: number } | { readonly seconds: number }, expect: number) =>
    loadJob(endpoint, { method: "PATCH", path, body, type, expect, ...limit });
  await runLoad(apply({ total: CLIENTS }, 201));
  const applied = await measured(cluster, apply({ seconds: quick ? 2 : 8 }, 200), apply({ seconds: 2 }, 200));
  return rateFigures("server-side applies of a Deployment, 64 clients", applied);
};

/** What so many stored objects take. */
export const memory: Measure = async ({ quick, nodeArgs }) => {
  const count = quick ? 10_000 : 100_000;
  await using cluster = await startBenchCluster({ nodeArgs });
  const { endpoint, pid } = cluster;
  await makeNamespace(endpoint);
  const before = residentMb(pid);
  const body = configMap("m-%n", 1024);
  const { elapsedMs } = await runLoad(loadJob(endpoint, { method: "POST", path: CONFIG_MAPS, body, expect: 201, total: count }));
  const title = `${count.toLocaleString("en")} ConfigMaps of 1 KB`;
  const atOnce = residentMb(pid);
  await sleep(SETTLE_MS);
  return [
    figure(
      `${title}: resident memory`,
      residentMb(pid),
      "MB",
      `${before.toFixed(0)} MB before, ${atOnce.toFixed(0)} MB when the last was made`,
    ),
    figure(`${title}: creates`, perSecond(count, elapsedMs), "/s"),
  ];
};

/** In a process of its own, as the cluster was. */
async function bareStorePuts(seconds: number): Promise<number> {
  const script = join(import.meta.dirname, "../store-puts.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, String(CLIENTS), String(seconds)]);
  return Number(stdout);
}

export const gets: Measure = (settings) => getsOver("h2", "HTTP/2", settings);

export const getsOverHttp1: Measure = (settings) => getsOver("h1", "HTTP/1.1", settings);

async function getsOver(protocol: LoadJob["protocol"], name: string, { quick, nodeArgs }: MeasureSettings): Promise<Figure[]> {
  await using cluster = await startBenchCluster({ nodeArgs });
  const { endpoint } = cluster;
  await makeNamespace(endpoint);
  await ask(endpoint, { method: "POST", path: PODS, body: pod("one", { schedulerName: "none" }) });
  const connections = protocol === "h1" ? CLIENTS : CONNECTIONS;
  const read = (seconds: number) => loadJob(endpoint, { method: "GET", path: `${PODS}/one`, expect: 200, seconds, protocol, connections });
  const job = read(quick ? 2 : 8);
  const got = await measured(cluster, job, read(2));
  const title = `GET of a pod, ${name}`;
  return [...rateFigures(title, got), ...(await peerFigures(title, cluster, job, got))];
}

export const list: Measure = async ({ quick, nodeArgs }) => {
  const count = quick ? 1000 : 10_000;
  await using cluster = await startBenchCluster({ nodeArgs });
  const { endpoint } = cluster;
  await makeNamespace(endpoint);
  await runLoad(loadJob(endpoint, { method: "POST", path: PODS, body: pod("p-%n", { schedulerName: "none" }), expect: 201, total: count }));
  const connection = await connectHttp2(endpoint);
  const figures: Figure[] = [];
  for (const [name, accept] of [
    ["JSON", undefined],
    ["Table", "application/json;as=Table;v=v1;g=meta.k8s.io"],
  ] as const) {
    const times: number[] = [];
    let bytes = 0;
    const { load } = await underLoad(cluster.pid, async () => {
      for (let run = 0; run < 7; run++) {
        const start = performance.now();
        const status = await new Promise<number>((resolve) => {
          connection.send({ method: "GET", path: "/api/v1/pods", ...(accept ? { accept } : {}) }, (code, length) => {
            bytes = length;
            resolve(code);
          });
        });
        if (status !== 200) throw new Error(`LIST: ${status}`);
        times.push(performance.now() - start);
      }
    });
    const note = `first ${times[0]?.toFixed(0)} ms, best ${Math.min(...times).toFixed(0)} ms of 7; ${describeLoad(load)}`;
    figures.push(figure(`LIST of ${count.toLocaleString("en")} pods, ${name}`, median(times), "ms", note));
    figures.push(figure(`LIST of ${count.toLocaleString("en")} pods, ${name}: size`, bytes / 1e6, "MB"));
  }
  connection.close();
  return figures;
};
