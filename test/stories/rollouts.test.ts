import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployment, type DeploymentStrategy, ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { Event, Pod, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import { controllerOf, type Key, keyOf } from "#meta/object.ts";
import { LABELS, NAMESPACE, startWorkloads, template, watchCounts, type WorkloadCluster } from "./workload-cluster.ts";

function deploy(
  cluster: WorkloadCluster,
  replicas: number,
  strategy?: DeploymentStrategy,
  more: Partial<NonNullable<Deployment["spec"]>> = {},
) {
  return cluster.make(Deployment, {
    metadata: { name: "web", namespace: NAMESPACE },
    spec: { replicas, selector: { matchLabels: LABELS }, template: template("v1"), ...(strategy ? { strategy } : {}), ...more },
  });
}

const rolling = (maxSurge: number | string, maxUnavailable: number | string): DeploymentStrategy => ({
  type: "RollingUpdate",
  rollingUpdate: { maxSurge, maxUnavailable },
});

const toImage = (image: string) => ({ spec: { template: { spec: { containers: [{ ...template("x").spec?.containers[0], image }] } } } });

const progressingOf = (deployment: Deployment) => getCondition(deployment.status?.conditions, "Progressing");

for (const [replicas, surge, unavailable, atLeast, atMost] of [
  [4, 1, 0, 4, 5],
  [4, 0, 1, 3, 4],
  [10, "25%", "25%", 8, 13],
  [3, "1%", "1%", 3, 4],
  [3, 0, "1%", 2, 3],
  [5, "100%", 0, 5, 10],
  [2, 0, "100%", 0, 2],
] as const) {
  test(`a rolling update of ${replicas} with surge ${surge} and ${unavailable} unavailable stays within ${atLeast} ready and ${atMost} in all`, async () => {
    await using cluster = await startWorkloads(2);
    await deploy(cluster, replicas, rolling(surge, unavailable));
    await cluster.rolledOut();
    const seen = { least: Infinity, most: 0 };
    using _ = watchCounts(cluster, ({ ready, alive }) => {
      seen.least = Math.min(seen.least, ready);
      seen.most = Math.max(seen.most, alive);
    });
    await cluster.patch(toImage("web:v2"));
    await cluster.rolledOut();
    assert.ok(seen.least >= atLeast, `at least ${seen.least} ready`);
    assert.ok(seen.most <= atMost, `at most ${seen.most} pods`);
    await cluster.eventually("old pods are gone", async () => (await cluster.pods()).length === replicas);
    for (const pod of await cluster.pods()) assert.equal(pod.spec?.containers[0]?.image, "web:v2");
    const deployment = await cluster.deployment();
    assert.equal(progressingOf(deployment)?.reason, "NewReplicaSetAvailable");
    assert.equal(deployment.metadata?.annotations?.["deployment.kubernetes.io/revision"], "2");
  });
}

test("recreate: no new pod before the last old one is gone", async () => {
  await using cluster = await startWorkloads(1);
  await deploy(cluster, 3, { type: "Recreate" });
  await cluster.rolledOut();
  const pods = cluster.running.informers.informer(Pod);
  let mixed = false;
  using _ = pods.subscribe(() => {
    const images = new Set(pods.list({ namespace: NAMESPACE }).map((pod) => pod.spec?.containers[0]?.image));
    mixed ||= images.size > 1;
  });
  await cluster.patch(toImage("web:v2"));
  await cluster.rolledOut();
  assert.equal(mixed, false);
  assert.equal((await cluster.pods())[0]?.spec?.containers[0]?.image, "web:v2");
});

test("a paused Deployment scales and does not roll; resumed it rolls", async () => {
  await using cluster = await startWorkloads(1);
  await deploy(cluster, 2);
  await cluster.rolledOut();
  await cluster.patch({ spec: { paused: true } });
  await cluster.patch({ ...toImage("web:v2"), spec: { replicas: 4, ...toImage("web:v2").spec } });
  await cluster.eventually("scaled", async () => (await cluster.deployment()).status?.readyReplicas === 4);
  const paused = await cluster.deployment();
  assert.deepEqual([progressingOf(paused)?.status, progressingOf(paused)?.reason], ["Unknown", "DeploymentPaused"]);
  assert.equal((await cluster.sets()).length, 1);
  for (const pod of await cluster.pods()) assert.equal(pod.spec?.containers[0]?.image, "web:v1");
  await cluster.patch({ spec: { paused: null } });
  await cluster.rolledOut();
  await cluster.eventually("all new", async () => (await cluster.pods()).every((pod) => pod.spec?.containers[0]?.image === "web:v2"));
  assert.equal(progressingOf(await cluster.deployment())?.reason, "NewReplicaSetAvailable");
});

test("rolling back to an old template takes its ReplicaSet again, under the next revision and with its history", async () => {
  await using cluster = await startWorkloads(1);
  await deploy(cluster, 2);
  await cluster.rolledOut();
  const [first] = await cluster.sets();
  await cluster.patch(toImage("web:v2"));
  await cluster.rolledOut();
  await cluster.patch(toImage("web:v1"));
  await cluster.rolledOut();
  const sets = await cluster.sets();
  assert.equal(sets.length, 2);
  const again = sets.find((set) => set.metadata?.name === first?.metadata?.name);
  assert.equal(again?.spec?.replicas, 2);
  const annotations = again?.metadata?.annotations ?? {};
  assert.equal(annotations["deployment.kubernetes.io/revision"], "3");
  assert.equal(annotations["deployment.kubernetes.io/revision-history"], "1");
  assert.equal((await cluster.deployment()).metadata?.annotations?.["deployment.kubernetes.io/revision"], "3");
});

test("history keeps as many old sets as asked", async () => {
  await using cluster = await startWorkloads(1);
  await deploy(cluster, 1, undefined, { revisionHistoryLimit: 2 });
  for (const version of ["v2", "v3", "v4", "v5"]) {
    await cluster.rolledOut();
    await cluster.patch(toImage(`web:${version}`));
  }
  await cluster.rolledOut();
  await cluster.eventually("two old sets are left", async () => (await cluster.sets()).length === 3);
  const revisions = (await cluster.sets()).map((set) => Number(set.metadata?.annotations?.["deployment.kubernetes.io/revision"]));
  assert.deepEqual(revisions.toSorted(), [3, 4, 5]);
});

test("a rollout that gets nowhere is reported after its deadline, and again well when it is mended", async () => {
  await using cluster = await startWorkloads(1);
  await deploy(cluster, 2, rolling(1, 0), { progressDeadlineSeconds: 30 });
  await cluster.rolledOut();
  const stuck = template("v2");
  stuck.metadata = {
    ...stuck.metadata,
    annotations: { "kobune.dev/ready-after-ms": "Infinity", "kobune.dev/start-error": "ErrImagePull: no such image" },
  };
  await cluster.patch({ spec: { template: stuck } });
  await cluster.clock.advance(20_000);
  assert.notEqual(progressingOf(await cluster.deployment())?.reason, "ProgressDeadlineExceeded");
  await cluster.clock.advance(15_000);
  const late = await cluster.deployment();
  const condition = progressingOf(late);
  assert.deepEqual([condition?.status, condition?.reason], ["False", "ProgressDeadlineExceeded"]);
  assert.match(condition?.message ?? "", /^ReplicaSet "web-[a-z0-9]+" has timed out progressing\.$/);
  assert.equal(getCondition(late.status?.conditions, "Available")?.status, "True");
  assert.equal(late.status?.availableReplicas, 2);
  await cluster.patch(toImage("web:v3"));
  await cluster.patch({
    spec: { template: { metadata: { annotations: { "kobune.dev/ready-after-ms": null, "kobune.dev/start-error": null } } } },
  });
  await cluster.rolledOut();
  assert.equal(progressingOf(await cluster.deployment())?.reason, "NewReplicaSetAvailable");
});

test("scaled during a rollout, both sets grow in proportion and the rollout goes on to its end", async () => {
  await using cluster = await startWorkloads(2);
  await deploy(cluster, 10, rolling(3, 2));
  await cluster.rolledOut();
  const never = template("v2");
  never.metadata = { ...never.metadata, annotations: { "kobune.dev/start-error": "ErrImagePull: no such image" } };
  await cluster.patch({ spec: { template: never } });
  await cluster.eventually("it is stuck at 8 and 5", async () => {
    const sizes = (await cluster.sets()).map((set) => set.spec?.replicas);
    return sizes.toSorted().join() === "5,8";
  });
  await cluster.patch({ spec: { replicas: 15 } });
  await cluster.eventually("the 18 allowed are spread as 11 and 7", async () => {
    const sizes = (await cluster.sets()).map((set) => set.spec?.replicas ?? 0);
    return sizes.toSorted((a, b) => a - b).join() === "7,11";
  });
  await cluster.patch({ spec: { template: { metadata: { annotations: { "kobune.dev/start-error": null } } } } });
  await cluster.rolledOut(120_000);
  assert.equal((await cluster.deployment()).status?.availableReplicas, 15);
});

test("orphans that match are adopted; a pod that no longer matches is let go and replaced", async () => {
  await using cluster = await startWorkloads(1);
  const spec = template("v1").spec;
  const orphan = await cluster.make(Pod, { metadata: { name: "lonely", namespace: NAMESPACE, labels: LABELS }, ...(spec ? { spec } : {}) });
  const set = await cluster.make(ReplicaSet, {
    metadata: { name: "set", namespace: NAMESPACE },
    spec: { replicas: 2, selector: { matchLabels: LABELS }, template: template("v1") },
  });
  await cluster.eventually(
    "two pods of the set",
    async () => (await cluster.pods()).filter((pod) => controllerOf(pod)?.uid === set.metadata?.uid).length === 2,
  );
  assert.equal((await cluster.pods()).length, 2);
  await cluster.client.patch(Pod, keyOf(orphan), { metadata: { labels: { app: "other" } } }, { type: "merge" });
  await cluster.eventually("a third pod in its place", async () => (await cluster.pods()).length === 3);
  const released = await cluster.client.get(Pod, keyOf(orphan));
  assert.deepEqual(released.metadata?.ownerReferences ?? [], []);
});

test("a Deployment adopts a matching ReplicaSet without owner and lets it go when its labels change", async () => {
  await using cluster = await startWorkloads(1);
  const labels = { ...LABELS, "pod-template-hash": "hand" };
  const made = template("v1");
  await cluster.make(ReplicaSet, {
    metadata: { name: "hand-made", namespace: NAMESPACE, labels },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { ...made, metadata: { ...made.metadata, labels } } },
  });
  const deployment = await deploy(cluster, 2);
  await cluster.rolledOut();
  const [set] = await cluster.sets();
  assert.equal((await cluster.sets()).length, 1, "the template is the same, so no other set is made");
  assert.equal(set && controllerOf(set)?.uid, deployment.metadata?.uid);
  await cluster.client.patch(ReplicaSet, `${NAMESPACE}/hand-made` as Key, { metadata: { labels: { app: "other" } } }, { type: "merge" });
  await cluster.eventually("it is free and another is there", async () => {
    const sets = await cluster.sets();
    const free = sets.find(({ metadata }) => metadata?.name === "hand-made");
    return sets.length === 2 && free !== undefined && controllerOf(free) === undefined;
  });
});

test("pods that are refused show as ReplicaFailure on the set and the Deployment, until they are let in", async () => {
  await using cluster = await startWorkloads(1);
  const bad = template("v1");
  // The template is valid, the pod is not: its ServiceAccount does not exist.
  await deploy(cluster, 1, undefined, { template: { ...bad, spec: { ...bad.spec, serviceAccountName: "later" } as never } });
  await cluster.eventually(
    "the failure shows",
    async () => getCondition((await cluster.deployment()).status?.conditions, "ReplicaFailure") !== undefined,
  );
  const [set] = await cluster.sets();
  const condition = getCondition(set?.status?.conditions, "ReplicaFailure");
  assert.deepEqual([condition?.status, condition?.reason], ["True", "FailedCreate"]);
  assert.match(condition?.message ?? "", /serviceaccount "later" not found/);
  const events = (await cluster.client.list(Event, { namespace: NAMESPACE })).items;
  assert.ok(events.some(({ reason, message }) => reason === "FailedCreate" && message?.startsWith("Error creating: ")));
  await cluster.make(ServiceAccount, { metadata: { name: "later", namespace: NAMESPACE } });
  await cluster.rolledOut(300_000);
  const healed = await cluster.deployment();
  assert.equal(getCondition(healed.status?.conditions, "ReplicaFailure"), undefined);
});
