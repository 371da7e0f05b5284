import assert from "node:assert/strict";
import { test } from "node:test";
import { startBuiltinServer, type BuiltinServer } from "#harness/builtin-server.ts";

const PODS = "/api/v1/namespaces/default/pods";
const BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

/** A pod on a node that runs and is ready. */
async function runningPod({ call }: BuiltinServer, name: string): Promise<void> {
  const created = await call("POST", PODS, {
    metadata: { name, labels: { app: "a" } },
    spec: { containers: [{ name: "c", image: "i:1" }] },
  });
  assert.equal(created.status, 201, created.object.message ?? "");
  const bound = await call("POST", `${PODS}/${name}/binding`, { metadata: { name }, target: { kind: "Node", name: "n" } });
  assert.equal(bound.status, 201, bound.object.message ?? "");
  const ready = await call("PATCH", `${PODS}/${name}/status`, {
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  });
  assert.equal(ready.status, 200, ready.object.message ?? "");
}

/** What the disruption controller would have found. */
async function budget({ call }: BuiltinServer, disruptionsAllowed: number): Promise<void> {
  const created = await call("POST", BUDGETS, {
    metadata: { name: "b" },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: "a" } } },
  });
  assert.equal(created.status, 201, created.object.message ?? "");
  const resourceVersion = created.object.metadata?.resourceVersion;
  const status = { observedGeneration: 1, disruptionsAllowed, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 };
  const written = await call("PATCH", `${BUDGETS}/b/status`, { metadata: { resourceVersion }, status });
  assert.equal(written.status, 200, written.object.message ?? "");
}

const evict = ({ call }: BuiltinServer, name: string) =>
  call("POST", `${PODS}/${name}/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name } });

test("binding sets the node and the condition once; a second binding is a conflict", async () => {
  await using server = await startBuiltinServer();
  await runningPod(server, "p");
  const { object } = await server.call("GET", `${PODS}/p`);
  assert.equal((object["spec"] as { nodeName: string }).nodeName, "n");
  assert.equal(object.metadata?.generation, 1, "the scheduler's choice is no change of what is desired");
  const again = await server.call("POST", `${PODS}/p/binding`, { metadata: { name: "p" }, target: { kind: "Node", name: "m" } });
  assert.equal(again.status, 409);
  assert.equal(again.object.message, 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"');
});

test("of many evictions at once only as many pass as the budget allows", async () => {
  await using server = await startBuiltinServer();
  for (const name of ["p1", "p2", "p3", "p4"]) await runningPod(server, name);
  await budget(server, 2);
  const answers = await Promise.all(["p1", "p2", "p3", "p4"].map((name) => evict(server, name)));
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted(),
    [201, 201, 429, 429],
    JSON.stringify(answers.map(({ object }) => object)),
  );
  const refused = answers.find(({ status }) => status === 429)?.object;
  assert.equal(refused?.message, "Cannot evict pod as it would violate the pod's disruption budget.");
  const { causes } = (refused?.["details"] ?? {}) as { causes?: object[] };
  assert.deepEqual(causes, [{ reason: "DisruptionBudget", message: "The disruption budget b does not allow evicting pods currently" }]);
  const gone = await server.call("GET", PODS);
  const marked = gone.object.items?.filter((pod) => JSON.stringify(pod["status"]).includes("EvictionByEvictionAPI")) ?? [];
  assert.equal(marked.length, 2);
});

test("a dry run of an eviction spends nothing and deletes nothing", async () => {
  await using server = await startBuiltinServer();
  await runningPod(server, "p");
  await budget(server, 1);
  const answer = await server.call("POST", `${PODS}/p/eviction?dryRun=All`, { metadata: { name: "p" } });
  assert.equal(answer.status, 201, answer.object.message ?? "");
  assert.equal((await server.call("GET", `${PODS}/p`)).object.metadata?.deletionTimestamp, undefined);
  const { object } = await server.call("GET", `${BUDGETS}/b`);
  assert.equal((object["status"] as { disruptionsAllowed: number }).disruptionsAllowed, 1);
});

test("a pod that waits passes whatever the budget says", async () => {
  await using server = await startBuiltinServer();
  await budget(server, 0);
  await server.call("POST", PODS, { metadata: { name: "p", labels: { app: "a" } }, spec: { containers: [{ name: "c", image: "i:1" }] } });
  assert.equal((await evict(server, "p")).status, 201);
  assert.equal((await server.call("GET", `${PODS}/p`)).status, 404);
});

test("ephemeral containers are added through their own door only, and stay", async () => {
  await using server = await startBuiltinServer();
  await runningPod(server, "p");
  const spec = { ephemeralContainers: [{ name: "e", image: "e:1" }] };
  assert.equal((await server.call("PATCH", `${PODS}/p`, { spec })).status, 422);
  const added = await server.call("PATCH", `${PODS}/p/ephemeralcontainers`, { spec });
  assert.equal(added.status, 200, added.object.message ?? "");
  const removed = await server.call("PATCH", `${PODS}/p/ephemeralcontainers`, { spec: { ephemeralContainers: null } });
  assert.equal(removed.status, 422);
  assert.match(removed.object.message ?? "", /existing ephemeral containers "e" may not be removed/);
});

test("a deleted namespace stays, terminating, until it is finalized", async () => {
  await using server = await startBuiltinServer();
  const { call } = server;
  await call("POST", "/api/v1/namespaces", { metadata: { name: "x" } });
  const deleted = await call("DELETE", "/api/v1/namespaces/x");
  assert.deepEqual(deleted.object["status"], { phase: "Terminating" });
  const { object } = await call("GET", "/api/v1/namespaces/x");
  assert.deepEqual(object["spec"], { finalizers: ["kubernetes"] });
  await call("PUT", "/api/v1/namespaces/x/finalize", { metadata: { name: "x" }, spec: { finalizers: [] } });
  assert.equal((await call("GET", "/api/v1/namespaces/x")).status, 404);
});

test("Services created at once never share an address, and old ones keep theirs after a restart", async () => {
  await using server = await startBuiltinServer();
  const path = "/api/v1/namespaces/default/services";
  const create = (name: string) => server.call("POST", path, { metadata: { name }, spec: { type: "NodePort", ports: [{ port: 80 }] } });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => create(`s${index}`)));
  const specs = answers.map(({ object }) => object["spec"] as { clusterIP: string; ports: { nodePort: number }[] });
  assert.equal(new Set(specs.map((spec) => spec.clusterIP)).size, 20);
  assert.equal(new Set(specs.map((spec) => spec.ports[0]?.nodePort)).size, 20);
  await using again = await startBuiltinServer({ store: server.store, namespaces: [] });
  const taken = await again.call("POST", path, {
    metadata: { name: "t" },
    spec: { clusterIP: specs[0]?.clusterIP, ports: [{ port: 80 }] },
  });
  assert.match(taken.object.message ?? "", /provided IP is already allocated/);
});
