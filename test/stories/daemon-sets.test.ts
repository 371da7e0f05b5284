import assert from "node:assert/strict";
import { test } from "node:test";
import { podGarbageCollector } from "#controllers/pod-garbage-collector.ts";
import { ControllerRevision, DaemonSet, type DaemonSetSpec } from "#kinds/api/apps-v1.gen.ts";
import { Event, Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { daemonSetController } from "#kinds/apps/daemon-set/controller.ts";
import { controllerOf, type Key, keyOf } from "#meta/object.ts";
import { isReady, KEY, LABELS, NAMESPACE, startWorkloads, template, watchCounts, type WorkloadCluster } from "./workload-cluster.ts";

const start = (nodes: number) => startWorkloads(nodes, { controllers: [daemonSetController()], loops: [podGarbageCollector()] });

function create(cluster: WorkloadCluster, spec: Partial<DaemonSetSpec> = {}): Promise<DaemonSet> {
  return cluster.make(DaemonSet, {
    metadata: { name: "web", namespace: NAMESPACE },
    // No host ports, so that a surge fits.
    spec: { selector: { matchLabels: LABELS }, template: template("v1"), ...spec },
  });
}

const get = (cluster: WorkloadCluster) => cluster.client.get(DaemonSet, KEY);
const patch = (cluster: WorkloadCluster, change: object) => cluster.client.patch(DaemonSet, KEY, change, { type: "strategic" });
const patchNode = (cluster: WorkloadCluster, name: string, change: object) => cluster.client.patch(Node, `/${name}` as Key, change);
const toImage = (image: string) => ({ spec: { template: { spec: { containers: [{ name: "c", image }] } } } });

async function placed(cluster: WorkloadCluster): Promise<string> {
  const pods = (await cluster.pods()).filter((pod) => !pod.metadata?.deletionTimestamp);
  return pods
    .map((pod) => pod.spec?.nodeName ?? "?")
    .toSorted()
    .join();
}

const runsOn = (cluster: WorkloadCluster, nodes: string) =>
  cluster.eventually(`pods on ${nodes}`, async () => (await placed(cluster)) === nodes && (await cluster.pods()).every(isReady));

async function revisions(cluster: WorkloadCluster): Promise<ControllerRevision[]> {
  const { items } = await cluster.client.list(ControllerRevision, { namespace: NAMESPACE });
  return items.toSorted((a, b) => a.revision - b.revision);
}

/** As `kubectl rollout status` sees it. */
function rolledOut(cluster: WorkloadCluster, withinMs = 60_000): Promise<void> {
  return cluster.eventually(
    "rolled out",
    async () => {
      const { metadata, status } = await get(cluster);
      const desired = status?.desiredNumberScheduled;
      const all = [status?.currentNumberScheduled, status?.updatedNumberScheduled ?? 0, status?.numberAvailable ?? 0];
      return status?.observedGeneration === metadata?.generation && desired !== 0 && all.every((count) => count === desired);
    },
    withinMs,
  );
}

test("a pod on every node, bound by the scheduler, also on nodes that come later", async () => {
  await using cluster = await start(2);
  await create(cluster);
  await runsOn(cluster, "n0,n1");
  await rolledOut(cluster);
  const [pod] = await cluster.pods();
  const [revision] = await revisions(cluster);
  assert.equal(revision?.revision, 1);
  assert.equal(pod?.metadata?.labels?.["controller-revision-hash"], revision.metadata?.labels?.["controller-revision-hash"]);
  assert.equal(pod?.metadata?.labels?.["pod-template-generation"], "1");
  assert.deepEqual(pod?.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms, [
    { matchFields: [{ key: "metadata.name", operator: "In", values: [pod?.spec?.nodeName] }] },
  ]);
  await cluster.addNode("n2");
  await runsOn(cluster, "n0,n1,n2");
  await cluster.eventually("counted", async () => (await get(cluster)).status?.numberReady === 3);
  const { status } = await get(cluster);
  assert.deepEqual(status, {
    currentNumberScheduled: 3,
    numberMisscheduled: 0,
    desiredNumberScheduled: 3,
    numberReady: 3,
    observedGeneration: 1,
    updatedNumberScheduled: 3,
    numberAvailable: 3,
  });
});

test("nodes are chosen by labels, and pods go when a node's labels do", async () => {
  await using cluster = await start(2);
  await create(cluster, { template: template("v1", { nodeSelector: { disk: "ssd" } }) });
  await cluster.eventually("seen", async () => (await get(cluster)).status?.observedGeneration === 1);
  assert.equal(await placed(cluster), "");
  await patchNode(cluster, "n1", { metadata: { labels: { disk: "ssd" } } });
  await runsOn(cluster, "n1");
  await patchNode(cluster, "n1", { metadata: { labels: { disk: "hdd" } } });
  await cluster.eventually("the pod is gone", async () => (await cluster.pods()).length === 0);
  await cluster.eventually("counted", async () => (await get(cluster)).status?.desiredNumberScheduled === 0);
});

test("required node affinity chooses nodes", async () => {
  await using cluster = await start(2);
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "NotIn", values: ["n0"] }] }],
      },
    },
  };
  await create(cluster, { template: template("v1", { affinity }) });
  await runsOn(cluster, "n1");
});

test("taints: a cordoned node gets its pod; NoSchedule keeps what runs, NoExecute drives it off", async () => {
  await using cluster = await start(3);
  await patchNode(cluster, "n0", { spec: { unschedulable: true } });
  await patchNode(cluster, "n1", { spec: { taints: [{ key: "k", effect: "NoSchedule" }] } });
  await create(cluster);
  await runsOn(cluster, "n0,n2");
  await patchNode(cluster, "n2", { spec: { taints: [{ key: "k", effect: "NoSchedule" }] } });
  await patch(cluster, { spec: { minReadySeconds: 1 } }); // so that it looks
  await cluster.eventually("counted as misplaced", async () => (await get(cluster)).status?.numberMisscheduled === 1);
  await runsOn(cluster, "n0,n2");
  await patchNode(cluster, "n2", { spec: { taints: [{ key: "k", effect: "NoExecute" }] } });
  await runsOn(cluster, "n0");
  await patchNode(cluster, "n2", { spec: { taints: null } });
  await runsOn(cluster, "n0,n2");
});

for (const [what, rollingUpdate, atLeast, atMost] of [
  ["one unavailable", { maxUnavailable: 1 }, 3, 4],
  ["half unavailable", { maxUnavailable: "50%" }, 2, 4],
  ["a surge of one", { maxSurge: 1, maxUnavailable: 0 }, 4, 5],
  ["a surge of all", { maxSurge: "100%", maxUnavailable: 0 }, 4, 8],
] as const) {
  test(`a rolling update with ${what} keeps ${atLeast} ready and has ${atMost} at most; undo goes back`, async () => {
    await using cluster = await start(4);
    await create(cluster, { updateStrategy: { type: "RollingUpdate", rollingUpdate } });
    await runsOn(cluster, "n0,n1,n2,n3");
    await rolledOut(cluster);
    const [first] = await revisions(cluster);
    const seen = { least: Infinity, most: 0 };
    using _ = watchCounts(cluster, ({ ready, alive }) => {
      seen.least = Math.min(seen.least, ready);
      seen.most = Math.max(seen.most, alive);
    });
    await patch(cluster, toImage("web:v2"));
    await rolledOut(cluster);
    await runsOn(cluster, "n0,n1,n2,n3");
    for (const pod of await cluster.pods()) assert.equal(pod.spec?.containers[0]?.image, "web:v2");
    // What `kubectl rollout undo` sends.
    await patch(cluster, first?.data as object);
    await rolledOut(cluster);
    await runsOn(cluster, "n0,n1,n2,n3");
    for (const pod of await cluster.pods()) assert.equal(pod.spec?.containers[0]?.image, "web:v1");
    assert.ok(seen.least >= atLeast, `at least ${seen.least} ready`);
    assert.ok(seen.most <= atMost, `at most ${seen.most} pods`);
    const [older, newest] = await revisions(cluster);
    assert.deepEqual([older?.revision, newest?.revision, newest?.metadata?.name], [2, 3, first?.metadata?.name]);
  });
}

test("a rollback of a broken update restarts only what was updated", async () => {
  await using cluster = await start(3);
  await create(cluster);
  await runsOn(cluster, "n0,n1,n2");
  const [first] = await revisions(cluster);
  const before = new Set((await cluster.pods()).map((pod) => pod.metadata?.uid));
  await patch(cluster, { spec: { template: { metadata: { annotations: { "kobune.dev/start-error": "ErrImagePull: no such image" } } } } });
  await cluster.eventually("one is replaced", async () => (await get(cluster)).status?.updatedNumberScheduled === 1);
  await cluster.clock.advance(20_000);
  assert.equal((await get(cluster)).status?.updatedNumberScheduled, 1);
  await patch(cluster, first?.data as object);
  await rolledOut(cluster);
  assert.equal((await cluster.pods()).filter((pod) => before.has(pod.metadata?.uid)).length, 2);
});

test("OnDelete: only pods that somebody deletes are made of the new template", async () => {
  await using cluster = await start(2);
  await create(cluster, { updateStrategy: { type: "OnDelete" } });
  await runsOn(cluster, "n0,n1");
  await patch(cluster, toImage("web:v2"));
  await cluster.eventually("seen", async () => (await get(cluster)).status?.observedGeneration === 2);
  await cluster.clock.advance(10_000);
  const images = async () => (await cluster.pods()).map((pod) => pod.spec?.containers[0]?.image).toSorted();
  assert.deepEqual(await images(), ["web:v1", "web:v1"]);
  const [pod] = await cluster.pods();
  assert.ok(pod);
  await cluster.client.delete(Pod, keyOf(pod));
  await runsOn(cluster, "n0,n1");
  assert.deepEqual(await images(), ["web:v1", "web:v2"]);
});

test("failed pods are replaced, ever more seldom, and events say so", async () => {
  await using cluster = await start(1);
  await create(cluster);
  await runsOn(cluster, "n0");
  const failures: number[] = [];
  for (let count = 0; count < 4; count++) {
    const [pod] = (await cluster.pods()).filter((other) => !other.metadata?.deletionTimestamp);
    assert.ok(pod);
    const fresh = await cluster.client.get(Pod, keyOf(pod));
    await cluster.client.updateStatus(Pod, { ...fresh, status: { ...fresh.status, phase: "Failed", conditions: [] } });
    const since = cluster.clock.now();
    await cluster.eventually("another pod", async () => {
      const pods = await cluster.pods();
      return pods.some((other) => other.metadata?.uid !== pod.metadata?.uid && isReady(other));
    });
    failures.push(cluster.clock.now() - since);
  }
  const [first = 0, , , last = 0] = failures;
  assert.ok(last > first + 500, `it takes longer: ${failures.join()}`);
  const { items } = await cluster.client.list(Event, { namespace: NAMESPACE });
  assert.ok(
    items.some(
      ({ reason, message }) =>
        reason === "FailedDaemonPod" && /^Found failed daemon pod default\/web-\w+ on node n0, will try to kill it$/.test(message ?? ""),
    ),
  );
  assert.ok(items.some(({ reason, source }) => reason === "SuccessfulCreate" && source?.component === "daemonset-controller"));
});

test("orphans are adopted, pods that match no more let go; history is kept to its limit", async () => {
  await using cluster = await start(1);
  await create(cluster, { revisionHistoryLimit: 1 });
  await runsOn(cluster, "n0");
  const [pod] = await cluster.pods();
  assert.ok(pod);
  await cluster.client.patch(Pod, keyOf(pod), { metadata: { ownerReferences: null } });
  await cluster.eventually("adopted", async () => controllerOf(await cluster.client.get(Pod, keyOf(pod)))?.name === "web");
  for (const version of ["v2", "v3", "v4"]) {
    await patch(cluster, toImage(`web:${version}`));
    await rolledOut(cluster);
  }
  await cluster.eventually("two are left", async () => (await revisions(cluster)).map(({ revision }) => revision).join() === "3,4");
  const [present] = (await cluster.pods()).filter((other) => !other.metadata?.deletionTimestamp);
  assert.ok(present);
  await cluster.client.patch(Pod, keyOf(present), { metadata: { labels: { app: "other" } } });
  await cluster.eventually("two pods, one let go", async () => {
    const owned = (await cluster.pods()).filter((other) => controllerOf(other));
    return owned.length === 1 && owned[0]?.metadata?.uid !== present.metadata?.uid;
  });
});

test("ControllerRevisions as the conformance suite handles them: copies, deletions, one more after a patch", async () => {
  await using cluster = await start(1);
  await create(cluster);
  await runsOn(cluster, "n0");
  const [first] = await revisions(cluster);
  assert.ok(first);
  const { name, uid: _uid, resourceVersion: _version, creationTimestamp: _created, ...metadata } = first.metadata ?? {};
  await cluster.make(ControllerRevision, { metadata: { ...metadata, name: `${name}-copy` }, data: first.data, revision: 2 });
  assert.equal((await revisions(cluster)).length, 2);
  await cluster.client.delete(ControllerRevision, keyOf(first));
  await cluster.eventually("one is left", async () => (await revisions(cluster)).length === 1);
  await patch(cluster, { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } });
  await cluster.eventually(
    "the new one is number 3",
    async () => (await revisions(cluster)).map(({ revision }) => revision).join() === "2,3",
  );
});

test("a node that is gone takes its pods and its count along", async () => {
  await using cluster = await start(2);
  await create(cluster);
  await runsOn(cluster, "n0,n1");
  await patchNode(cluster, "n1", { spec: { unschedulable: true } });
  await cluster.client.delete(Node, "/n1" as Key);
  await cluster.eventually("one is wanted", async () => (await get(cluster)).status?.desiredNumberScheduled === 1, 120_000);
});
