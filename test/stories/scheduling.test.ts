import assert from "node:assert/strict";
import { test } from "node:test";
import { Binding, PersistentVolume, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import { isNotFound } from "#meta/errors.ts";
import { asking, type SchedulingCluster, startScheduling } from "./scheduling-cluster.ts";

const HIGH = { priorityClassName: "high" };

const exists = async (cluster: SchedulingCluster, name: string) => {
  try {
    await cluster.pod(name);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
};

test("a more important pod has the least important one go, and takes its place", async () => {
  await using cluster = await startScheduling();
  await cluster.addNode("n");
  await cluster.makePod("middle", asking("2"));
  await cluster.makePod("least", asking("2", { priorityClassName: "low", terminationGracePeriodSeconds: 30 }));
  assert.deepEqual([await cluster.nodeOf("middle"), await cluster.nodeOf("least")], ["n", "n"]);
  await cluster.makePod("important", asking("2", HIGH));
  await cluster.settle();
  const { metadata, status } = await cluster.pod("least");
  assert.ok(metadata?.deletionTimestamp, "it is asked to go, with its grace period");
  const target = getCondition(status?.conditions, "DisruptionTarget");
  assert.deepEqual(
    [target?.status, target?.reason, target?.message],
    ["True", "PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod"],
  );
  const important = await cluster.pod("important");
  assert.equal(important.status?.nominatedNodeName, "n");
  assert.deepEqual(await cluster.why("important"), ["Unschedulable", "0/1 nodes are available: 1 Insufficient cpu."]);
  assert.deepEqual(await cluster.events("least"), [
    "Scheduled: Successfully assigned default/least to n",
    `Preempted: Preempted by pod ${important.metadata?.uid ?? ""} on node n`,
  ]);
  // Nobody of lesser importance takes the room meanwhile.
  await cluster.makePod("intruder", asking("1"));
  await cluster.client.delete(Pod, "default/least", { gracePeriodSeconds: 0 });
  assert.equal(await cluster.nodeOf("important"), "n");
  assert.equal(await cluster.nodeOf("intruder"), undefined);
  assert.equal(await cluster.nodeOf("middle"), "n");
  assert.equal((await cluster.pod("important")).status?.nominatedNodeName, undefined);
});

test("a budget protects its pods as long as others will do", async () => {
  await using cluster = await startScheduling();
  await cluster.addNode("a");
  await cluster.makePod("kept", asking("4"), { app: "kept" });
  await cluster.settle();
  await cluster.addNode("b");
  await cluster.makePod("plain", asking("4"));
  assert.equal(await cluster.nodeOf("plain"), "b");
  await cluster.client.create(PodDisruptionBudget, {
    metadata: { name: "kept", namespace: "default" },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "kept" } } },
  });
  await cluster.makePod("important", asking("3", HIGH));
  assert.equal(await cluster.nodeOf("important"), "b");
  assert.deepEqual([await exists(cluster, "kept"), await exists(cluster, "plain")], [true, false]);
});

test("preemptionPolicy Never waits in line", async () => {
  await using cluster = await startScheduling();
  await cluster.addNode("n");
  await cluster.makePod("first", asking("4"));
  await cluster.settle();
  await cluster.client.create(PriorityClass, { metadata: { name: "polite" }, value: 1000, preemptionPolicy: "Never" });
  await cluster.makePod("patient", asking("4", { priorityClassName: "polite" }));
  assert.deepEqual(await cluster.why("patient"), [
    "Unschedulable",
    "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
  ]);
  assert.equal(await exists(cluster, "first"), true);
  await cluster.client.delete(Pod, "default/first");
  assert.equal(await cluster.nodeOf("patient"), "n");
});

test("a gated pod is not tried until its gates are gone", async () => {
  await using cluster = await startScheduling();
  await cluster.addNode("n");
  await cluster.makePod("p", { schedulingGates: [{ name: "example.com/wait" }] });
  assert.deepEqual(await cluster.why("p"), ["SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"]);
  assert.deepEqual(await cluster.events("p"), []);
  await cluster.client.patch(Pod, "default/p", [{ op: "remove", path: "/spec/schedulingGates" }], { type: "json" });
  assert.equal(await cluster.nodeOf("p"), "n");
});

test("a pod is tried again when, and only when, a change may help it", async () => {
  await using cluster = await startScheduling();
  await cluster.addNode("n", { cpu: "1" });
  await cluster.makePod("big", asking("2"));
  await cluster.settle();
  const tries = async () => (await cluster.events("big")).length;
  const before = await tries();
  // Labels make no room, and neither do pods that come.
  await cluster.client.patch({ group: "", version: "v1", kind: "Node", plural: "nodes", namespaced: false }, "/n", {
    metadata: { labels: { new: "label" } },
  });
  await cluster.makePod("small", asking("100m"));
  await cluster.settle(20_000);
  assert.equal(await tries(), before);
  await cluster.addNode("large");
  assert.equal(await cluster.nodeOf("big"), "large");
});

test("profiles by the scheduler's name: one packs, the other spreads; a third is nobody's", async () => {
  const packing = {
    name: "NodeResourcesFit",
    args: { scoringStrategy: { type: "MostAllocated", resources: [{ name: "cpu", weight: 1 }] } },
  };
  const plugins = { score: { disabled: [{ name: "*" }], enabled: [{ name: "NodeResourcesFit", weight: 1 }] } };
  await using cluster = await startScheduling({
    configuration: { profiles: [{ schedulerName: "default-scheduler" }, { schedulerName: "packer", plugins, pluginConfig: [packing] }] },
  });
  for (const name of ["a", "b"]) await cluster.addNode(name);
  await cluster.makePod("first", asking("1"));
  const first = await cluster.nodeOf("first");
  await cluster.makePod("spread", asking("500m"));
  assert.notEqual(await cluster.nodeOf("spread"), first);
  for (const name of ["p1", "p2", "p3"]) {
    await cluster.makePod(name, asking("500m", { schedulerName: "packer" }));
    assert.equal(await cluster.nodeOf(name), first);
  }
  await cluster.makePod("stranger", asking("1", { schedulerName: "elsewhere" }));
  assert.equal(await cluster.nodeOf("stranger"), undefined);
});

const claimed = (claimName: string) => ({ volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] });

function makeClaim({ client }: SchedulingCluster, name: string, storageClassName: string, accessModes = ["ReadWriteOnce"]) {
  return client.create(PersistentVolumeClaim, {
    metadata: { name, namespace: "default" },
    spec: { accessModes, storageClassName, resources: { requests: { storage: "1Gi" } } },
  });
}

/** As the volume controller does it. */
async function completeClaim({ client }: SchedulingCluster, name: string, volumeName: string) {
  const annotations = { "pv.kubernetes.io/bind-completed": "yes" };
  await client.patch(PersistentVolumeClaim, `default/${name}`, { metadata: { annotations }, spec: { volumeName } });
}

test("a claim that waits for its first consumer: the node is chosen first, then the volume, then the pod is bound", async () => {
  await using cluster = await startScheduling();
  const { client } = cluster;
  await client.create(StorageClass, {
    metadata: { name: "late" },
    provisioner: "example.com/p",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  await client.create(StorageClass, { metadata: { name: "soon" }, provisioner: "example.com/p", volumeBindingMode: "Immediate" });
  await cluster.addNode("n");
  await cluster.makePod("p", claimed("data"));
  assert.equal((await cluster.why("p"))[1]?.split(" preemption")[0], '0/1 nodes are available: persistentvolumeclaim "data" not found.');
  await makeClaim(cluster, "data", "late");
  await cluster.settle();
  const claim = await client.get(PersistentVolumeClaim, "default/data");
  assert.equal(claim.metadata?.annotations?.["volume.kubernetes.io/selected-node"], "n");
  assert.equal(await cluster.nodeOf("p"), undefined, "it waits for its volume");
  await completeClaim(cluster, "data", "pv-1");
  assert.equal(await cluster.nodeOf("p"), "n");

  await makeClaim(cluster, "other", "soon");
  await cluster.makePod("q", claimed("other"));
  assert.equal(
    (await cluster.why("q"))[1]?.split(" preemption")[0],
    "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
  );
});

test("volumes that are there: the smallest that will do, on a node it can be used from", async () => {
  await using cluster = await startScheduling();
  const { client } = cluster;
  await client.create(StorageClass, {
    metadata: { name: "local" },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  for (const name of ["a", "b"]) await cluster.addNode(name);
  for (const [name, storage, node] of [
    ["large", "10Gi", "b"],
    ["small", "2Gi", "b"],
    ["tiny", "1Mi", "a"],
  ] as const) {
    await client.create(PersistentVolume, {
      metadata: { name },
      spec: {
        capacity: { storage },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "local",
        local: { path: "/x" },
        nodeAffinity: {
          required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] }] },
        },
      },
    });
    await client.patch(PersistentVolume, `/${name}`, { status: { phase: "Available" } }, { subresource: "status" });
  }
  await makeClaim(cluster, "data", "local");
  await cluster.makePod("p", claimed("data"));
  await cluster.settle();
  const volume = await client.get(PersistentVolume, "/small");
  assert.equal(volume.spec?.claimRef?.name, "data");
  assert.equal(volume.metadata?.annotations?.["pv.kubernetes.io/bound-by-controller"], "yes");
  await completeClaim(cluster, "data", "small");
  assert.equal(await cluster.nodeOf("p"), "b");
});

test("a claim for one pod only is that pod's until it goes", async () => {
  await using cluster = await startScheduling();
  await cluster.addNode("n");
  await cluster.client.create(StorageClass, { metadata: { name: "soon" }, provisioner: "example.com/p", volumeBindingMode: "Immediate" });
  await cluster.client.create(PersistentVolume, {
    metadata: { name: "pv" },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOncePod"],
      storageClassName: "soon",
      csi: { driver: "example.com", volumeHandle: "h" },
    },
  });
  await makeClaim(cluster, "data", "soon", ["ReadWriteOncePod"]);
  await completeClaim(cluster, "data", "pv");
  await cluster.makePod("p", claimed("data"));
  assert.equal(await cluster.nodeOf("p"), "n");
  await cluster.makePod("q", claimed("data"));
  assert.match(
    (await cluster.why("q"))[1] ?? "",
    /^0\/1 nodes are available: 1 node\(s\) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod\./,
  );
  await cluster.client.delete(Pod, "default/p");
  assert.equal(await cluster.nodeOf("q"), "n");
});

test("a binding that is refused is tried again, and what was assumed is free", async () => {
  await using cluster = await startScheduling();
  await cluster.addNode("n");
  const pod = await cluster.makePod("p", asking("3"));
  // Somebody else was faster.
  const binding: Binding = {
    metadata: { name: "p", namespace: "default", uid: pod.metadata?.uid ?? "" },
    target: { kind: "Node", name: "elsewhere" },
  };
  await cluster.client.createSubresource(Pod, "default/p", "binding", { apiVersion: "v1", kind: "Binding", ...binding }).catch(() => {});
  await cluster.makePod("q", asking("3"));
  const [p, q] = [await cluster.nodeOf("p"), await cluster.nodeOf("q")];
  assert.ok(p === "elsewhere" ? q === "n" : p === "n" && q === undefined, `${String(p)} ${String(q)}`);
});
