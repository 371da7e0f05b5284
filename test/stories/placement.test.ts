import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { Node, Pod, type PodSpec, Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import type { Key } from "#meta/object.ts";
import { LABELS, NAMESPACE, startWorkloads, template, type WorkloadCluster } from "./workload-cluster.ts";

const keyed = (name: string) => `${NAMESPACE}/${name}` as Key;

function make(cluster: WorkloadCluster, name: string, spec: Partial<PodSpec> = {}) {
  return cluster.make(Pod, {
    metadata: { name, namespace: NAMESPACE, labels: LABELS },
    spec: { containers: [{ name: "c", image: "x" }], ...spec },
  });
}

async function placed(cluster: WorkloadCluster, name: string): Promise<string | undefined> {
  return (await cluster.client.get(Pod, keyed(name))).spec?.nodeName;
}

/** Lets all that can happen now happen. */
async function nodeOf(cluster: WorkloadCluster, name: string): Promise<string | undefined> {
  await cluster.clock.advance(100);
  return placed(cluster, name);
}

async function unschedulable(cluster: WorkloadCluster, name: string): Promise<string | undefined> {
  await cluster.clock.advance(100);
  const pod = await cluster.client.get(Pod, keyed(name));
  assert.equal(pod.spec?.nodeName, undefined);
  const condition = getCondition(pod.status?.conditions, "PodScheduled");
  assert.deepEqual([condition?.status, condition?.reason], ["False", "Unschedulable"]);
  return condition?.message;
}

const asking = (cpu: string): Partial<PodSpec> => ({ containers: [{ name: "c", image: "x", resources: { requests: { cpu } } }] });
const onPort = (hostPort: number): Partial<PodSpec> => ({
  containers: [{ name: "c", image: "x", ports: [{ containerPort: 80, hostPort }] }],
});

test("replicas spread evenly over nodes", async () => {
  await using cluster = await startWorkloads(3);
  await cluster.make(Deployment, {
    metadata: { name: "web", namespace: NAMESPACE },
    spec: { replicas: 9, selector: { matchLabels: LABELS }, template: template("v1") },
  });
  await cluster.rolledOut();
  const counts = new Map<string, number>();
  for (const pod of await cluster.pods()) counts.set(pod.spec?.nodeName ?? "", (counts.get(pod.spec?.nodeName ?? "") ?? 0) + 1);
  assert.deepEqual([...counts.values()], [3, 3, 3]);
});

test("a pod that fits nowhere says so and is placed when a node appears", async () => {
  await using cluster = await startWorkloads(0);
  await make(cluster, "p", asking("2"));
  assert.equal(await unschedulable(cluster, "p"), "no nodes available to schedule pods");
  await cluster.addNode("small", { capacity: { cpu: "1" } });
  await cluster.eventually(
    "the message tells of the small node",
    async () =>
      (await unschedulable(cluster, "p")) ===
      "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
  );
  await cluster.addNode("large");
  await cluster.eventually("it is placed", async () => (await placed(cluster, "p")) === "large");
});

test("a pod that fits nowhere is placed when another leaves", async () => {
  await using cluster = await startWorkloads(1);
  await make(cluster, "first", asking("3"));
  assert.equal(await nodeOf(cluster, "first"), "n0");
  await make(cluster, "second", asking("3"));
  await unschedulable(cluster, "second");
  await cluster.client.delete(Pod, keyed("first"));
  await cluster.eventually("it is placed", async () => (await placed(cluster, "second")) === "n0");
});

test("the more important pod is placed first when room is scarce", async () => {
  await using cluster = await startWorkloads(0);
  await cluster.make(PriorityClass, { metadata: { name: "high" }, value: 1000 });
  await make(cluster, "low", asking("3"));
  await cluster.clock.advance(5000);
  await make(cluster, "high", { ...asking("3"), priorityClassName: "high" });
  await cluster.clock.advance(5000);
  await cluster.addNode("n");
  await cluster.eventually("the important one is placed", async () => (await placed(cluster, "high")) === "n");
  assert.equal(await placed(cluster, "low"), undefined);
});

test("host ports: one pod to a node", async () => {
  await using cluster = await startWorkloads(2);
  for (const name of ["a", "b"]) await make(cluster, name, onPort(8080));
  assert.deepEqual([await nodeOf(cluster, "a"), await nodeOf(cluster, "b")].toSorted(), ["n0", "n1"]);
  await make(cluster, "c", onPort(8080));
  assert.equal(
    await unschedulable(cluster, "c"),
    "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
  );
  await make(cluster, "d", onPort(8081));
  assert.ok(await nodeOf(cluster, "d"));
});

test("taints keep pods off until they are tolerated or taken away", async () => {
  await using cluster = await startWorkloads(1);
  await cluster.client.patch(Node, "n0" as Key, { spec: { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] } }, { type: "merge" });
  await make(cluster, "p");
  assert.equal(
    await unschedulable(cluster, "p"),
    "0/1 nodes are available: 1 node(s) had untolerated taint(s). preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
  );
  await make(cluster, "tolerant", { tolerations: [{ key: "k", operator: "Exists" }] });
  assert.equal(await nodeOf(cluster, "tolerant"), "n0");
  await cluster.client.patch(Pod, keyed("p"), { spec: { tolerations: [{ key: "k", operator: "Exists" }] } }, { type: "merge" });
  await cluster.eventually("the changed pod is placed", async () => (await placed(cluster, "p")) === "n0");
});

test("inter-pod anti-affinity: one to a node; affinity waits for its company", async () => {
  await using cluster = await startWorkloads(2);
  const apart: Partial<PodSpec> = {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: LABELS } }],
      },
    },
  };
  for (const name of ["a", "b"]) await make(cluster, name, apart);
  assert.deepEqual([await nodeOf(cluster, "a"), await nodeOf(cluster, "b")].toSorted(), ["n0", "n1"]);
  await make(cluster, "c", apart);
  assert.equal(
    await unschedulable(cluster, "c"),
    "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
  );

  const company = { matchLabels: { app: "company" } };
  await cluster.make(Pod, {
    metadata: { name: "follower", namespace: NAMESPACE },
    spec: {
      containers: [{ name: "c", image: "x" }],
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname", labelSelector: company }],
        },
      },
    },
  });
  assert.equal(
    await unschedulable(cluster, "follower"),
    "0/2 nodes are available: 2 node(s) didn't match pod affinity rules. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
  );
  await cluster.make(Pod, {
    metadata: { name: "leader", namespace: NAMESPACE, labels: company.matchLabels },
    spec: { containers: [{ name: "c", image: "x" }], nodeSelector: { "kubernetes.io/hostname": "n1" } },
  });
  await cluster.eventually("the follower joins", async () => (await placed(cluster, "follower")) === "n1", 15_000);
});

test("topology spread keeps the skew over zones", async () => {
  await using cluster = await startWorkloads(0);
  for (const [name, zone] of [
    ["a1", "a"],
    ["a2", "a"],
    ["b1", "b"],
  ] as const)
    await cluster.addNode(name, { labels: { zone } });
  const spread: Partial<PodSpec> = {
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: { matchLabels: LABELS } },
    ],
  };
  await cluster.eventually("nodes are ready", async () =>
    (await cluster.client.list(Node, {})).items.every((node) => (node.spec?.taints ?? []).length === 0),
  );
  for (let index = 0; index < 6; index++) await make(cluster, `p${index}`, spread);
  await cluster.clock.advance(100);
  const pods = await cluster.pods();
  assert.deepEqual(
    [pods.filter((pod) => pod.spec?.nodeName?.startsWith("a")).length, pods.filter((pod) => pod.spec?.nodeName === "b1").length],
    [3, 3],
  );
});

test("a Service's slices follow its pods: ready, leaving, gone", async () => {
  await using cluster = await startWorkloads(1);
  await cluster.make(Service, {
    metadata: { name: "web", namespace: NAMESPACE },
    spec: { selector: LABELS, ports: [{ name: "http", port: 80, targetPort: "http" }] },
  });
  await cluster.make(Deployment, {
    metadata: { name: "web", namespace: NAMESPACE },
    spec: { replicas: 3, selector: { matchLabels: LABELS }, template: template("v1") },
  });
  await cluster.rolledOut();
  const endpoints = async () =>
    (await cluster.client.list(EndpointSlice, { namespace: NAMESPACE })).items.flatMap((slice) => slice.endpoints ?? []);
  await cluster.eventually("three are ready", async () => (await endpoints()).filter(({ conditions }) => conditions?.ready).length === 3);
  const ips = new Set((await cluster.pods()).map((pod) => pod.status?.podIP));
  for (const { addresses } of await endpoints()) assert.ok(ips.has(addresses[0] ?? ""));
  await cluster.patch({ spec: { replicas: 1 } });
  await cluster.eventually("one is left", async () => (await endpoints()).length === 1);
  await cluster.client.delete(Service, keyed("web"));
});
