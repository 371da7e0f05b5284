// kubectl logs, exec, attach, port-forward, cp: streams between a terminal and a pod.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { scriptPod, webDeployment } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
  await kubectl("apply", "-f", kubectl.file("box.json", scriptPod("box", "echo started; while :; do sleep 0.1; done")));
  await kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=20s");
});
after(() => testCluster[Symbol.asyncDispose]());

void test("logs: all, the last lines, with times, since a while", async () => {
  await kubectl(
    "apply",
    "-f",
    kubectl.file("talker.json", scriptPod("talker", "for i in 1 2 3 4 5; do echo line $i; done; echo oops >&2")),
  );
  await kubectl("wait", "pod/talker", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s");
  const all = await kubectl("logs", "talker");
  assert.deepEqual(all.trim().split("\n").sort(), ["line 1", "line 2", "line 3", "line 4", "line 5", "oops"]);
  assert.equal((await kubectl("logs", "talker", "--tail=2")).trim().split("\n").length, 2);
  assert.match(await kubectl("logs", "talker", "--timestamps"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line 1\n/);
  assert.equal((await kubectl("logs", "talker", "--since=1h")).length, all.length);
  assert.equal(await kubectl("logs", "talker", "--since-time=2099-01-01T00:00:00Z"), "");
  assert.equal((await kubectl("logs", "talker", "--limit-bytes=6")).length, 6);
  assert.match(await kubectl("logs", "talker", "--prefix", "--tail=1"), /^\[pod\/talker\/script\] /);
  assert.equal(
    await kubectl.fails("logs", "talker", "-c", "nobody"),
    "error: container nobody is not valid for pod talker out of: script\n",
  );
  assert.match(await kubectl.fails("logs", "nobody"), /pods "nobody" not found/);
});

void test("logs -f goes on until the container ends; Ctrl-C ends it before", async () => {
  await kubectl("apply", "-f", kubectl.file("slow.json", scriptPod("slow", "for i in 1 2 3 4 5 6; do echo tick $i; sleep 0.2; done")));
  await kubectl("wait", "pod/slow", "--for=jsonpath={.status.phase}=Running", "--timeout=20s");
  await using following = kubectl.start("logs", "-f", "slow");
  await following.printed(/tick 2\n/);
  assert.doesNotMatch(following.stdout(), /tick 6/, "it came while it was written");
  const { code, stdout } = await following.ended;
  assert.equal(code, 0);
  assert.equal(stdout, "tick 1\ntick 2\ntick 3\ntick 4\ntick 5\ntick 6\n");
  await using endless = kubectl.start("logs", "-f", "box");
  await endless.printed(/started\n/);
  assert.notEqual((await endless.interrupt()).code, 0);
});

void test("logs --previous tells what the container said before it was restarted", async () => {
  const again = scriptPod("again", "", { restartPolicy: "Always" }) as { spec: { containers: object[] } };
  Object.assign(again.spec.containers[0]!, {
    command: ["sh", "-c", 'echo life; if [ -f "$STATE/mark" ]; then while :; do sleep 0.1; done; fi; touch "$STATE/mark"; exit 1'],
    env: [{ name: "STATE", value: kubectl.home }],
  });
  await kubectl("apply", "-f", kubectl.file("again.json", again));
  await kubectl("wait", "pod/again", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "--timeout=30s");
  assert.equal(await kubectl("logs", "again", "--previous"), "life\n");
  assert.match(await kubectl.fails("logs", "box", "--previous"), /previous terminated container "script" in pod "box" not found/);
});

void test("logs of a Deployment and by label", async () => {
  await kubectl("apply", "-f", kubectl.file("web.json", webDeployment("web")));
  await kubectl("rollout", "status", "deployment/web", "--timeout=20s");
  assert.match(await kubectl("logs", "deployment/web"), /^listening as v1\n/m);
  assert.equal((await kubectl("logs", "-l", "app=web", "--prefix")).trim().split("\n").length, 2);
});

void test("exec runs a command: its output, its exit code, its stdin", async () => {
  assert.equal(await kubectl("exec", "box", "--", "echo", "hello", "there"), "hello there\n");
  const both = await kubectl.run(["exec", "box", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
  assert.equal(both.stdout, "out\n");
  assert.equal(both.stderr, "err\ncommand terminated with exit code 7\n");
  assert.equal(both.code, 7);
  const text = "line\n".repeat(50_000);
  const piped = await kubectl.run(["exec", "-i", "box", "--", "cat"], { stdin: text });
  assert.equal(piped.stdout.length, text.length);
  assert.ok(piped.stdout === text, "every byte came back");
  assert.equal((await kubectl("exec", "deployment/web", "--", "sh", "-c", "echo $VERSION")).trim(), "v1");
  assert.match(await kubectl.fails("exec", "box", "--", "no-such-program"), /no-such-program.*(not found|no such file)/i);
  assert.match(await kubectl.fails("exec", "nobody", "--", "true"), /pods "nobody" not found/);
});

void test("exec in a container by name; in one that has ended", async () => {
  assert.equal(await kubectl("exec", "box", "-c", "script", "--", "echo", "yes"), "yes\n");
  assert.match(
    await kubectl.fails("exec", "box", "-c", "other", "--", "true"),
    /container other is not valid for pod box|container not found \("other"\)/,
  );
  assert.match(
    await kubectl.fails("exec", "talker", "--", "true"),
    /cannot exec into a container in a completed pod; current phase is Succeeded/,
  );
});

void test("attach shows what the container says from now on, and takes stdin to it", async () => {
  const reader = scriptPod("reader", 'while read line; do echo "got $line"; done') as { spec: { containers: object[] } };
  Object.assign(reader.spec.containers[0]!, { stdin: true });
  await kubectl("apply", "-f", kubectl.file("reader.json", reader));
  await kubectl("wait", "pod/reader", "--for=condition=Ready", "--timeout=20s");
  await using attached = kubectl.start("attach", "-i", "reader");
  await until("a line comes back", async () => {
    attached.process.stdin?.write("ping\n");
    await new Promise((resolve) => setTimeout(resolve, 100));
    return attached.stdout().includes("got ping\n");
  });
});

void test("run --rm -i gives the output of a command and leaves no pod", async () => {
  const { stdout, code } = await kubectl.run([
    "run",
    "once",
    "--rm",
    "-i",
    "--restart=Never",
    "--image=busybox:1",
    "--quiet",
    "--",
    "sh",
    "-c",
    "sleep 0.5; echo done",
  ]);
  assert.equal(code, 0);
  assert.match(stdout, /done\n/);
  assert.match(await kubectl.fails("get", "pod", "once"), /NotFound/);
});

void test("port-forward carries requests to a pod, a Deployment and a Service", async () => {
  await kubectl("expose", "deployment", "web", "--port=80", "--target-port=http");
  const pod = await kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}");
  for (const [target, port] of [
    [`pod/${pod}`, 8080],
    ["deployment/web", 8080],
    ["service/web", 80],
  ] as const) {
    await using forward = kubectl.start("port-forward", target, `:${port}`);
    const text = await forward.printed(/Forwarding from 127\.0\.0\.1:\d+ -> 8080\n/);
    const local = /127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    for (let request = 0; request < 3; request++) assert.match(await fetchText(`http://127.0.0.1:${local}/`), /^v1 web-/, target);
    if (target.startsWith("pod/")) assert.match(await fetchText(`http://127.0.0.1:${local}/`), new RegExp(`^v1 ${pod}\n$`));
  }
});

void test("cp brings files and folders to a pod and back", async () => {
  const target = join(kubectl.home, "in-the-pod");
  await kubectl("exec", "box", "--", "mkdir", "-p", target);
  const content = "x".repeat(100_000) + "end";
  kubectl.file("out/one.txt", content);
  kubectl.file("out/sub/two.txt", "two");
  await kubectl("cp", join(kubectl.home, "out"), `box:${target}`);
  assert.equal(await kubectl("exec", "box", "--", "cat", `${target}/out/sub/two.txt`), "two");
  await kubectl("cp", `box:${target}/out`, join(kubectl.home, "back"));
  assert.equal(readFileSync(join(kubectl.home, "back/one.txt"), "utf8"), content);
  assert.equal(readFileSync(join(kubectl.home, "back/sub/two.txt"), "utf8"), "two");
});

async function fetchText(url: string): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false }, resolve).on("error", reject);
  });
  return (await response.setEncoding("utf8").toArray()).join("");
}
