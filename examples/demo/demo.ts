// `npm run demo`: a release under load. Brings up a cluster, applies examples/web, drives it from outside at 500 requests a
// second while it rolls to a new version and back, and tells what became of every request. Then the same without the
// readiness probe, to show what the probe is for.

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { kubectlPath } from "#harness/kubectl.ts";
import { startCluster } from "#main/cluster.ts";
import type { LoadReport } from "./load.ts";

const PER_SECOND = 500;
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "kobune-demo-"));
const here = import.meta.dirname;

const began = performance.now();
const cluster = await startCluster({ dataDir: join(folder, "data"), store: "sqlite" });
say(`A cluster is up after ${seconds(performance.now() - began)} s: ${cluster.url}`);
writeFileSync(join(folder, "kubeconfig"), cluster.kubeconfig, { mode: 0o600 });

let failed = false;
try {
  const kubectlFile = kubectlPath();
  const kubectl = async (...args: string[]) =>
    (await run(kubectlFile, args, { env: { ...process.env, KUBECONFIG: join(folder, "kubeconfig"), HOME: folder } })).stdout.trim();
  // Through the client, and not with kubectl: its start takes the machine's processors for a tenth of a second, which is
  // not what is to be measured here.
  const rollTo = async (version: string) => {
    const start = performance.now();
    const env = [{ name: "VERSION", value: version }];
    const patch = { spec: { template: { spec: { containers: [{ name: "web", env }] } } } };
    const { metadata } = await cluster.client.patch(Deployment, "default/web", patch, { type: "strategic" });
    const fieldSelector = "metadata.name=web";
    for await (const { object } of cluster.client.watch(Deployment, { namespace: "default", fieldSelector })) {
      const { observedGeneration = 0, replicas, updatedReplicas, availableReplicas } = (object as Deployment).status ?? {};
      const isDone = replicas === 4 && updatedReplicas === 4 && availableReplicas === 4;
      if (observedGeneration >= (metadata?.generation ?? 0) && isDone) break;
    }
    return performance.now() - start;
  };
  const applied = performance.now();
  await kubectl("apply", "-f", join(here, "../web/web.yaml"));
  await kubectl("rollout", "status", "deployment/web", "--timeout=120s");
  say(`examples/web is applied; its 4 replicas are ready after ${seconds(performance.now() - applied)} s`);
  const url = `http://${await kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")}:8080/`;

  say(`\nWith a readiness probe: ${PER_SECOND} requests a second to ${url}, from v1 to v2 and back`);
  const withProbe = load(url, 44);
  await pause(3);
  say(`  v1 -> v2 took ${seconds(await rollTo("v2"))} s`);
  await pause(8);
  say(`  v2 -> v1 took ${seconds(await rollTo("v1"))} s`);
  const good = await withProbe;
  print(good);

  say("\nWithout it: the same service, which needs 0.7 s before it is of use, is sent requests at once");
  await kubectl(
    "patch",
    "deployment",
    "web",
    "--type=json",
    "-p",
    '[{"op":"remove","path":"/spec/template/spec/containers/0/readinessProbe"}]',
  );
  await kubectl("rollout", "status", "deployment/web", "--timeout=120s");
  await pause(2);
  const withoutProbe = load(url, 14);
  await pause(2);
  say(`  v1 -> v2 took ${seconds(await rollTo("v2"))} s`);
  const bad = await withoutProbe;
  print(bad);

  say(`\nWith the probe ${good.failed} of ${good.requests} requests failed, without it ${bad.failed} of ${bad.requests}.`);
  failed = good.failed > 0 || bad.failed === 0;
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** The load generator has a process of its own, so that the cluster's work does not delay its clock. */
function load(url: string, forSeconds: number): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(here, "load.ts"), url, String(PER_SECOND), String(forSeconds)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(JSON.parse(text) as LoadReport) : reject(new Error(`load generator ended with ${code}`)),
    );
  });
}

function print(report: LoadReport): void {
  const { p50, p90, p99, max } = report.latencyMs;
  const ms = (value: number) => value.toFixed(1);
  say(`\n  requests  failed  p50 ms  p90 ms  p99 ms  max ms  within 15 ms`);
  say(
    `  ${String(report.requests).padEnd(9)} ${String(report.failed).padEnd(7)} ${ms(p50).padEnd(7)} ${ms(p90).padEnd(7)} ${ms(p99).padEnd(7)} ${ms(max).padEnd(7)} ${(report.within15Ms * 100).toFixed(2)} %`,
  );
  for (const [cause, count] of Object.entries(report.causes)) say(`  failed: ${count} x ${cause}`);
  say(`\n  pod                        version  first answer  last answer  answers`);
  for (const [pod, seen] of Object.entries(report.pods).toSorted(([, a], [, b]) => a.first - b.first)) {
    say(
      `  ${pod.padEnd(26)} ${seen.version.padEnd(8)} ${seen.first.toFixed(2).padStart(8)} s    ${seen.last.toFixed(2).padStart(8)} s   ${String(seen.answers).padStart(7)}`,
    );
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

function pause(forSeconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forSeconds * 1000));
}
