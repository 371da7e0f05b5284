import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeLifecycleController } from "#controllers/node/node-lifecycle.ts";
import { taintEvictionController } from "#controllers/node/taint-eviction.ts";
import { podGarbageCollector } from "#controllers/pod-garbage-collector.ts";
import { Lease } from "#kinds/api/coordination-v1.gen.ts";
import { Event, Namespace, Node, Pod, type Toleration } from "#kinds/api/core-v1.gen.ts";
import { formatMicroTime, formatTime } from "#meta/time.ts";
import { silentLogger } from "#lib/log.ts";
import { runControllers } from "#reconcile/run-controllers.ts";
import { startStory, type StoryCluster } from "./cluster.ts";

const FOREVER: Toleration[] = [{ operator: "Exists" }];

async function start() {
  const story = await startStory({
    controllers: [nodeLifecycleController(), taintEvictionController()],
    loops: [podGarbageCollector()],
  });
  for (const name of ["default", "kube-node-lease"]) await story.make(Namespace, { metadata: { name } });
  return story;
}

async function addNode(story: StoryCluster, name: string) {
  const node = await story.make(Node, { metadata: { name } });
  const now = formatTime(story.clock.now());
  const conditions = [
    {
      type: "Ready",
      status: "True",
      reason: "KubeletReady",
      message: "kubelet is posting ready status",
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    },
  ];
  await story.client.updateStatus(Node, { ...node, status: { ...node.status, conditions } });
  const renewTime = formatMicroTime(story.clock.now());
  await story.make(Lease, {
    metadata: { name, namespace: "kube-node-lease" },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime },
  });
}

async function addPod(story: StoryCluster, name: string, nodeName: string | undefined, tolerations: Toleration[] = []) {
  const pod = await story.make(Pod, {
    metadata: { name, namespace: "default" },
    spec: { containers: [{ name: "c", image: "x" }], tolerations, ...(nodeName !== undefined ? { nodeName } : {}) },
  });
  const conditions = [{ type: "Ready", status: "True", lastTransitionTime: formatTime(story.clock.now()) }];
  await story.client.updateStatus(Pod, { ...pod, status: { ...pod.status, phase: "Running", conditions } });
}

/** Lets time pass while the named nodes renew their leases. */
async function pass(story: StoryCluster, seconds: number, alive: readonly string[]) {
  for (let passed = 0; passed < seconds; passed += 10) {
    for (const name of alive) {
      await story.client.patch(Lease, `kube-node-lease/${name}`, { spec: { renewTime: formatMicroTime(story.clock.now()) } });
    }
    await story.clock.advance(Math.min(10, seconds - passed) * 1000);
  }
}

const taintsOf = async (story: StoryCluster, name: string) => {
  const node = await story.client.get(Node, `/${name}`);
  return (node.spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).toSorted();
};
const readyOf = async (story: StoryCluster, name: string) => {
  const node = await story.client.get(Node, `/${name}`);
  return node.status?.conditions?.find(({ type }) => type === "Ready");
};

test("a node that falls silent becomes Unknown, is tainted, and its pods leave as they tolerate", async () => {
  await using story = await start();
  await addNode(story, "good");
  await addNode(story, "bad");
  await addPod(story, "plain", "bad");
  await addPod(story, "patient", "bad", [
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
  ]);
  await addPod(story, "daemon", "bad", FOREVER);
  await addPod(story, "elsewhere", "good");
  await pass(story, 60, ["good", "bad"]);
  assert.equal((await readyOf(story, "bad"))?.status, "True");

  await pass(story, 30, ["good"]);
  assert.equal((await readyOf(story, "bad"))?.status, "True", "still within its grace");
  await pass(story, 30, ["good"]);
  const ready = await readyOf(story, "bad");
  assert.deepEqual(
    [ready?.status, ready?.reason, ready?.message],
    ["Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."],
  );
  assert.deepEqual(await taintsOf(story, "bad"), ["node.kubernetes.io/unreachable:NoExecute", "node.kubernetes.io/unreachable:NoSchedule"]);
  const daemon = await story.client.get(Pod, "default/daemon");
  assert.equal(daemon.status?.conditions?.find(({ type }) => type === "Ready")?.status, "False");
  const deleting = async (name: string) => (await story.client.get(Pod, `default/${name}`)).metadata?.deletionTimestamp !== undefined;
  assert.equal(await deleting("plain"), true);
  assert.equal(await deleting("patient"), false);
  const plain = await story.client.get(Pod, "default/plain");
  assert.equal(plain.status?.conditions?.find(({ type }) => type === "DisruptionTarget")?.reason, "DeletionByTaintManager");
  await pass(story, 270, ["good"]);
  assert.equal(await deleting("patient"), false);
  await pass(story, 20, ["good"]);
  assert.equal(await deleting("patient"), true);
  assert.equal(await deleting("daemon"), false);
  assert.equal(await deleting("elsewhere"), false);
  const reasons = new Set((await story.client.list(Event, {})).items.map(({ reason, source }) => `${source?.component} ${reason}`));
  assert.deepEqual([...reasons].toSorted(), [
    "node-controller NodeNotReady",
    "node-controller RegisteredNode",
    "taint-eviction-controller TaintManagerEviction",
  ]);
});

test("a node that comes back loses its taints and keeps its patient pods", async () => {
  await using story = await start();
  await addNode(story, "good");
  await addNode(story, "bad");
  await addPod(story, "patient", "bad", [
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
  ]);
  await pass(story, 70, ["good"]);
  assert.equal((await readyOf(story, "bad"))?.status, "Unknown");
  const node = await story.client.get(Node, "/bad");
  const now = formatTime(story.clock.now());
  const conditions = node.status?.conditions?.map((condition) => ({
    ...condition,
    status: condition.type === "Ready" ? "True" : "False",
    lastHeartbeatTime: now,
  }));
  await story.client.updateStatus(Node, { ...node, status: { ...node.status, conditions: conditions ?? [] } });
  await pass(story, 400, ["good", "bad"]);
  assert.deepEqual(await taintsOf(story, "bad"), []);
  const pod = await story.client.get(Pod, "default/patient");
  assert.equal(pod.metadata?.deletionTimestamp, undefined);
});

test("when every node is silent none is tainted for eviction: the fault is rather ours", async () => {
  await using story = await start();
  await addNode(story, "only");
  await addPod(story, "plain", "only");
  await pass(story, 100, []);
  assert.equal((await readyOf(story, "only"))?.status, "Unknown");
  assert.deepEqual(await taintsOf(story, "only"), ["node.kubernetes.io/unreachable:NoSchedule"]);
  assert.equal((await story.client.get(Pod, "default/plain")).metadata?.deletionTimestamp, undefined);
});

for (const jumpMs of [3_600_000, -3_600_000]) {
  test(`a clock that jumps by ${jumpMs / 60_000} minutes declares no node dead, and then still sees which is`, async () => {
    await using story = await startStory({});
    for (const name of ["default", "kube-node-lease"]) await story.make(Namespace, { metadata: { name } });
    let offset = 0;
    // Timers run by a clock of their own, as the machine's do.
    const clock = { ...story.clock, now: () => story.clock.now() + offset };
    await using running = await runControllers({
      controllers: [nodeLifecycleController()],
      clientFor: () => story.client,
      clock,
      log: silentLogger,
      random: () => 0.5,
    });
    await running.synced;
    for (const name of ["good", "bad"]) await addNode(story, name);
    await addPod(story, "p", "good");
    await pass(story, 95, ["good", "bad"]);
    offset = jumpMs;
    // Nobody has renewed yet when the first timer comes.
    await story.clock.advance(14_000);
    for (const name of ["good", "bad"]) assert.equal((await readyOf(story, name))?.status, "True");
    await pass(story, 40, ["good"]);
    assert.equal((await readyOf(story, "bad"))?.status, "True", "not before its time");
    await pass(story, 30, ["good"]);
    assert.equal((await readyOf(story, "bad"))?.status, "Unknown");
    assert.equal((await readyOf(story, "good"))?.status, "True");
    assert.deepEqual(await taintsOf(story, "good"), []);
    const pod = await story.client.get(Pod, "default/p");
    assert.equal(pod.status?.conditions?.find(({ type }) => type === "Ready")?.status, "True");
  });
}

test("a cordoned node is tainted unschedulable until it is uncordoned", async () => {
  await using story = await start();
  await addNode(story, "n");
  await story.client.patch(Node, "/n", { spec: { unschedulable: true } });
  await story.clock.advance(100);
  assert.deepEqual(await taintsOf(story, "n"), ["node.kubernetes.io/unschedulable:NoSchedule"]);
  await story.client.patch(Node, "/n", { spec: { unschedulable: null } });
  await story.clock.advance(100);
  assert.deepEqual(await taintsOf(story, "n"), []);
});

test("pods of a node that is gone are marked Failed and deleted; so are those deleted before they had a node", async () => {
  await using story = await start();
  await addNode(story, "n");
  await addPod(story, "lost", "n", FOREVER);
  await addPod(story, "kept", "n", FOREVER);
  await addPod(story, "waiting", undefined);
  await story.client.patch(Pod, "default/lost", { metadata: { finalizers: ["example.com/look"] } });
  await story.client.delete(Node, "/n");
  await addNode(story, "other");
  await pass(story, 30, ["other"]);
  assert.equal(await story.exists(Pod, "default/kept"), true, "a new node may just not be visible yet");
  await pass(story, 60, ["other"]);
  assert.equal(await story.exists(Pod, "default/kept"), false);
  const lost = await story.client.get(Pod, "default/lost");
  assert.equal(lost.status?.phase, "Failed");
  assert.equal(lost.status?.conditions?.find(({ type }) => type === "DisruptionTarget")?.message, "PodGC: node no longer exists");
  assert.equal(await story.exists(Pod, "default/waiting"), true);
});
