// The real kubectl reads logs and runs commands through the API server and a node's API.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import { startKubectlCluster, type KubectlCluster } from "./kubectl-cluster.ts";

let cluster: KubectlCluster;

const running = (name: string): ContainerStatus =>
  ({
    name,
    image: "i",
    imageID: "",
    ready: true,
    restartCount: 1,
    containerID: `local://${name}`,
    state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
    lastState: { terminated: { exitCode: 1, containerID: `local://${name}-0` } },
  }) as ContainerStatus;

const pod = (name: string, containers: readonly string[], statuses: ContainerStatus[], nodeName = "n1"): Pod => ({
  metadata: { name },
  spec: { containers: containers.map((container) => ({ name: container, image: "i" })), ...(nodeName ? { nodeName } : {}) },
  status: { phase: "Running", containerStatuses: statuses },
});

before(async () => {
  cluster = await startKubectlCluster();
  await cluster.addPod(pod("web", ["main"], [running("main")]));
  await cluster.addPod(pod("two", ["a", "b"], [running("a"), running("b")]));
  await cluster.addPod(
    pod("slow", ["main"], [{ ...running("main"), state: { waiting: { reason: "ContainerCreating" } }, lastState: {} } as ContainerStatus]),
  );
  await cluster.addPod(pod("homeless", ["main"], [], ""));
  const recent = new Date().toISOString();
  writeFileSync(
    join(cluster.folder, "web.main.log"),
    `2026-01-01T00:00:01.000000000Z stdout F first\n2026-01-01T00:00:02.000000000Z stderr F second\n${recent} stdout F third\n`,
  );
  writeFileSync(join(cluster.folder, "web.main.previous.log"), "2025-12-31T00:00:01.000000000Z stdout F before the crash\n");
});

after(() => cluster[Symbol.asyncDispose]());

const logs = async (...args: string[]) => {
  const { code, stdout, stderr } = await cluster.kubectl(["logs", ...args]);
  return code === 0 ? stdout.toString() : stderr;
};

void test("kubectl logs shows a log with its options", async () => {
  assert.equal(await logs("web"), "first\nsecond\nthird\n");
  assert.equal(await logs("web", "--tail=1"), "third\n");
  assert.equal(await logs("web", "--since=1h"), "third\n");
  assert.equal(await logs("web", "--since-time=2026-01-01T00:00:02Z"), "second\nthird\n");
  assert.equal(await logs("web", "--previous"), "before the crash\n");
  assert.equal(await logs("web", "--limit-bytes=8"), "first\nse");
  assert.match(await logs("web", "--timestamps"), /^2026-01-01T00:00:01\.000000000Z first\n/);
});

void test("kubectl logs -f shows lines as they come", { timeout: 20_000 }, async () => {
  const path = join(cluster.folder, "web.main.log");
  const child = cluster.start(["logs", "-f", "web", "--tail=1"]);
  let seen = "";
  const sees = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!seen.includes(text)) return;
        child.stdout?.off("data", look);
        resolve();
      };
      child.stdout?.on("data", look);
      look();
    });
  child.stdout?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  await sees("third\n");
  appendFileSync(path, `${new Date().toISOString()} stdout F fourth\n`);
  await sees("fourth\n");
  child.kill("SIGKILL");
});

void test("refusals of kubectl logs have upstream's words", async () => {
  assert.match(await logs("slow"), /BadRequest\): container "main" in pod "slow" is waiting to start: ContainerCreating$/m);
  assert.match(await logs("slow", "--previous"), /previous terminated container "main" in pod "slow" not found/);
  assert.match(await logs("web", "-c", "x"), /container x is not valid for pod web/);
  assert.match(await logs("gone"), /pods "gone" not found/);
  assert.equal(await logs("homeless"), "");
});

void test("kubectl exec gives output, errors and the exit code", async () => {
  const answer = await cluster.kubectl(["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
  assert.deepEqual([answer.stdout.toString(), answer.stderr, answer.code], ["out\n", "err\ncommand terminated with exit code 3\n", 3]);
  assert.deepEqual((await cluster.kubectl(["exec", "web", "--", "printf", "%s-", "a b", "c"])).stdout.toString(), "a b-c-");
  assert.match(cluster.upgrades.at(-1) ?? "", /^GET .*\/web\/exec v5\.channel\.k8s\.io/);
});

void test("20 MB go through cat unchanged, and the end of input arrives", { timeout: 30_000 }, async () => {
  const data = randomBytes(20 * 1024 * 1024);
  const before = process.memoryUsage().arrayBuffers;
  const { code, stdout, stderr } = await cluster.kubectl(["exec", "-i", "web", "--", "cat"], { stdin: data });
  assert.equal(code, 0, stderr);
  assert.ok(stdout.equals(data), `${stdout.length} bytes came back`);
  assert.ok(process.memoryUsage().arrayBuffers - before < 200 * 1024 * 1024);
});

void test("a command that cannot start is told of", async () => {
  const { code, stderr } = await cluster.kubectl(["exec", "web", "--", "/no/such/program"]);
  assert.equal(code, 1);
  assert.match(stderr, /Internal error occurred: error executing command in container: spawn \/no\/such\/program ENOENT/);
});

void test("exec into pods that cannot be is refused in upstream's words", async () => {
  const exec = async (...args: string[]) => (await cluster.kubectl(["exec", ...args, "--", "true"])).stderr;
  assert.match(await exec("gone"), /pods "gone" not found/);
  assert.match(await exec("web", "-c", "x"), /container x is not valid for pod web/);
  assert.match(await exec("homeless"), /pod homeless does not have a host assigned/);
  assert.match(await exec("two", "-c", "b"), /^$/);
});

void test("kubectl attach joins a running container", { timeout: 20_000 }, async () => {
  const child = spawn("sh", ["-c", 'read -r line; echo "got $line"']);
  cluster.pods.attached = child;
  const { stdout, code } = await cluster.kubectl(["attach", "-i", "web"], { stdin: Buffer.from("hello\n") });
  assert.equal(stdout.toString(), "got hello\n");
  assert.equal(code, 0);
});

void test("kubectl cp copies folders both ways", { timeout: 20_000 }, async () => {
  const { folder } = cluster;
  mkdirSync(join(folder, "from"), { recursive: true });
  mkdirSync(join(folder, "inside"), { recursive: true });
  const data = randomBytes(3_000_000);
  writeFileSync(join(folder, "from/data.bin"), data);
  const into = await cluster.kubectl(["cp", join(folder, "from/data.bin"), `web:${join(folder, "inside/data.bin")}`]);
  assert.equal(into.code, 0, into.stderr);
  assert.ok(readFileSync(join(folder, "inside/data.bin")).equals(data));
  const out = await cluster.kubectl(["cp", `web:${join(folder, "inside")}`, join(folder, "back")]);
  assert.equal(out.code, 0, out.stderr);
  assert.ok(readFileSync(join(folder, "back/data.bin")).equals(data));
});
