// The library: clusters side by side in one process, and one on a virtual clock.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createVirtualClock, startCluster } from "#main/index.ts";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { processesWith } from "./kobune.ts";

void test("ten clusters in one process know nothing of one another and leave nothing behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kobune-side-"));
  const mark = `kobune-side-test-${process.pid}`;
  const answer = await new Promise<string>((resolve, reject) => {
    // The timeout is what tells that something held the process.
    const options = { env: { ...process.env, TMPDIR: folder }, timeout: 60_000 };
    const args = ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "side-by-side.ts"), mark];
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`exit ${error.code ?? error.signal}: ${stdout}\n${stderr}`, { cause: error }));
      else resolve(stdout);
    });
  });
  const { seen, during, after } = JSON.parse(answer) as { seen: { url: string; maps: string[] }[]; during: number; after: number };
  assert.equal(new Set(seen.map(({ url }) => url)).size, 10);
  seen.forEach(({ maps }, index) => assert.deepEqual(maps.sort(), ["kube-root-ca.crt", `only-in-${index}`]));
  assert.deepEqual({ during, after }, { during: 10, after: 0 });
  assert.deepEqual(readdirSync(folder), []);
  assert.deepEqual(processesWith(mark), []);
  rmSync(folder, { recursive: true });
});

void test("a simulated cluster on a virtual clock lives an hour in a moment", async () => {
  const clock = createVirtualClock();
  const pending = startCluster({ clock, runtime: "simulated", nodes: 3, random: seeded() });
  const cluster = await driven(clock, pending);
  try {
    const { client } = cluster;
    assert.equal(cluster.runtime, "simulated");
    assert.equal((await client.list(Node)).items.length, 3);
    await client.create(Deployment, {
      metadata: { name: "web", namespace: "default" },
      spec: {
        replicas: 6,
        selector: { matchLabels: { app: "web" } },
        template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "a", image: "web:1" }] } },
      },
    });
    await clock.advance(60_000);
    const { status } = await client.get(Deployment, "default/web");
    assert.equal(status?.readyReplicas, 6);
    const pods = (await client.list(Pod, { namespace: "default" })).items;
    assert.equal(new Set(pods.map(({ spec }) => spec?.nodeName)).size, 3, "spread over the nodes");
    const began = performance.now();
    await clock.advance(3_600_000);
    assert.ok(performance.now() - began < 20_000, "an hour took less than 20 s");
    const ready = (await client.list(Node)).items.map(({ status: node }) => node?.conditions?.find(({ type }) => type === "Ready"));
    assert.ok(ready.every((condition) => condition?.status === "True"));
  } finally {
    await driven(clock, cluster.stop());
  }
});

/** Lets virtual time pass until the promise is settled. */
async function driven<T>(clock: { advance(ms: number): Promise<void> }, promise: Promise<T>): Promise<T> {
  let settled = false;
  void promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  for (let step = 0; !settled && step < 10_000; step++) await clock.advance(10);
  return promise;
}

/** Numbers in [0, 1), the same at every run. */
function seeded(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
