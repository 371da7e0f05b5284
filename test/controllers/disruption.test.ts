import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployment, ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { Event, Namespace, Pod } from "#kinds/api/core-v1.gen.ts";
import { type Eviction, PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { podDisruptionBudgetController } from "#kinds/policy/pod-disruption-budget/controller.ts";
import { disruptedPodController } from "#kinds/policy/pod-disruption-budget/disrupted-pod/controller.ts";
import { type Key, makeKey } from "#meta/object.ts";
import { isApiError } from "#meta/errors.ts";
import { formatTime } from "#meta/time.ts";
import type { OwnerReference } from "#meta/object.ts";
import { startStory, type StoryCluster } from "./cluster.ts";

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "x" }] } };

async function start() {
  const story = await startStory({ controllers: [podDisruptionBudgetController, disruptedPodController] });
  await story.make(Namespace, { metadata: { name: "a" } });
  return story;
}

async function addPod(story: StoryCluster, name: string, ready: boolean, owner?: OwnerReference) {
  const pod = await story.make(Pod, {
    metadata: { name, namespace: "a", labels, ...(owner ? { ownerReferences: [owner] } : {}) },
    spec: { ...template.spec, nodeName: "n" },
  });
  const conditions = [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: formatTime(story.clock.now()) }];
  await story.client.updateStatus(Pod, { ...pod, status: { ...pod.status, phase: "Running", conditions } });
}

/** A Deployment of `replicas` with a ReplicaSet; gives the reference its pods carry. */
async function addDeployment(story: StoryCluster, replicas: number): Promise<OwnerReference> {
  const selector = { matchLabels: labels };
  const deployment = await story.make(Deployment, { metadata: { name: "web", namespace: "a" }, spec: { replicas, selector, template } });
  const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: deployment.metadata?.uid ?? "", controller: true };
  const set = await story.make(ReplicaSet, {
    metadata: { name: "web-1", namespace: "a", ownerReferences: [owner] },
    spec: { replicas: 1, selector, template },
  });
  return { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-1", uid: set.metadata?.uid ?? "", controller: true };
}

const budget = (story: StoryCluster, spec: NonNullable<PodDisruptionBudget["spec"]>) =>
  story.make(PodDisruptionBudget, { metadata: { name: "b", namespace: "a" }, spec: { selector: { matchLabels: labels }, ...spec } });

async function statusOf(story: StoryCluster) {
  await story.clock.advance(100);
  const { status } = await story.client.get(PodDisruptionBudget, "a/b");
  const condition = status?.conditions?.find(({ type }) => type === "DisruptionAllowed");
  return [
    status?.expectedPods,
    status?.desiredHealthy,
    status?.currentHealthy,
    status?.disruptionsAllowed,
    condition?.status,
    condition?.reason,
  ];
}

test("minAvailable as a number counts the pods there are", async () => {
  await using story = await start();
  await budget(story, { minAvailable: 2 });
  assert.deepEqual(await statusOf(story), [0, 2, 0, 0, "False", "InsufficientPods"]);
  for (const name of ["p1", "p2", "p3"]) await addPod(story, name, true);
  assert.deepEqual(await statusOf(story), [3, 2, 3, 1, "True", "SufficientPods"]);
});

test("maxUnavailable reckons from the scale of the pods' Deployment", async () => {
  await using story = await start();
  const owner = await addDeployment(story, 4);
  for (const name of ["p1", "p2", "p3"]) await addPod(story, name, true, owner);
  await budget(story, { maxUnavailable: "30%" });
  // 30% of 4 rounds up to 2: 2 must stay, 3 are healthy.
  assert.deepEqual(await statusOf(story), [4, 2, 3, 1, "True", "SufficientPods"]);
});

test("an eviction spends the budget until the pod is gone, or for two minutes", async () => {
  await using story = await start();
  const owner = await addDeployment(story, 3);
  for (const name of ["p1", "p2", "p3"]) await addPod(story, name, true, owner);
  await budget(story, { maxUnavailable: 1 });
  assert.deepEqual(await statusOf(story), [3, 2, 3, 1, "True", "SufficientPods"]);
  const evict = (name: string) =>
    story.client.createSubresource(Pod, `a/${name}`, "eviction", {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name, namespace: "a" },
    } satisfies Eviction);
  await evict("p1");
  assert.deepEqual(await statusOf(story), [3, 2, 2, 0, "False", "InsufficientPods"]);
  await assert.rejects(evict("p2"), /Cannot evict pod as it would violate the pod's disruption budget\./);
  // Its agent lets it go; a new one takes its place.
  await story.client.delete(Pod, "a/p1", { gracePeriodSeconds: 0 });
  await addPod(story, "p4", true, owner);
  assert.deepEqual(await statusOf(story), [3, 2, 3, 1, "True", "SufficientPods"]);
  const granted = await story.client.get(PodDisruptionBudget, "a/b");
  const disruptedPods = { p2: formatTime(story.clock.now()) };
  await story.client.updateStatus(PodDisruptionBudget, { ...granted, status: { ...granted.status, disruptedPods, disruptionsAllowed: 0 } });
  assert.deepEqual(await statusOf(story), [3, 2, 2, 0, "False", "InsufficientPods"]);
  await story.clock.advance(120_000);
  assert.deepEqual(await statusOf(story), [3, 2, 3, 1, "True", "SufficientPods"]);
  const events = (await story.client.list(Event, { namespace: "a" })).items.map(({ reason, message }) => `${reason}: ${message}`);
  assert.ok(events.includes("NotDeleted: Pod was expected by PDB a/b to be deleted but it wasn't"), events.join("\n"));
});

test("pods without a controller are told about and do not count towards a percentage", async () => {
  await using story = await start();
  await addPod(story, "bare", true);
  await budget(story, { maxUnavailable: 1 });
  assert.deepEqual(await statusOf(story), [0, 0, 1, 0, "False", "InsufficientPods"]);
  const events = (await story.client.list(Event, { namespace: "a" })).items;
  const event = events.find(({ reason }) => reason === "UnmanagedPods");
  assert.equal(event?.source?.component, "controllermanager");
  assert.match(
    event?.message ?? "",
    /^Pods selected by this PodDisruptionBudget \(selector: .*\{app: web,\}.*\) were found to be unmanaged\./,
  );
});

test("a controller that cannot be found blocks evictions and says why", async () => {
  await using story = await start();
  await addPod(story, "p", true, {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: "gone",
    uid: "00000000-0000-4000-8000-000000000000",
    controller: true,
  });
  await budget(story, { maxUnavailable: 1 });
  assert.deepEqual((await statusOf(story)).slice(3), [0, "False", "SyncFailed"]);
});

test("a controller of a kind without scale, or of no kind at all, blocks evictions and is named", async () => {
  await using story = await start();
  const owner = { name: "o", uid: "00000000-0000-4000-8000-000000000000", controller: true };
  await addPod(story, "p", true, { ...owner, apiVersion: "v1", kind: "ConfigMap" });
  await addPod(story, "q", true, { ...owner, apiVersion: "example.com/v1", kind: "Thing", uid: `${owner.uid.slice(0, -1)}1` });
  const why = async () => {
    await story.clock.advance(100);
    const { status } = await story.client.get(PodDisruptionBudget, "a/b");
    return [status?.disruptionsAllowed, status?.conditions?.[0]?.reason, status?.conditions?.[0]?.message];
  };
  await budget(story, { maxUnavailable: 1 });
  assert.deepEqual(await why(), [0, "SyncFailed", "configmaps does not implement the scale subresource"]);
  await story.client.delete(Pod, "a/p", { gracePeriodSeconds: 0 });
  assert.deepEqual(await why(), [0, "SyncFailed", 'no matches for kind "Thing" in version "example.com/v1"']);
});

async function withTarget(story: StoryCluster, key: Key, reason: string) {
  const pod = await story.client.get(Pod, key);
  const condition = { type: "DisruptionTarget", status: "True", reason, lastTransitionTime: formatTime(story.clock.now()) };
  const conditions = [...(pod.status?.conditions ?? []), condition];
  await story.client.updateStatus(Pod, { ...pod, status: { ...pod.status, conditions } });
}

test("a pod that was to be disrupted and lives on after two minutes is no longer said to be; what its node says holds", async () => {
  await using story = await start();
  const target = async (name: string) => {
    const { status } = await story.client.get(Pod, makeKey("a", name));
    const condition = status?.conditions?.find(({ type }) => type === "DisruptionTarget");
    return [condition?.status, condition?.reason];
  };
  for (const [name, reason] of [
    ["stale", "EvictionByEvictionAPI"],
    ["node", "TerminationByKubelet"],
  ] as const) {
    await addPod(story, name, true);
    await withTarget(story, makeKey("a", name), reason);
  }
  await story.clock.advance(119_000);
  assert.deepEqual(await target("stale"), ["True", "EvictionByEvictionAPI"]);
  await story.clock.advance(2_000);
  assert.deepEqual(await target("stale"), ["False", undefined]);
  assert.deepEqual(await target("node"), ["True", "TerminationByKubelet"]);
});

test("a pod of two budgets is told about, and cannot be evicted", async () => {
  await using story = await start();
  await budget(story, { minAvailable: 0 });
  await story.make(PodDisruptionBudget, {
    metadata: { name: "c", namespace: "a" },
    spec: { selector: { matchLabels: labels }, minAvailable: 0 },
  });
  await addPod(story, "p", true);
  await story.clock.advance(1000);
  const events = (await story.client.list(Event, { namespace: "a" })).items.filter(
    ({ reason }) => reason === "MultiplePodDisruptionBudgets",
  );
  assert.equal(events[0]?.message, 'Pod "a"/"p" matches multiple PodDisruptionBudgets.  Chose "b" arbitrarily.');
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "p", namespace: "a" } } satisfies Eviction;
  await assert.rejects(story.client.createSubresource(Pod, "a/p", "eviction", eviction), (error) => {
    assert.ok(isApiError(error));
    assert.equal(error.message, "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
    return error.code === 500;
  });
});
