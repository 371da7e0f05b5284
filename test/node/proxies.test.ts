// The API server's proxies to pods, Services and nodes, and who may call a node's API.

import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { startKubectlCluster, type KubectlCluster } from "./kubectl-cluster.ts";

/** A loopback address of its own, as a process pod has. */
const POD_IP = "127.9.9.9";
let cluster: KubectlCluster;
const seen: IncomingMessage[] = [];
const backend = createServer((request, response) => {
  seen.push(request);
  if (request.url === "/away") return void response.writeHead(302, { location: "/home" }).end();
  void text(request).then((body) => response.end(`${request.method} ${request.url} ${body}`));
});
backend.on("upgrade", (request: IncomingMessage, socket) => {
  seen.push(request);
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  socket.pipe(socket);
});
let port: number;

before(async () => {
  cluster = await startKubectlCluster();
  await new Promise<void>((resolve) => backend.listen(0, POD_IP, () => resolve()));
  port = (backend.address() as AddressInfo).port;
  const spec = { nodeName: "n1", containers: [{ name: "main", image: "i", ports: [{ containerPort: port }] }] };
  const status = { phase: "Running", podIP: POD_IP, podIPs: [{ ip: POD_IP }], hostIP: "127.0.0.1" };
  await cluster.addPod({ metadata: { name: "web" }, spec, status });
  await cluster.addPod({ metadata: { name: "host" }, spec, status: { ...status, podIP: "127.0.0.1", podIPs: [{ ip: "127.0.0.1" }] } });
  const { registry } = cluster;
  await registry.create(Service, { metadata: { name: "web", namespace: "default" }, spec: { ports: [{ name: "http", port: 80 }] } });
  await registry.create(Service, { metadata: { name: "empty", namespace: "default" }, spec: { ports: [{ port: 80 }] } });
  await registry.create(EndpointSlice, {
    metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "http", port }],
    endpoints: [{ addresses: [POD_IP] }, { addresses: ["127.9.9.8"], conditions: { ready: false } }],
  });
});

after(async () => {
  backend.close();
  backend.closeAllConnections();
  await cluster[Symbol.asyncDispose]();
});

interface Call {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly base?: string;
  readonly identity?: { readonly certificate: string; readonly key: string } | undefined;
}

async function call(path: string, { method = "GET", body, headers = {}, base = cluster.url, ...rest }: Call = {}) {
  const { certificates } = cluster;
  const identity = "identity" in rest ? rest.identity : certificates.admin;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const tls = {
      ca: certificates.caCertificate,
      ...(identity ? { cert: identity.certificate, key: identity.key } : {}),
      agent: false as const,
    };
    httpsRequest(`${base}${path}`, { method, headers, ...tls }, resolve)
      .once("error", reject)
      .end(body);
  });
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}

const PODS = "/api/v1/namespaces/default/pods";
const SERVICES = "/api/v1/namespaces/default/services";

void test("requests reach a pod with method, path, query and body", async () => {
  assert.equal((await call(`${PODS}/web/proxy/a%20b/c?x=1&y=2`)).text, "GET /a%20b/c?x=1&y=2 ");
  assert.equal((await call(`${PODS}/http:web:${port}/proxy/x/`, { method: "POST", body: "hello" })).text, "POST /x/ hello");
  assert.equal((await call(`${PODS}/web:${port}/proxy/x`, { method: "DELETE" })).text, "DELETE /x ");
});

void test("credentials stay here; who asked is told", async () => {
  await call(`${PODS}/web/proxy/x`, {
    headers: { "x-own": "1", "impersonate-user": "kubernetes-admin", "impersonate-group": "system:masters" },
  });
  const headers = seen.at(-1)?.headers ?? {};
  assert.equal(headers["x-own"], "1");
  assert.equal(headers["impersonate-user"], undefined);
  assert.match(String(headers["x-forwarded-for"]), /127\.0\.0\.1/);
});

void test("the root without a slash is redirected, and redirects lead back through the proxy", async () => {
  const root = await call(`${PODS}/web/proxy`);
  assert.deepEqual([root.status, root.headers.location], [301, `${PODS}/web/proxy/`]);
  assert.equal((await call(`${PODS}/web/proxy/away`)).headers.location, `${PODS}/web/proxy/home`);
});

void test("a Service's proxy finds a ready endpoint by port name or number", async () => {
  assert.equal((await call(`${SERVICES}/web:http/proxy/s`)).text, "GET /s ");
  assert.equal((await call(`${SERVICES}/http:web:80/proxy/s`)).text, "GET /s ");
  const refusals = [
    ["web:81", 503, 'no service port 81 found for service "web"'],
    ["empty", 503, 'no endpoints available for service "empty"'],
    ["ftp:web:80", 400, 'invalid service request "ftp:web:80"'],
    ["gone", 404, 'services "gone" not found'],
  ] as const;
  for (const [name, status, message] of refusals) {
    const answer = await call(`${SERVICES}/${name}/proxy/`);
    assert.deepEqual([answer.status, JSON.parse(answer.text).message], [status, message]);
  }
});

void test("the server is not made to call its own host", async () => {
  for (const path of [`${PODS}/host/proxy/`, "/api/v1/nodes/n1:1/proxy/"]) {
    const answer = await call(path);
    assert.deepEqual([answer.status, JSON.parse(answer.text).message], [400, "address not allowed"]);
  }
});

void test("a pod that does not answer gives 503", async () => {
  const { status, text: body } = await call(`${PODS}/web:1/proxy/`);
  assert.equal(status, 503);
  assert.equal(JSON.parse(body).message, `error trying to reach service: dial tcp ${POD_IP}:1: connect: connection refused`);
});

void test("upgrades pass through to a pod", async () => {
  const { certificates } = cluster;
  const echoed = await new Promise<string>((resolve, reject) => {
    const outgoing = httpsRequest(`${cluster.url}${PODS}/web/proxy/up`, {
      ca: certificates.caCertificate,
      cert: certificates.admin.certificate,
      key: certificates.admin.key,
      agent: false,
      headers: { connection: "Upgrade", upgrade: "echo" },
    });
    outgoing.once("error", reject);
    outgoing.once("upgrade", (_answer, socket) => {
      socket.once("data", (chunk: Buffer) => {
        resolve(chunk.toString());
        socket.destroy();
      });
      socket.write("over and back");
    });
    outgoing.end();
  });
  assert.equal(echoed, "over and back");
});

void test("a node's own API is reached through its proxy", async () => {
  assert.equal((await call("/api/v1/nodes/n1/proxy/healthz")).text, "ok");
  const { items } = JSON.parse((await call("/api/v1/nodes/n1/proxy/pods")).text);
  assert.deepEqual(
    items.map((pod: { metadata: { name: string } }) => pod.metadata.name),
    ["web", "host"],
  );
  const summary = JSON.parse((await call("/api/v1/nodes/n1/proxy/stats/summary")).text);
  assert.equal(summary.pods[0].containers[0].memory.workingSetBytes, 7);
  assert.match((await call("/api/v1/nodes/n1/proxy/metrics")).text, /^kubelet_running_containers\{container_state="running"\} 2$/m);
  const resource = (await call("/api/v1/nodes/n1/proxy/metrics/resource")).text;
  assert.match(resource, /^container_cpu_usage_seconds_total\{container="main",namespace="default",pod="web"\} 2 \d+$/m);
  assert.match(resource, /^node_cpu_usage_seconds_total [\d.]+ \d+$/m);
});

void test("only the API server and administrators may call a node", async () => {
  const { certificates, nodePort } = cluster;
  const base = `https://127.0.0.1:${nodePort}`;
  const ask = async (identity: Call["identity"]) => (await call("/pods", { base, identity })).status;
  assert.equal(await ask(undefined), 401);
  assert.equal(await ask(await certificates.issueClient({ commonName: "system:node:n1", organizations: ["system:nodes"] })), 403);
  assert.equal(await ask(certificates.kubeletClient), 200);
  assert.equal(await ask(await certificates.issueClient({ commonName: "root", organizations: ["system:masters"] })), 200);
});
