import assert from "node:assert/strict";
import { test } from "node:test";
import { garbageCollector } from "#controllers/garbage-collector/garbage-collector.ts";
import { ControllerRevision, StatefulSet, type StatefulSetSpec } from "#kinds/api/apps-v1.gen.ts";
import { Event, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { statefulSetController } from "#kinds/apps/stateful-set/controller.ts";
import { persistentVolumeClaimProtection } from "#kinds/core/persistent-volume-claim/protection/controller.ts";
import { controllerOf, type Key } from "#meta/object.ts";
import { bindClaims } from "./bind-claims.ts";
import { isReady, KEY, LABELS, NAMESPACE, startWorkloads, template, type WorkloadCluster } from "./workload-cluster.ts";

const start = (nodes = 2) =>
  startWorkloads(nodes, { controllers: [statefulSetController, persistentVolumeClaimProtection()], loops: [garbageCollector()] });

function create(cluster: WorkloadCluster, spec: Partial<StatefulSetSpec> = {}): Promise<StatefulSet> {
  return cluster.make(StatefulSet, {
    metadata: { name: "web", namespace: NAMESPACE },
    spec: { replicas: 3, serviceName: "web", selector: { matchLabels: LABELS }, template: template("v1"), ...spec },
  });
}

const get = (cluster: WorkloadCluster) => cluster.client.get(StatefulSet, KEY);
const patch = (cluster: WorkloadCluster, change: object) => cluster.client.patch(StatefulSet, KEY, change, { type: "strategic" });
const toImage = (image: string) => ({ spec: { template: { spec: { containers: [{ name: "c", image }] } } } });
const named = (pods: readonly Pod[], name: string) => pods.find((pod) => pod.metadata?.name === name);

async function images(cluster: WorkloadCluster): Promise<Record<string, string>> {
  const pods = await cluster.pods();
  return Object.fromEntries(pods.map((pod) => [pod.metadata?.name ?? "", pod.spec?.containers[0]?.image ?? ""]));
}

async function names(cluster: WorkloadCluster): Promise<string[]> {
  return (await cluster.pods()).map((pod) => pod.metadata?.name ?? "").toSorted();
}

async function revisions(cluster: WorkloadCluster): Promise<ControllerRevision[]> {
  const { items } = await cluster.client.list(ControllerRevision, { namespace: NAMESPACE });
  return items.toSorted((a, b) => a.revision - b.revision);
}

async function claims(cluster: WorkloadCluster): Promise<PersistentVolumeClaim[]> {
  return (await cluster.client.list(PersistentVolumeClaim, { namespace: NAMESPACE })).items;
}

/** All pods are there, available, and of the update revision, as `kubectl rollout status` sees it. */
function rolledOut(cluster: WorkloadCluster, withinMs = 60_000): Promise<void> {
  return cluster.eventually(
    "rolled out",
    async () => {
      const { metadata, spec, status } = await get(cluster);
      const all = [status?.replicas, status?.readyReplicas ?? 0, status?.updatedReplicas ?? 0, status?.availableReplicas];
      const settled = status?.observedGeneration === metadata?.generation && status?.currentRevision === status?.updateRevision;
      return settled && all.every((count) => count === spec?.replicas);
    },
    withinMs,
  );
}

/** Writes down the pods' comings (+name, as ready or not) and goings (-name) in the order of the watch. */
function diary(cluster: WorkloadCluster): { readonly lines: string[] } & Disposable {
  const lines: string[] = [];
  const informer = cluster.running.informers.informer(Pod);
  const subscription = informer.subscribe(({ before, after, initial }) => {
    if (initial) return;
    const name = (after ?? before)?.metadata?.name;
    if (!before) lines.push(`+${name}`);
    else if (after && !isReady(before) && isReady(after)) lines.push(`ready ${name}`);
    else if (after && !before.metadata?.deletionTimestamp && after.metadata?.deletionTimestamp) lines.push(`stop ${name}`);
    else if (!after) lines.push(`-${name}`);
  });
  return { lines, [Symbol.dispose]: () => subscription[Symbol.dispose]() };
}

test("pods come one after another, each with its number, and go in reverse", async () => {
  await using cluster = await start();
  using seen = diary(cluster);
  await create(cluster);
  await rolledOut(cluster);
  assert.deepEqual(seen.lines, ["+web-0", "ready web-0", "+web-1", "ready web-1", "+web-2", "ready web-2"]);
  const pod = named(await cluster.pods(), "web-1");
  const [revision] = await revisions(cluster);
  assert.deepEqual(pod?.metadata?.labels, {
    ...LABELS,
    "statefulset.kubernetes.io/pod-name": "web-1",
    "apps.kubernetes.io/pod-index": "1",
    "controller-revision-hash": revision?.metadata?.name,
  });
  assert.equal(pod?.spec?.hostname, "web-1");
  assert.equal(pod?.spec?.subdomain, "web");
  assert.equal(pod && controllerOf(pod)?.kind, "StatefulSet");

  seen.lines.length = 0;
  await patch(cluster, { spec: { replicas: 1 } });
  await rolledOut(cluster);
  await cluster.eventually("one is left", async () => (await names(cluster)).length === 1);
  assert.deepEqual(seen.lines, ["stop web-2", "-web-2", "stop web-1", "-web-1"]);
  const { items } = await cluster.client.list(Event, { namespace: NAMESPACE });
  const messages = items
    .filter(({ involvedObject }) => involvedObject.kind === "StatefulSet")
    .map(({ reason, message }) => [reason, message]);
  assert.ok(
    messages.some(([reason, message]) => reason === "SuccessfulCreate" && message === "Create Pod web-0 in StatefulSet web successful"),
  );
  assert.ok(
    messages.some(([reason, message]) => reason === "SuccessfulDelete" && message === "Delete Pod web-2 in StatefulSet web successful"),
  );
});

test("a parallel set makes and takes away all at once", async () => {
  await using cluster = await start();
  using seen = diary(cluster);
  await create(cluster, { podManagementPolicy: "Parallel", replicas: 4 });
  await rolledOut(cluster);
  assert.deepEqual(seen.lines.slice(0, 4), ["+web-0", "+web-1", "+web-2", "+web-3"]);
  await patch(cluster, { spec: { replicas: 0 } });
  await rolledOut(cluster);
  await cluster.eventually("none is left", async () => (await names(cluster)).length === 0);
});

test("scaling halts while pods are unhealthy, in both directions", async () => {
  await using cluster = await start();
  const GATE = "example.com/healthy";
  const setHealth = async (name: string, status: "True" | "False") => {
    const change = { status: { conditions: [{ type: GATE, status }] } };
    await cluster.client.patch(Pod, `${NAMESPACE}/${name}` as Key, change, { type: "strategic", subresource: "status" });
  };
  const grown = async (name: string) => {
    await cluster.eventually(`${name} is there`, async () => (await names(cluster)).includes(name));
    await setHealth(name, "True");
  };
  await create(cluster, { replicas: 2, template: template("v1", { readinessGates: [{ conditionType: GATE }] }) });
  await grown("web-0");
  await grown("web-1");
  await rolledOut(cluster);
  await setHealth("web-0", "False");
  await cluster.eventually("seen", async () => (await get(cluster)).status?.readyReplicas === 1);
  await patch(cluster, { spec: { replicas: 3 } });
  await cluster.clock.advance(20_000);
  assert.deepEqual(await names(cluster), ["web-0", "web-1"]);
  await setHealth("web-0", "True");
  await grown("web-2");
  await rolledOut(cluster);

  for (const name of ["web-0", "web-2"]) await setHealth(name, "False");
  await cluster.eventually("seen", async () => (await get(cluster)).status?.readyReplicas === 1);
  await patch(cluster, { spec: { replicas: 0 } });
  await cluster.clock.advance(20_000);
  assert.deepEqual(await names(cluster), ["web-0", "web-1", "web-2"], "web-2 may not go before web-0 is well");
  await setHealth("web-2", "True");
  await cluster.eventually("all are gone: the first unhealthy one may", async () => (await names(cluster)).length === 0);
});

test("a rolling update goes from the last to the first; undo brings the first revision back as the newest", async () => {
  await using cluster = await start();
  await create(cluster);
  await rolledOut(cluster);
  const [first] = await revisions(cluster);
  using seen = diary(cluster);
  await patch(cluster, toImage("web:v2"));
  await rolledOut(cluster);
  assert.deepEqual(
    seen.lines.filter((line) => line.startsWith("stop") || line.startsWith("ready")),
    ["stop web-2", "ready web-2", "stop web-1", "ready web-1", "stop web-0", "ready web-0"],
  );
  assert.deepEqual(await images(cluster), { "web-0": "web:v2", "web-1": "web:v2", "web-2": "web:v2" });
  assert.deepEqual(
    (await revisions(cluster)).map(({ revision }) => revision),
    [1, 2],
  );
  // What `kubectl rollout undo` sends.
  await patch(cluster, first?.data as object);
  await rolledOut(cluster);
  assert.deepEqual(await images(cluster), { "web-0": "web:v1", "web-1": "web:v1", "web-2": "web:v1" });
  const [older, newest] = await revisions(cluster);
  assert.deepEqual([older?.revision, newest?.revision, newest?.metadata?.name], [2, 3, first?.metadata?.name]);
});

test("a partition holds pods below it back, also when they are made anew", async () => {
  await using cluster = await start();
  await create(cluster, { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 3 } } });
  await rolledOut(cluster);
  await patch(cluster, toImage("web:v2"));
  await cluster.eventually("seen", async () => (await get(cluster)).status?.observedGeneration === 2);
  const { status } = await get(cluster);
  assert.notEqual(status?.currentRevision, status?.updateRevision);
  assert.deepEqual([status?.currentReplicas, status?.updatedReplicas ?? 0], [3, 0]);
  await patch(cluster, { spec: { updateStrategy: { rollingUpdate: { partition: 2 } } } });
  await cluster.eventually("the canary is there", async () => (await get(cluster)).status?.updatedReplicas === 1);
  await cluster.eventually("and ready", async () => (await get(cluster)).status?.readyReplicas === 3);
  assert.deepEqual(await images(cluster), { "web-0": "web:v1", "web-1": "web:v1", "web-2": "web:v2" });
  for (const name of ["web-0", "web-2"]) await cluster.client.delete(Pod, `${NAMESPACE}/${name}` as Key, { gracePeriodSeconds: 0 });
  await cluster.eventually("both are back", async () => (await cluster.pods()).filter(isReady).length === 3);
  assert.deepEqual(await images(cluster), { "web-0": "web:v1", "web-1": "web:v1", "web-2": "web:v2" });
  await patch(cluster, { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
  await rolledOut(cluster);
  assert.deepEqual(await images(cluster), { "web-0": "web:v2", "web-1": "web:v2", "web-2": "web:v2" });
});

test("OnDelete: only pods that somebody deletes are made of the new template", async () => {
  await using cluster = await start();
  await create(cluster, { replicas: 2, updateStrategy: { type: "OnDelete" } });
  await cluster.eventually("there", async () => (await get(cluster)).status?.readyReplicas === 2);
  await patch(cluster, toImage("web:v2"));
  await cluster.eventually("seen", async () => (await get(cluster)).status?.observedGeneration === 2);
  await cluster.clock.advance(10_000);
  assert.deepEqual(await images(cluster), { "web-0": "web:v1", "web-1": "web:v1" });
  await cluster.client.delete(Pod, `${NAMESPACE}/web-0` as Key);
  await cluster.eventually("made anew", async () => (await images(cluster))["web-0"] === "web:v2");
  assert.equal((await images(cluster))["web-1"], "web:v1");
});

test("a broken rollout stops at the first pod; a new template alone does not mend it, deleting the pod does", async () => {
  await using cluster = await start();
  await create(cluster);
  await rolledOut(cluster);
  await patch(cluster, { spec: { template: { metadata: { annotations: { "kobune.dev/ready-after-ms": "99999999" } } } } });
  await cluster.eventually("web-2 is replaced", async () => (await get(cluster)).status?.updatedReplicas === 1);
  await cluster.clock.advance(30_000);
  assert.equal((await get(cluster)).status?.updatedReplicas, 1);
  await patch(cluster, { spec: { template: { metadata: { annotations: { "kobune.dev/ready-after-ms": "100" } } } } });
  await cluster.clock.advance(30_000);
  assert.equal((await get(cluster)).status?.updatedReplicas ?? 0, 0, "upstream's known issue: it waits for the broken pod");
  await cluster.client.delete(Pod, `${NAMESPACE}/web-2` as Key);
  await rolledOut(cluster);
});

test("minReadySeconds holds the next pod back until the last one is available", async () => {
  await using cluster = await start();
  await create(cluster, { replicas: 2, minReadySeconds: 20 });
  await cluster.eventually("the first is ready", async () => (await get(cluster)).status?.readyReplicas === 1);
  await cluster.clock.advance(15_000);
  assert.deepEqual(await names(cluster), ["web-0"]);
  assert.equal((await get(cluster)).status?.availableReplicas, 0);
  await rolledOut(cluster);
  assert.equal((await get(cluster)).status?.availableReplicas, 2);
});

test("a pod that failed is made anew under its name", async () => {
  await using cluster = await start();
  await create(cluster, { replicas: 2 });
  await rolledOut(cluster);
  const before = named(await cluster.pods(), "web-1");
  const failed = await cluster.client.get(Pod, `${NAMESPACE}/web-1` as Key);
  failed.status = { ...failed.status, phase: "Failed", reason: "Evicted", conditions: [] };
  await cluster.client.updateStatus(Pod, failed);
  await cluster.eventually("another web-1", async () => {
    const now = named(await cluster.pods(), "web-1");
    return now !== undefined && now.metadata?.uid !== before?.metadata?.uid && isReady(now);
  });
});

test("ordinals begin where the set says, and move", async () => {
  await using cluster = await start();
  await create(cluster, { replicas: 2, ordinals: { start: 5 } });
  await rolledOut(cluster);
  assert.deepEqual(await names(cluster), ["web-5", "web-6"]);
  await patch(cluster, { spec: { ordinals: { start: 6 } } });
  await cluster.eventually("moved", async () => (await names(cluster)).join() === "web-6,web-7");
  await rolledOut(cluster);
});

test("orphans that match and carry its name are adopted; pods that match no more are let go", async () => {
  await using cluster = await start();
  await create(cluster, { replicas: 1 });
  await rolledOut(cluster);
  const key = `${NAMESPACE}/web-0` as Key;
  const { uid } = (await cluster.client.get(Pod, key)).metadata ?? {};
  await cluster.client.patch(Pod, key, { metadata: { ownerReferences: null } });
  await cluster.eventually("adopted", async () => controllerOf(await cluster.client.get(Pod, key))?.name === "web");
  assert.equal((await cluster.client.get(Pod, key)).metadata?.uid, uid);
  await cluster.client.patch(Pod, key, { metadata: { labels: { app: "other" } } });
  await cluster.eventually("released", async () => controllerOf(await cluster.client.get(Pod, key)) === undefined);
  await cluster.client.delete(Pod, key);
  await cluster.eventually("made anew", async () => {
    const pods = await cluster.pods();
    return pods.some((pod) => pod.metadata?.uid !== uid && controllerOf(pod)?.name === "web");
  });
});

test("history is kept to its limit, and revisions in use are kept beyond it", async () => {
  await using cluster = await start();
  await create(cluster, { replicas: 1, revisionHistoryLimit: 1 });
  await rolledOut(cluster);
  for (const version of ["v2", "v3", "v4"]) {
    await patch(cluster, toImage(`web:${version}`));
    await rolledOut(cluster);
  }
  await cluster.eventually("two are left", async () => (await revisions(cluster)).length === 2);
  assert.deepEqual(
    (await revisions(cluster)).map(({ revision }) => revision),
    [3, 4],
  );
});

const withData: Partial<StatefulSetSpec> = {
  replicas: 2,
  volumeClaimTemplates: [
    {
      metadata: { name: "data", labels: { tier: "db" } },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    },
  ],
};

const settledWithClaims = (cluster: WorkloadCluster, replicas: number) =>
  cluster.eventually("all are ready", async () => {
    await bindClaims(cluster.client);
    const { status, metadata } = await get(cluster);
    return status?.observedGeneration === metadata?.generation && status?.replicas === replicas && (status.readyReplicas ?? 0) === replicas;
  });

test("each pod has claims of its own, which stay when it goes and serve it again", async () => {
  await using cluster = await start();
  await create(cluster, withData);
  await settledWithClaims(cluster, 2);
  const made = await claims(cluster);
  assert.deepEqual(made.map(({ metadata }) => metadata?.name).toSorted(), ["data-web-0", "data-web-1"]);
  assert.deepEqual(made[0]?.metadata?.labels, { tier: "db", ...LABELS });
  assert.equal(made[0]?.metadata?.ownerReferences, undefined);
  const pod = named(await cluster.pods(), "web-1");
  assert.ok(
    pod?.spec?.volumes?.some(({ name, persistentVolumeClaim }) => name === "data" && persistentVolumeClaim?.claimName === "data-web-1"),
  );
  await patch(cluster, { spec: { replicas: 0 } });
  await settledWithClaims(cluster, 0);
  assert.equal((await claims(cluster)).length, 2);
  await patch(cluster, { spec: { replicas: 2 } });
  await settledWithClaims(cluster, 2);
  const uids = (list: PersistentVolumeClaim[]) => list.map(({ metadata }) => metadata?.uid).toSorted();
  assert.deepEqual(uids(await claims(cluster)), uids(made));
});

test("retention policy: whenDeleted takes claims along with the set, whenScaled with the pod", async () => {
  await using cluster = await start();
  await create(cluster, { ...withData, persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Delete" } });
  await settledWithClaims(cluster, 2);
  assert.ok((await claims(cluster)).every(({ metadata }) => metadata?.ownerReferences?.[0]?.kind === "StatefulSet"));
  await patch(cluster, { spec: { replicas: 1 } });
  await cluster.eventually("the claim of the second is gone", async () => (await claims(cluster)).length === 1);
  await patch(cluster, { spec: { replicas: 2 } });
  await settledWithClaims(cluster, 2);
  await patch(cluster, { spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" } } });
  await cluster.eventually("nobody owns them", async () => (await claims(cluster)).every(({ metadata }) => !metadata?.ownerReferences));
  await patch(cluster, { spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" } } });
  await cluster.eventually("the set owns them", async () => (await claims(cluster)).every(({ metadata }) => metadata?.ownerReferences));
  await cluster.client.delete(StatefulSet, KEY);
  await cluster.eventually("all is gone", async () => (await claims(cluster)).length + (await names(cluster)).length === 0);
});
