// The real kubectl forwards ports through the API server and a node's API; and its older protocols.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, get } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { ContainerStatus } from "#kinds/api/core-v1.gen.ts";
import { startKubectlCluster, type KubectlCluster } from "./kubectl-cluster.ts";

const data = randomBytes(20 * 1024 * 1024);
const web = createServer((_request, response) => response.end(data));
/** Sends back what it got once the other side has ended. */
const echo = createTcpServer({ allowHalfOpen: true }, (socket) => {
  const parts: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => parts.push(chunk));
  socket.once("end", () => socket.end(Buffer.concat(parts)));
});
let cluster: KubectlCluster;
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

before(async () => {
  cluster = await startKubectlCluster();
  for (const server of [web, echo]) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const status = { name: "main", image: "i", imageID: "", ready: true, restartCount: 0, state: { running: {} } } as ContainerStatus;
  const spec = { nodeName: "n1", containers: [{ name: "main", image: "i" }] };
  await cluster.addPod({ metadata: { name: "web" }, spec, status: { phase: "Running", containerStatuses: [status] } });
});

after(async () => {
  web.close();
  echo.close();
  await cluster[Symbol.asyncDispose]();
});

/** Starts a forward and gives its local port. */
async function forward(port: number, env: Record<string, string> = {}): Promise<{ port: number; output: () => string; stop: () => void }> {
  const child = cluster.start(["port-forward", "--address=127.0.0.1", "pod/web", `:${port}`], env);
  let output = "";
  const local = await new Promise<number>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      output += chunk.toString();
      const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(output);
      if (found) resolve(Number(found[1]));
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("close", () => reject(new Error(`kubectl ended: ${output}`)));
  });
  return { port: local, output: () => output, stop: () => child.kill("SIGKILL") };
}

const download = (port: number) =>
  new Promise<Buffer>((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent: false }, (response) => void buffer(response).then(resolve, reject)).once("error", reject);
  });

void test("20 MB come through the tunnel unchanged, and several connections at once", { timeout: 60_000 }, async () => {
  cluster.upgrades.length = 0;
  const { port, output, stop } = await forward(portOf(web));
  assert.ok((await download(port)).equals(data));
  const several = await Promise.all([download(port), download(port), download(port)]);
  for (const one of several) assert.ok(one.equals(data));
  stop();
  assert.equal(cluster.upgrades.length, 1, `one upgrade and no fallback: ${cluster.upgrades.join("; ")}; ${output()}`);
  assert.match(cluster.upgrades[0] ?? "", /^GET .*\/web\/portforward SPDY\/3\.1\+portforward\.k8s\.io$/);
  assert.equal(cluster.pods.forwarded.length, 4);
});

void test("a client's end of input reaches the pod while the answer is still to come", { timeout: 60_000 }, async () => {
  const { port, stop } = await forward(portOf(echo));
  const sent = data.subarray(0, 3_000_000);
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.end(sent);
  assert.ok((await buffer(socket)).equals(sent));
  stop();
});

void test("a port that nobody listens on is told of", { timeout: 60_000 }, async () => {
  const free = await new Promise<number>((resolve) => {
    const server = createTcpServer().listen(0, "127.0.0.1", () => {
      const port = portOf(server);
      server.close(() => resolve(port));
    });
  });
  const { port, output, stop } = await forward(free);
  await download(port).catch(() => {});
  const deadline = performance.now() + 5000;
  while (!output().includes("error forwarding port") && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  stop();
  assert.match(
    output(),
    new RegExp(`an error occurred forwarding \\d+ -> ${free}: error forwarding port ${free} to pod web, uid [^:]+: connect ECONNREFUSED`),
  );
});

void test("older clients forward ports over raw SPDY", { timeout: 60_000 }, async () => {
  cluster.upgrades.length = 0;
  const { port, stop } = await forward(portOf(web), { KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" });
  assert.ok((await download(port)).equals(data));
  stop();
  assert.match(cluster.upgrades.join(), /^POST .*\/web\/portforward SPDY\/3\.1$/);
});

void test("older clients run commands over raw SPDY", { timeout: 60_000 }, async () => {
  cluster.upgrades.length = 0;
  const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false" };
  const cat = await cluster.kubectl(["exec", "-i", "web", "--", "cat"], { stdin: data, env });
  assert.equal(cat.code, 0, cat.stderr);
  assert.ok(cat.stdout.equals(data));
  const failing = await cluster.kubectl(["exec", "web", "--", "sh", "-c", "echo err >&2; exit 3"], { env });
  assert.deepEqual([failing.code, failing.stderr], [3, "err\ncommand terminated with exit code 3\n"]);
  assert.match(cluster.upgrades.join(), /^POST .*\/web\/exec SPDY\/3\.1,POST .*\/web\/exec SPDY\/3\.1$/);
});
