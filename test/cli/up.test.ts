// The kobune command as a person meets it: what it prints, its exit codes, what it leaves alone and what it leaves behind.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { load } from "js-yaml";
import type { Kubeconfig } from "#client/node/kubeconfig.ts";
import { processStart } from "#cli/run-file.ts";
import { createKubectl } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { createWorkshop, processesWith, type Workshop } from "./kobune.ts";

let workshop: Workshop;

before(() => {
  workshop = createWorkshop();
});
after(() => workshop[Symbol.asyncDispose]());

void test("version, help, and a command without arguments", async () => {
  assert.match((await workshop.run("version")).stdout, /^kobune \d+\.\d+\.\d+\nkubernetes v1\.36\.\d+\n$/);
  const help = await workshop.run("help");
  assert.equal(help.code, 0);
  for (const command of ["up", "down", "status", "kubeconfig", "version", "help"])
    assert.match(help.stdout, new RegExp(`^ {2}${command}\\b`, "m"));
  const ofUp = (await workshop.run("help", "up")).stdout;
  for (const option of ["--data", "--port", "--nodes", "--runtime", "--store", "--kubeconfig", "--detach", "--verbose", "--log-format"])
    assert.ok(ofUp.includes(option), option);
  assert.equal((await workshop.run("up", "--help")).stdout, ofUp);
  assert.match((await workshop.run()).stdout, /^Usage: kobune /);
});

void test("what it does not understand ends with 2 and a hint, and starts nothing", async () => {
  for (const args of [
    ["sail"],
    ["up", "--colour"],
    ["up", "--port", "99999"],
    ["up", "--port", "x"],
    ["up", "--nodes", "-1"],
    ["up", "--runtime", "steam"],
    ["up", "--store", "paper"],
  ]) {
    const { code, stderr, stdout } = await workshop.run(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, /^error: .+\n/, args.join(" "));
    assert.equal(stdout, "", args.join(" "));
  }
  assert.ok(!existsSync(join(workshop.data, "..", ".kobune")));
});

void test("down, status and kubeconfig where no cluster is end with 3", async () => {
  for (const command of ["down", "status"]) {
    const { code, stderr } = await workshop.run(command, "--data", workshop.data);
    assert.equal(code, 3);
    assert.match(stderr, /^kobune: no cluster runs on .*data\n$/m);
  }
  const { code, stderr } = await workshop.run("kubeconfig", "--data", workshop.data);
  assert.equal(code, 3);
  assert.match(stderr, /^kobune: no cluster was ever started in .*data\n$/m);
});

void test("up prints what a person needs next; Ctrl-C stops all that it started", async () => {
  await using up = workshop.start("up", "--port", "0", "--data", workshop.data);
  const address = await up.address();
  const text = up.stdout();
  assert.match(text, /^Kobune \d+\.\d+\.\d+ \(Kubernetes v1\.36\.\d+\) is up after \d+\.\d\d s$/m);
  assert.match(text, /^ {2}kubeconfig +~\/\.kube\/config$/m);
  assert.match(text, /^ {2}context +kobune \(current\)$/m);
  assert.match(text, /^ {2}nodes +1 \(process runtime\)$/m);
  assert.match(text, /^ {2}data +\.\/data \(SQLite\)$/m);
  assert.match(text, /^ {2}try +kubectl get nodes$/m);
  assert.match(text, /^Stop it with Ctrl-C; its objects stay in \.\/data for the next start\.$/m);
  assert.match(up.stderr(), /Starting a cluster in \.\/data/);

  const config = join(workshop.home, ".kube/config");
  assert.equal(statSync(config).mode & 0o777, 0o600);
  using kubectl = createKubectl(readFileSync(config, "utf8"));
  const mark = `kobune-cli-test-${process.pid}`;
  await kubectl(
    "create",
    "deployment",
    "web",
    "--image=busybox:1",
    "--replicas=2",
    "--",
    "sh",
    "-c",
    `while :; do sleep 0.1; : ${mark}; done`,
  );
  await kubectl("rollout", "status", "deployment/web", "--timeout=20s");
  assert.ok(processesWith(mark).length >= 2, "its pods are processes here");

  const status = await workshop.run("status", "--data", workshop.data);
  assert.equal(status.code, 0);
  assert.match(status.stdout, new RegExp(`^Running and ready\n\n {2}address +${address}\n`));
  assert.match(status.stdout, new RegExp(`^ {2}pid +${up.process.pid}, since `, "m"));
  const printed = await workshop.run("kubeconfig", "--data", workshop.data);
  assert.equal((load(printed.stdout) as Kubeconfig).clusters?.[0]?.cluster.server, address);

  const { code, stdout } = await up.signal("SIGINT");
  assert.equal(code, 0);
  assert.match(stdout, /\nStopped\.\n$/);
  assert.deepEqual(processesWith(mark), [], "no process of a pod is left");
  const port = Number(new URL(address).port);
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  server.close();
  assert.equal((await workshop.run("status", "--data", workshop.data)).code, 3);
});

void test("a second up on the same data directory, or the same port, ends with 4 and harms nothing", async () => {
  await using up = workshop.start("up", "--port", "0", "--data", workshop.data);
  const address = await up.address();
  const sameData = await workshop.run("up", "--port", "0", "--data", workshop.data);
  assert.equal(sameData.code, 4);
  assert.match(
    sameData.stderr,
    new RegExp(
      `^kobune: a cluster already runs on \\./data \\(pid ${up.process.pid}, ${address}\\); stop it with \`kobune down --data .*data\`$`,
      "m",
    ),
  );
  const other = join(workshop.home, "../other");
  const samePort = await workshop.run("up", "--port", new URL(address).port, "--data", other);
  assert.equal(samePort.code, 4);
  assert.match(samePort.stderr, /^kobune: port \d+ of 127\.0\.0\.1 is in use; take another with --port N, or any free one with --port 0$/m);
  assert.equal((await workshop.run("status", "--data", workshop.data)).code, 0, "the first goes on");
  using kubectl = createKubectl(readFileSync(join(workshop.data, "kubeconfig"), "utf8"));
  await until("its Deployment is back", async () => / 2\/2 /.test(await kubectl("get", "deployment", "web", "--no-headers")));
  const { code } = await workshop.run("down", "--data", workshop.data);
  assert.equal(code, 0);
  assert.equal((await up.ended).code, 0);
});

void test("--detach returns when the cluster is ready; down stops it", async () => {
  const { code, stdout } = await workshop.run("up", "--detach", "--port", "0", "--nodes", "2", "--data", workshop.data);
  assert.equal(code, 0);
  assert.match(stdout, /^ {2}nodes +2 \(process runtime\)$/m);
  assert.match(stdout, /^It runs in the background \(pid \d+, log \.\/data\/kobune\.log\)\. Stop it with `kobune down --data .*data`\.$/m);
  const pid = Number(/pid (\d+)/.exec(stdout)?.[1]);
  using kubectl = createKubectl((await workshop.run("kubeconfig", "--data", workshop.data)).stdout);
  assert.equal((await kubectl("get", "nodes", "-o", "name")).trim().split("\n").length, 2);
  const down = await workshop.run("down", "--data", workshop.data);
  assert.deepEqual([down.code, down.stdout], [0, "Stopped.\n"]);
  // It may still stand in the process table until whoever adopted it reaps it.
  assert.equal(processStart(pid), "");
});

void test("a kubeconfig keeps what others put there", async () => {
  const file = join(workshop.home, "theirs");
  const theirs = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "work",
    clusters: [{ name: "work", cluster: { server: "https://work.example.com" } }],
    users: [{ name: "me", user: { token: "mine" } }],
    contexts: [{ name: "work", context: { cluster: "work", user: "me", namespace: "team" } }],
    preferences: { colors: true },
  };
  writeFileSync(file, JSON.stringify(theirs));
  for (let round = 0; round < 2; round++) {
    await using up = workshop.start("up", "--port", "0", "--data", workshop.data, "--kubeconfig", file);
    const address = await up.address();
    assert.match(up.stdout(), /^ {2}context +kobune$/m, "not made the current one behind their back");
    const merged = load(readFileSync(file, "utf8")) as Kubeconfig;
    assert.equal(merged["current-context"], "work");
    assert.deepEqual(
      merged.clusters?.map(({ name }) => name),
      ["work", "kobune"],
    );
    assert.deepEqual(
      [merged.clusters?.[0], merged.users?.[0], merged.contexts?.[0]],
      [theirs.clusters[0], theirs.users[0], theirs.contexts[0]],
    );
    assert.deepEqual(merged["preferences"], theirs.preferences);
    assert.equal(merged.clusters?.[1]?.cluster.server, address);
    using kubectl = createKubectl(readFileSync(file, "utf8"));
    assert.match(await kubectl("--context", "kobune", "get", "namespaces", "-o", "name"), /namespace\/default/);
    assert.equal((await up.signal("SIGTERM")).code, 0);
  }
  // A cluster of that name elsewhere is somebody's: the file stays as it is.
  const foreign = { ...theirs, clusters: [{ name: "kobune", cluster: { server: "https://kobune.example.com" } }] };
  writeFileSync(file, JSON.stringify(foreign));
  await using up = workshop.start("up", "--port", "0", "--data", workshop.data, "--kubeconfig", file);
  await up.address();
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), foreign);
  assert.match(
    up.stdout(),
    /^Note: .*theirs was left alone: its cluster "kobune" \(https:\/\/kobune\.example\.com\) is not one of this machine's$/m,
  );
  await up.signal("SIGINT");
});

void test("--store memory forgets at the end", async () => {
  const data = join(workshop.home, "../forgetful");
  await using first = workshop.start("up", "--port", "0", "--store", "memory", "--data", data);
  await first.address();
  assert.match(first.stdout(), /^ {2}data +in memory only$/m);
  {
    using kubectl = createKubectl(readFileSync(join(data, "kubeconfig"), "utf8"));
    await kubectl("create", "configmap", "note");
  }
  await first.signal("SIGINT");
  await using second = workshop.start("up", "--port", "0", "--store", "memory", "--data", data);
  await second.address();
  using kubectl = createKubectl(readFileSync(join(data, "kubeconfig"), "utf8"));
  assert.match(await kubectl.fails("get", "configmap", "note"), /NotFound/);
  await second.signal("SIGINT");
});
