// The process itself: how soon it is there, and what it costs when nothing happens.

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cpuMsOf, residentMb, startBenchCluster, type BenchCluster } from "../cluster.ts";
import { figure, type Measure } from "../figures.ts";
import { askOn, lines, median } from "../load.ts";
import { connectHttp2 } from "../raw-http2.ts";

const SERVICE = `import { createServer } from "node:http";
createServer((request, response) => response.end("hello\\n")).listen(8080, () => console.log("listening"));
`;
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const REPLICAS = 3;

export const start: Measure = async ({ quick }) => {
  const runs = quick ? 1 : 5;
  const first: number[] = [];
  const firstReady: number[] = [];
  const later: number[] = [];
  const laterReady: number[] = [];
  const pods: number[] = [];
  const total: number[] = [];
  for (let run = 0; run < runs; run++) {
    const folder = mkdtempSync(join(tmpdir(), "kobune-bench-"));
    try {
      {
        await using cluster = await startBenchCluster({ folder });
        first.push(cluster.firstAnswerMs);
        firstReady.push(cluster.readyMs);
        const ready = await deploy(cluster, folder);
        pods.push(ready.sinceCreate);
        total.push(ready.sinceStart);
        await removeDeployment(cluster);
      }
      await using cluster = await startBenchCluster({ folder });
      later.push(cluster.firstAnswerMs);
      laterReady.push(cluster.readyMs);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const of = (name: string, values: readonly number[]) =>
    figure(
      name,
      median(values),
      "ms",
      `best ${Math.min(...values).toFixed(0)}, worst ${Math.max(...values).toFixed(0)} of ${values.length}`,
    );
  return [
    of("first start: to the first answer", first),
    of("first start: to the node's readiness", firstReady),
    of("first start: to 3 ready pods of a Deployment", total),
    of("3 pods: from the Deployment to all ready", pods),
    figure("3 such services started by hand, at once", await serviceStart(), "ms", "part of the two figures above"),
    of("later start: to the first answer", later),
    of("later start: to the node's readiness", laterReady),
  ];
};

/** Creates the Deployment and waits until all its pods are ready. */
async function deploy(cluster: BenchCluster, folder: string): Promise<{ sinceCreate: number; sinceStart: number }> {
  const file = join(folder, "service.mjs");
  writeFileSync(file, SERVICE);
  const labels = { app: "hello" };
  const container = {
    name: "hello",
    image: "none",
    command: ["/bin/sh", "-c", `exec ${process.execPath} ${file}`],
    readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
  };
  const spec = {
    replicas: REPLICAS,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [container] } },
  };
  const body = JSON.stringify({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "hello" }, spec });
  const connection = await connectHttp2(cluster.endpoint);
  const created = performance.now();
  await askOn(connection, { method: "POST", path: DEPLOYMENTS, body });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the pods are not ready after 60 s")), 60_000);
    const look = lines((line) => {
      const { object } = JSON.parse(line.toString()) as { object: { status?: { readyReplicas?: number } } };
      if (object.status?.readyReplicas !== REPLICAS) return;
      clearTimeout(timer);
      resolve();
    });
    connection.send({ method: "GET", path: `${DEPLOYMENTS}?watch=1` }, () => {}, look);
  });
  const now = performance.now();
  connection.close();
  return { sinceCreate: now - created, sinceStart: now - cluster.startedAt };
}

/** The pods must be gone before the cluster stops, so that the later start does not start them. */
async function removeDeployment(cluster: BenchCluster): Promise<void> {
  const connection = await connectHttp2(cluster.endpoint);
  await askOn(connection, { method: "PUT", path: `${DEPLOYMENTS}/hello/scale`, body: scaleToZero() });
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(50)) {
    const { items } = JSON.parse(await askOn(connection, { method: "GET", path: "/api/v1/namespaces/default/pods" })) as {
      items: unknown[];
    };
    if (items.length === 0) break;
  }
  connection.close();
}

function scaleToZero(): string {
  return JSON.stringify({
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { name: "hello", namespace: "default" },
    spec: { replicas: 0 },
  });
}

/** How long the services take without a cluster, until the last says that it listens. */
async function serviceStart(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "kobune-bench-"));
  const file = join(folder, "service.mjs");
  writeFileSync(file, SERVICE.replace("8080", "0"));
  try {
    const began = performance.now();
    const ends = await Promise.all(
      Array.from({ length: REPLICAS }, async () => {
        const child = spawn("/bin/sh", ["-c", `exec ${process.execPath} ${file}`], { stdio: ["ignore", "pipe", "inherit"] });
        await new Promise((resolve) => child.stdout.once("data", resolve));
        const end = performance.now();
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        await gone;
        return end;
      }),
    );
    return Math.max(...ends) - began;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const idle: Measure = async ({ quick }) => {
  const [settle, span] = quick ? [5, 5] : [30, 30];
  await using cluster = await startBenchCluster();
  await sleep(settle * 1000);
  const before = cpuMsOf(cluster.pid);
  await sleep(span * 1000);
  const used = cpuMsOf(cluster.pid) - before;
  return [
    figure("resident memory of an idle cluster", residentMb(cluster.pid), "MB", `after ${settle + span} s`),
    figure("processor of an idle cluster", used / (span * 10), "% core", `over ${span} s`),
  ];
};

/** Clusters that share one process, as tests and hosted clusters do. */
export const tenClusters: Measure = async () => {
  const script = join(import.meta.dirname, "../ten-clusters.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", script, "10"]);
  // The script prints these.
  const { oneMb, allMb, oneMs, restMs, cpu } = JSON.parse(stdout) as Record<"oneMb" | "allMb" | "oneMs" | "restMs" | "cpu", number>;
  return [
    figure("one cluster in a process: resident memory", oneMb, "MB", `in memory, simulated node; started in ${oneMs.toFixed(0)} ms`),
    figure("ten clusters in a process: resident memory", allMb, "MB"),
    figure("each further cluster: resident memory", (allMb - oneMb) / 9, "MB", `started in ${(restMs / 9).toFixed(0)} ms`),
    figure("ten clusters in a process: processor when idle", cpu * 100, "% core"),
  ];
};
