import assert from "node:assert/strict";
import { test } from "node:test";
import type { Scale } from "#kinds/api/autoscaling-v1.gen.ts";
import { Pod, ReplicationController, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { replicationControllerController } from "#kinds/core/replication-controller/controller.ts";
import { garbageCollector } from "#controllers/garbage-collector/garbage-collector.ts";
import { getCondition } from "#meta/conditions.ts";
import { controllerOf, type Key, keyOf } from "#meta/object.ts";
import { LABELS, NAMESPACE, startWorkloads, template, type WorkloadCluster } from "./workload-cluster.ts";

const KEY = `${NAMESPACE}/web` as Key;
const start = () => startWorkloads(1, { controllers: [replicationControllerController], loops: [garbageCollector()] });

const make = (cluster: WorkloadCluster, replicas: number) =>
  cluster.make(ReplicationController, {
    metadata: { name: "web", namespace: NAMESPACE },
    spec: { replicas, selector: LABELS, template: template("v1") },
  });

const statusOf = async (cluster: WorkloadCluster) => (await cluster.client.get(ReplicationController, KEY)).status;

test("as many pods as asked for, scaled through its subresource, gone with it", async () => {
  await using cluster = await start();
  const made = await make(cluster, 2);
  await cluster.eventually("two are available", async () => (await statusOf(cluster))?.availableReplicas === 2);
  assert.deepEqual(await statusOf(cluster), {
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    observedGeneration: 1,
  });
  for (const pod of await cluster.pods()) {
    assert.match(pod.metadata?.name ?? "", /^web-[a-z0-9]{5}$/);
    assert.deepEqual(controllerOf(pod), {
      apiVersion: "v1",
      kind: "ReplicationController",
      name: "web",
      uid: made.metadata?.uid,
      controller: true,
      blockOwnerDeletion: true,
    });
  }
  const scale = await cluster.client.getSubresource<Scale>(ReplicationController, KEY, "scale");
  assert.deepEqual([scale.spec?.replicas, scale.status], [2, { replicas: 2, selector: "app=web" }]);
  await cluster.client.updateSubresource(ReplicationController, KEY, "scale", { ...scale, spec: { replicas: 1 } });
  await cluster.eventually("one is left", async () => (await statusOf(cluster))?.replicas === 1 && (await cluster.pods()).length === 1);
  await cluster.client.delete(ReplicationController, KEY, { propagationPolicy: "Background" });
  await cluster.eventually("none is left", async () => (await cluster.pods()).length === 0);
});

test("a matching orphan is adopted, a pod that matches no more is let go and replaced", async () => {
  await using cluster = await start();
  const { metadata, spec } = template("v1");
  const orphan = await cluster.make(Pod, { metadata: { ...metadata, name: "orphan", namespace: NAMESPACE }, ...(spec ? { spec } : {}) });
  await make(cluster, 1);
  await cluster.eventually("it is adopted", async () => controllerOf(await cluster.client.get(Pod, keyOf(orphan)))?.name === "web");
  assert.equal((await cluster.pods()).length, 1);
  await cluster.client.patch(Pod, keyOf(orphan), { metadata: { labels: { app: "other" } } }, { type: "merge" });
  await cluster.eventually("it is replaced", async () => (await cluster.pods()).length === 2);
  assert.equal(controllerOf(await cluster.client.get(Pod, keyOf(orphan))), undefined);
});

test("pods that are refused show as ReplicaFailure until they are let in", async () => {
  await using cluster = await start();
  await cluster.client.delete(ServiceAccount, `${NAMESPACE}/default` as Key);
  await make(cluster, 1);
  await cluster.eventually("it says so", async () => {
    const condition = getCondition((await statusOf(cluster))?.conditions, "ReplicaFailure");
    return condition?.status === "True" && condition.reason === "FailedCreate";
  });
  await cluster.make(ServiceAccount, { metadata: { name: "default", namespace: NAMESPACE } });
  await cluster.eventually("it recovers", async () => {
    const status = await statusOf(cluster);
    return status?.readyReplicas === 1 && status.conditions === undefined;
  });
});
