// Claims and volumes from their making to their end, with the scheduler and a simulated node.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Event, PersistentVolume, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import {
  claimNamed,
  claimOf,
  claimPhase,
  isGone,
  podPhase,
  podWith,
  startStorage,
  volumeNamed,
  volumeOf,
  volumePhase,
} from "./storage-cluster.ts";
import { NAMESPACE, type WorkloadCluster } from "./workload-cluster.ts";

/** Reasons of the events about an object, each once, sorted. */
async function reasons(cluster: WorkloadCluster, name: string): Promise<string[]> {
  const { items } = await cluster.client.list(Event, { fieldSelector: `involvedObject.name=${name}` });
  return [...new Set(items.map(({ reason }) => reason ?? ""))].toSorted();
}

const hasEvent = (cluster: WorkloadCluster, name: string, reason: string) => () =>
  reasons(cluster, name).then((all) => all.includes(reason));

void test("a claim of the default class gets a volume on its first consumer's node, grows, and takes the volume with it", async () => {
  await using cluster = await startStorage();
  await cluster.make(PersistentVolumeClaim, claimOf("data"));
  await cluster.eventually("it waits", hasEvent(cluster, "data", "WaitForFirstConsumer"));
  assert.equal(await claimPhase(cluster, "data"), "Pending");
  assert.equal((await claimNamed(cluster, "data")).spec?.storageClassName, "local-path");
  await cluster.make(Pod, podWith("one", "data"));
  await cluster.eventually("the pod runs", async () => (await podPhase(cluster, "one")) === "Running");
  const claim = await claimNamed(cluster, "data");
  assert.deepEqual(claim.status, { phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" } });
  const name = claim.spec?.volumeName ?? "";
  assert.equal(name, `pvc-${claim.metadata?.uid}`);
  const volume = await volumeNamed(cluster, name);
  assert.deepEqual(volume.metadata?.finalizers?.toSorted(), [
    "external-provisioner.volume.kubernetes.io/finalizer",
    "kubernetes.io/pv-protection",
  ]);
  assert.deepEqual(volume.spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions, [
    { key: "kubernetes.io/hostname", operator: "In", values: ["n0"] },
  ]);
  assert.deepEqual(await reasons(cluster, "data"), [
    "ExternalProvisioning",
    "Provisioning",
    "ProvisioningSucceeded",
    "WaitForFirstConsumer",
  ]);

  await cluster.client.patch(PersistentVolumeClaim, `${NAMESPACE}/data`, { spec: { resources: { requests: { storage: "3Gi" } } } });
  await cluster.eventually("it grew", async () => (await claimNamed(cluster, "data")).status?.capacity?.["storage"] === "3Gi");
  const grown = await claimNamed(cluster, "data");
  assert.deepEqual([grown.status?.conditions, grown.status?.allocatedResources], [undefined, { storage: "3Gi" }]);
  assert.equal((await volumeNamed(cluster, name)).spec?.capacity?.["storage"], "3Gi");
  await cluster.eventually("it said so", hasEvent(cluster, "data", "VolumeResizeSuccessful"));

  await cluster.client.delete(PersistentVolumeClaim, `${NAMESPACE}/data`);
  await cluster.clock.advance(60_000);
  assert.equal(await claimPhase(cluster, "data"), "Bound", "the pod still uses it");
  await cluster.client.delete(Pod, `${NAMESPACE}/one`);
  await cluster.eventually("the claim is gone", () => isGone(claimNamed(cluster, "data")));
  await cluster.eventually("so is the volume", () => isGone(volumeNamed(cluster, name)));
});

void test("a volume that is kept is released, bound to nobody else, and available again once it is freed by hand", async () => {
  await using cluster = await startStorage();
  await cluster.make(PersistentVolume, volumeOf("v"));
  await cluster.eventually("it is available", async () => (await volumePhase(cluster, "v")) === "Available");
  await cluster.make(PersistentVolumeClaim, claimOf("a", { storageClassName: "" }));
  await cluster.eventually("it is bound", async () => (await claimPhase(cluster, "a")) === "Bound");
  assert.equal(await volumePhase(cluster, "v"), "Bound");
  await cluster.client.delete(PersistentVolume, "/v");
  await cluster.clock.advance(60_000);
  assert.equal(await volumePhase(cluster, "v"), "Bound", "a claim has it");
  await cluster.client.delete(PersistentVolumeClaim, `${NAMESPACE}/a`);
  await cluster.eventually("it went when the claim let go", () => isGone(volumeNamed(cluster, "v")));

  await cluster.make(PersistentVolume, volumeOf("w"));
  await cluster.make(PersistentVolumeClaim, claimOf("b", { storageClassName: "" }));
  await cluster.eventually("it is bound", async () => (await claimPhase(cluster, "b")) === "Bound");
  await cluster.client.delete(PersistentVolumeClaim, `${NAMESPACE}/b`);
  await cluster.eventually("it is released", async () => (await volumePhase(cluster, "w")) === "Released");
  await cluster.make(PersistentVolumeClaim, claimOf("b", { storageClassName: "" }));
  await cluster.eventually("the namesake waits", hasEvent(cluster, "b", "FailedBinding"));
  assert.equal(await claimPhase(cluster, "b"), "Pending");
  await cluster.client.patch(PersistentVolume, "/w", { spec: { claimRef: null } });
  await cluster.eventually("it is the namesake's now", async () => (await claimPhase(cluster, "b")) === "Bound");
});

void test("claims and volumes that name each other, from either side, and one that was lost", async () => {
  await using cluster = await startStorage();
  await cluster.make(PersistentVolume, volumeOf("small", { capacity: { storage: "1Gi" } }));
  await cluster.make(PersistentVolume, volumeOf("meant", { claimRef: { namespace: NAMESPACE, name: "awaited" } }));
  await cluster.make(PersistentVolumeClaim, claimOf("picky", { storageClassName: "", volumeName: "late" }));
  await cluster.make(PersistentVolumeClaim, claimOf("awaited", { storageClassName: "" }));
  await cluster.eventually("each has its own", async () => (await claimPhase(cluster, "awaited")) === "Bound");
  assert.equal((await claimNamed(cluster, "awaited")).spec?.volumeName, "meant");
  assert.equal((await volumeNamed(cluster, "meant")).metadata?.annotations, undefined, "its maker bound it");
  assert.equal(await claimPhase(cluster, "picky"), "Pending");
  await cluster.make(PersistentVolume, volumeOf("late"));
  await cluster.eventually("what it asked for came", async () => (await claimPhase(cluster, "picky")) === "Bound");
  assert.equal(await volumePhase(cluster, "small"), "Available");
  // Taken away by force.
  await cluster.client.delete(PersistentVolume, "/late");
  await cluster.client.patch(PersistentVolume, "/late", { metadata: { finalizers: null } });
  await cluster.eventually("it is lost", async () => (await claimPhase(cluster, "picky")) === "Lost");
  await cluster.eventually("it is told", hasEvent(cluster, "picky", "ClaimLost"));
});

void test("volumes that cannot be reclaimed fail and say why", async () => {
  await using cluster = await startStorage();
  for (const [name, policy] of [
    ["del", "Delete"],
    ["rec", "Recycle"],
  ] as const) {
    await cluster.make(PersistentVolume, volumeOf(name, { persistentVolumeReclaimPolicy: policy }));
    await cluster.make(PersistentVolumeClaim, claimOf(name, { storageClassName: "", volumeName: name }));
    await cluster.eventually("it is bound", async () => (await claimPhase(cluster, name)) === "Bound");
    await cluster.client.delete(PersistentVolumeClaim, `${NAMESPACE}/${name}`);
    await cluster.eventually("it failed", async () => (await volumePhase(cluster, name)) === "Failed");
    assert.match((await volumeNamed(cluster, name)).status?.message ?? "", /plugin/);
    await cluster.eventually("it is told", hasEvent(cluster, name, `VolumeFailed${policy}`));
  }
});

void test("claims that named no class get the default one when it comes; of two the newest", async () => {
  await using cluster = await startStorage();
  await cluster.client.delete(StorageClass, "/local-path");
  await cluster.eventually("claims get no class", async () => {
    const probe = await cluster.make(PersistentVolumeClaim, claimOf(`p${cluster.clock.now()}`));
    return probe.spec?.storageClassName === undefined;
  });
  await cluster.make(PersistentVolumeClaim, claimOf("data"));
  await cluster.eventually("there is none", hasEvent(cluster, "data", "FailedBinding"));
  const metadata = (name: string) => ({ name, annotations: { "storageclass.kubernetes.io/is-default-class": "true" } });
  await cluster.make(StorageClass, { metadata: metadata("far"), provisioner: "example.com/far" });
  await cluster.eventually("it got the class", async () => (await claimNamed(cluster, "data")).spec?.storageClassName === "far");
  await cluster.eventually("its provisioner is asked", async () => {
    const { annotations } = (await claimNamed(cluster, "data")).metadata ?? {};
    return annotations?.["volume.kubernetes.io/storage-provisioner"] === "example.com/far";
  });
  await cluster.clock.advance(2_000);
  await cluster.make(StorageClass, { metadata: metadata("a-newer"), provisioner: "example.com/near" });
  await cluster.eventually("the newest is taken", async () => {
    const probe = await cluster.make(PersistentVolumeClaim, claimOf(`q${cluster.clock.now()}`));
    return probe.spec?.storageClassName === "a-newer";
  });
});

void test("an ephemeral volume's claim lives with its pod; a claim of that name that is another's keeps the pod waiting", async () => {
  await using cluster = await startStorage();
  const pod = (name: string): Pod => ({
    metadata: { name, namespace: NAMESPACE },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "c", image: "i" }],
      volumes: [
        {
          name: "scratch",
          ephemeral: {
            volumeClaimTemplate: {
              metadata: { labels: { of: name } },
              spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
            },
          },
        },
      ],
    },
  });
  const made = await cluster.make(Pod, pod("one"));
  await cluster.eventually("it runs", async () => (await podPhase(cluster, "one")) === "Running");
  const { metadata } = await claimNamed(cluster, "one-scratch");
  assert.deepEqual(metadata?.labels, { of: "one" });
  assert.deepEqual(metadata?.ownerReferences, [
    { apiVersion: "v1", kind: "Pod", name: "one", uid: made.metadata?.uid, controller: true, blockOwnerDeletion: true },
  ]);
  await cluster.make(PersistentVolumeClaim, claimOf("two-scratch"));
  await cluster.make(Pod, pod("two"));
  await cluster.eventually("it is told", hasEvent(cluster, "two", "FailedBinding"));
  await cluster.clock.advance(60_000);
  assert.equal(await podPhase(cluster, "two"), "Pending");
});

void test("a pod that was put on a node by hand waits there until its claim is bound", async () => {
  await using cluster = await startStorage();
  await cluster.make(PersistentVolumeClaim, claimOf("data", { storageClassName: "" }));
  await cluster.make(Pod, podWith("one", "data", { containers: [], nodeName: "n0" }));
  await cluster.eventually("it says what is missing", hasEvent(cluster, "one", "FailedMount"));
  const { items } = await cluster.client.list(Event, { fieldSelector: "involvedObject.name=one,reason=FailedMount" });
  assert.match(items[0]?.message ?? "", /^Unable to attach or mount volumes: .*error processing PVC default\/data: PVC is not bound$/);
  assert.equal(await podPhase(cluster, "one"), "Pending");
  await cluster.make(PersistentVolume, volumeOf("v"));
  await cluster.eventually("it runs", async () => (await podPhase(cluster, "one")) === "Running", 10_000);
});

void test("what the provisioner cannot make it refuses by an event, and a node that is gone is not insisted on", async () => {
  await using cluster = await startStorage();
  await cluster.make(PersistentVolumeClaim, claimOf("shared", { accessModes: ["ReadWriteMany"] }));
  await cluster.make(Pod, podWith("one", "shared"));
  await cluster.eventually("it is refused", hasEvent(cluster, "shared", "ProvisioningFailed"));
  const claim = claimOf("data");
  claim.metadata = { ...claim.metadata, annotations: { "volume.kubernetes.io/selected-node": "gone" } };
  await cluster.make(PersistentVolumeClaim, claim);
  await cluster.eventually(
    "the choice is taken back",
    async () => (await claimNamed(cluster, "data")).metadata?.annotations?.["volume.kubernetes.io/selected-node"] === undefined,
  );
});

void test("a pod goes where the disk is: the scheduler promises the volume of a node to the claim, the binder keeps the promise", async () => {
  await using cluster = await startStorage();
  await cluster.addNode("n1");
  await cluster.make(StorageClass, {
    metadata: { name: "disks" },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  const nodeAffinity = {
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["n1"] }] }] },
  };
  for (const [name, storage] of [
    ["large", "5Gi"],
    ["fits", "1Gi"],
  ] as const) {
    const { hostPath: _, ...spec } = volumeOf(name, { capacity: { storage }, storageClassName: "disks", nodeAffinity }).spec ?? {};
    await cluster.make(PersistentVolume, { metadata: { name }, spec: { ...spec, local: { path: "/disk" } } });
  }
  await cluster.make(PersistentVolumeClaim, claimOf("data", { storageClassName: "disks" }));
  await cluster.eventually("it waits", hasEvent(cluster, "data", "WaitForFirstConsumer"));
  await cluster.make(Pod, podWith("one", "data"));
  await cluster.eventually("the pod runs", async () => (await podPhase(cluster, "one")) === "Running");
  assert.equal((await cluster.client.get(Pod, `${NAMESPACE}/one`)).spec?.nodeName, "n1");
  assert.equal((await claimNamed(cluster, "data")).spec?.volumeName, "fits");
  assert.equal(await volumePhase(cluster, "fits"), "Bound");
  assert.equal(await volumePhase(cluster, "large"), "Available");
  // Its data is where it is: another pod of the claim has no choice of node.
  await cluster.client.delete(Pod, `${NAMESPACE}/one`, { gracePeriodSeconds: 0 });
  await cluster.make(Pod, podWith("two", "data"));
  await cluster.eventually("the next one runs", async () => (await podPhase(cluster, "two")) === "Running");
  assert.equal((await cluster.client.get(Pod, `${NAMESPACE}/two`)).spec?.nodeName, "n1");
});

void test("a hundred claims for a hundred volumes at once: each gets one, and no two the same", async () => {
  await using cluster = await startStorage();
  const names = Array.from({ length: 100 }, (_, index) => `d${index}`);
  await Promise.all(names.map((name) => cluster.make(PersistentVolume, volumeOf(name))));
  await Promise.all(names.map((name) => cluster.make(PersistentVolumeClaim, claimOf(name, { storageClassName: "" }))));
  const claims = async () => (await cluster.client.list(PersistentVolumeClaim, { namespace: NAMESPACE })).items;
  await cluster.eventually("all are bound", async () => (await claims()).every(({ status }) => status?.phase === "Bound"));
  assert.equal(new Set((await claims()).map(({ spec }) => spec?.volumeName)).size, names.length);
});
