// A node is drained under a budget while requests run through the Service: none is lost.

import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { test } from "node:test";
import { startTestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { Pod, Service } from "#kinds/api/core-v1.gen.ts";
import { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { makeKey } from "#meta/object.ts";

// Ends as a well-behaved server does: what is under way is answered first.
const SERVER = `
const server = require("node:http").createServer((request, response) => setTimeout(() => response.end("ok"), 5));
server.listen(Number(process.env.PORT), process.env.POD_IP);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
`;

/** Gives the status of one request, 0 if it got no answer. */
const request = (agent: Agent, host: string, port: number): Promise<number> =>
  new Promise((resolve) => {
    get({ agent, host, port, timeout: 5_000 }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", () => resolve(0));
    })
      .on("error", () => resolve(0))
      .on("timeout", () => resolve(0));
  });

test("kubectl drain under a budget loses no request", async (t) => {
  await using cluster = await startTestCluster({ nodes: 2, runtime: "process" });
  const { kubectl, client } = cluster;
  const labels = { app: "web" };
  const probe = { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 };
  const env = [
    { name: "PORT", value: "8080" },
    { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
  ];
  const container = { name: "c", image: "node", command: [process.execPath, "-e", SERVER], env, readinessProbe: probe };
  const manifests = {
    apiVersion: "v1",
    kind: "List",
    items: [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "web" },
        spec: { replicas: 3, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
      },
      { apiVersion: "v1", kind: "Service", metadata: { name: "web" }, spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } },
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "web" },
        spec: { minAvailable: 2, selector: { matchLabels: labels } },
      },
    ],
  };
  await kubectl("apply", "-f", kubectl.file("web.json", manifests));
  await kubectl("rollout", "status", "deployment/web", "--timeout=25s");
  await until(
    "the budget knows the pods",
    async () => (await client.get(PodDisruptionBudget, makeKey("default", "web"))).status?.disruptionsAllowed === 1,
  );
  const host = (await client.get(Service, makeKey("default", "web"))).spec?.clusterIP ?? "";
  const agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: false })];
  await until("the service answers", async () => (await request(agents[1] ?? new Agent(), host, 80)) === 200);
  const counts = new Map<number, number>();
  let running = true;
  const load = agents.flatMap((agent) =>
    [1, 2].map(async () => {
      while (running) {
        const status = await request(agent, host, 80);
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    }),
  );
  const nodeOf = async () => (await client.list(Pod, { namespace: "default" })).items.map(({ spec }) => spec?.nodeName);
  const [node = ""] = await nodeOf();
  const { code, stdout, stderr } = await kubectl.run(["drain", node, "--ignore-daemonsets", "--timeout=50s"], { timeoutMs: 60_000 });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  await until("all are ready elsewhere", async () => {
    const nodes = await nodeOf();
    return nodes.length === 3 && !nodes.includes(node);
  });
  running = false;
  await Promise.all(load);
  for (const agent of agents) agent.destroy();
  t.diagnostic(JSON.stringify([...counts]));
  assert.deepEqual([...counts.keys()], [200], JSON.stringify([...counts]));
  assert.ok((counts.get(200) ?? 0) > 50, "there was load");
});
