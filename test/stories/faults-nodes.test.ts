// Nodes that fall silent while pods are rolled out, and come back; agents that are killed; a clock that jumps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { taintEvictionController } from "#controllers/node/taint-eviction.ts";
import { podGarbageCollector } from "#controllers/pod-garbage-collector.ts";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { makeKey } from "#meta/object.ts";
import { isReady, LABELS, NAMESPACE, startWorkloads, template, type WorkloadCluster } from "./workload-cluster.ts";

const start = (nodes: number) => startWorkloads(nodes, { controllers: [taintEvictionController()], loops: [podGarbageCollector()] });

const deploy = (cluster: WorkloadCluster, replicas: number) =>
  cluster.make(Deployment, {
    metadata: { name: "web", namespace: NAMESPACE },
    spec: { replicas, selector: { matchLabels: LABELS }, template: template("v1") },
  });
const toVersion = (version: string) => ({ spec: { template: { spec: template(version).spec } } });
const readyOn = async (cluster: WorkloadCluster, image: string) =>
  (await cluster.pods()).filter((pod) => isReady(pod) && pod.spec?.containers[0]?.image === image).map(({ spec }) => spec?.nodeName ?? "");

test("a node that vanishes in the middle of a rollout is done without; when it comes back its stale pods end", async () => {
  await using cluster = await start(3);
  await deploy(cluster, 6);
  await cluster.rolledOut();
  const stale = (await cluster.pods()).filter(({ spec }) => spec?.nodeName === "n0").map(({ metadata }) => metadata?.name);
  assert.ok(stale.length > 0);
  await cluster.patch(toVersion("v2"));
  await cluster.clock.advance(300);
  await cluster.killAgent("n0");
  await cluster.eventually(
    "the rollout is over on the others",
    async () => {
      const nodes = await readyOn(cluster, "web:v2");
      return nodes.length === 6 && !nodes.includes("n0");
    },
    // 50 s of silence, then five minutes that pods tolerate it.
    600_000,
  );
  const left = (await cluster.pods()).filter(({ spec }) => spec?.nodeName === "n0");
  assert.ok(left.length > 0, "nobody can say that they have ended");
  assert.ok(left.every(({ metadata }) => metadata?.deletionTimestamp !== undefined));
  await cluster.startAgent("n0");
  await cluster.eventually("they are gone", async () => (await cluster.pods()).length === 6, 120_000);
  await cluster.eventually(
    "the node may be used again",
    async () => !(await cluster.client.get(Node, makeKey(undefined, "n0"))).spec?.taints?.length,
    60_000,
  );
  assert.equal((await readyOn(cluster, "web:v2")).length, 6);
});

test("an agent that is killed and started again goes on with the pods it has", async () => {
  await using cluster = await start(1);
  await deploy(cluster, 3);
  await cluster.rolledOut();
  const before = (await cluster.pods()).map(({ metadata }) => metadata?.uid).toSorted();
  const ids = async () =>
    (await cluster.pods()).flatMap(({ status }) => status?.containerStatuses?.map(({ containerID }) => containerID) ?? []).toSorted();
  const running = await ids();
  assert.equal(running.length, 3);
  await cluster.killAgent("n0");
  await cluster.clock.advance(20_000);
  await cluster.startAgent("n0");
  await cluster.clock.advance(30_000);
  assert.deepEqual((await cluster.pods()).map(({ metadata }) => metadata?.uid).toSorted(), before);
  assert.deepEqual(await ids(), running, "no container was started anew");
  await cluster.patch(toVersion("v2"));
  await cluster.rolledOut();
});

test("a node deleted while its agent is dead: its pods are made elsewhere, and what it ran ends when it registers anew", async () => {
  await using cluster = await start(2);
  await deploy(cluster, 4);
  await cluster.rolledOut();
  await cluster.killAgent("n0");
  await cluster.client.delete(Node, makeKey(undefined, "n0"));
  await cluster.eventually(
    "all run on the other",
    async () => {
      const pods = await cluster.pods();
      return pods.length === 4 && pods.every((pod) => isReady(pod) && pod.spec?.nodeName === "n1");
    },
    300_000,
  );
  await cluster.startAgent("n0");
  await cluster.clock.advance(60_000);
  const pods = await cluster.client.list(Pod, { namespace: NAMESPACE });
  assert.equal(pods.items.filter((pod) => isReady(pod)).length, 4);
  await cluster.patch({ spec: { replicas: 6 } });
  await cluster.rolledOut();
  assert.ok((await readyOn(cluster, "web:v1")).includes("n0"), "it takes new pods");
});
