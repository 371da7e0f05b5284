// Books of what is attached where, for CSI drivers that attach; a driver is played by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { CSIDriver, VolumeAttachment, VolumeAttributesClass } from "#kinds/api/storage-v1.gen.ts";
import { attachDetachController } from "#kinds/storage/volume-attachment/controller.ts";
import { volumeAttributesClassProtection } from "#kinds/storage/volume-attributes-class/controller.ts";
import { claimOf, claimPhase, isGone, podWith, startStorage, volumeOf } from "./storage-cluster.ts";
import { NAMESPACE, type WorkloadCluster } from "./workload-cluster.ts";

const DRIVER = "csi.example.com";

async function diskFor(cluster: WorkloadCluster, name: string, driver = DRIVER): Promise<void> {
  const { hostPath: _, ...spec } = volumeOf(name).spec ?? {};
  await cluster.make(PersistentVolume, { metadata: { name }, spec: { ...spec, csi: { driver, volumeHandle: `${name}-handle` } } });
  await cluster.make(PersistentVolumeClaim, claimOf(name, { storageClassName: "", volumeName: name }));
  await cluster.eventually("it is bound", async () => (await claimPhase(cluster, name)) === "Bound");
}

const attachments = async ({ client }: WorkloadCluster) =>
  (await client.list(VolumeAttachment)).items.map(({ spec }) => `${spec.source.persistentVolumeName} ${spec.nodeName}`).toSorted();

const has =
  (cluster: WorkloadCluster, ...wanted: string[]) =>
  async () =>
    (await attachments(cluster)).join() === wanted.toSorted().join();

/** As the driver's attacher does. */
async function attachAll({ client }: WorkloadCluster): Promise<void> {
  for (const attachment of (await client.list(VolumeAttachment)).items)
    await client.updateStatus(VolumeAttachment, { ...attachment, status: { attached: true } });
}

const onNode = (nodeName: string) => ({ containers: [], nodeName });
const attachedTo = async ({ client }: WorkloadCluster, node: string) =>
  (await client.get(Node, `/${node}`)).status?.volumesAttached?.map(({ name }) => name);

async function messages({ client }: WorkloadCluster, pod: string): Promise<string[]> {
  const { items } = await client.list(Event, { fieldSelector: `involvedObject.name=${pod}` });
  return items.map(({ reason, message }) => `${reason}: ${message}`);
}

void test("a volume is attached to its pod's node, and to the next one when that has let go of it", async () => {
  await using cluster = await startStorage([attachDetachController()]);
  const { client } = cluster;
  await cluster.addNode("n1");
  await diskFor(cluster, "disk");
  await cluster.make(Pod, podWith("one", "disk", onNode("n0")));
  await cluster.eventually("it is to be attached", has(cluster, "disk n0"));
  const [attachment] = (await client.list(VolumeAttachment)).items;
  assert.match(attachment?.metadata?.name ?? "", /^csi-[0-9a-f]{64}$/);
  assert.equal(attachment?.spec.attacher, DRIVER);
  assert.equal(await attachedTo(cluster, "n0"), undefined, "the driver has yet to attach it");
  await attachAll(cluster);
  const name = `kubernetes.io/csi/${DRIVER}^disk-handle`;
  await cluster.eventually("the node is told", async () => (await attachedTo(cluster, "n0"))?.join() === name);
  await cluster.eventually("the pod is told", async () =>
    (await messages(cluster, "one")).includes('SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "disk" '),
  );

  await cluster.make(Pod, podWith("two", "disk", onNode("n1")));
  await cluster.eventually("the second waits", async () =>
    (await messages(cluster, "two")).includes(
      'FailedAttachVolume: Multi-Attach error for volume "disk" Volume is already used by pod(s) one',
    ),
  );
  assert.deepEqual(await attachments(cluster), ["disk n0"]);
  // The node still has it mounted.
  await client.patch(Node, "/n0", { status: { volumesInUse: [name] } }, { subresource: "status" });
  await client.delete(Pod, `${NAMESPACE}/one`, { gracePeriodSeconds: 0 });
  await cluster.clock.advance(60_000);
  assert.deepEqual(await attachments(cluster), ["disk n0"]);
  await client.patch(Node, "/n0", { status: { volumesInUse: null } }, { subresource: "status" });
  await cluster.eventually("it moved", has(cluster, "disk n1"));
  assert.equal(await attachedTo(cluster, "n0"), undefined);
});

void test("a node that does not answer keeps a volume for six minutes, one that is out of service not at all", async () => {
  await using cluster = await startStorage([attachDetachController()]);
  const { client, clock } = cluster;
  for (const disk of ["slow", "fast"]) {
    await cluster.make(Node, { metadata: { name: `node-${disk}` } });
    await diskFor(cluster, disk);
    const pod = podWith(`pod-${disk}`, disk, onNode(`node-${disk}`));
    await cluster.make(Pod, pod);
    await cluster.eventually("it is to be attached", async () => (await attachments(cluster)).includes(`${disk} node-${disk}`));
    const volumesInUse = [`kubernetes.io/csi/${DRIVER}^${disk}-handle`];
    await client.patch(Node, `/node-${disk}`, { status: { volumesInUse } }, { subresource: "status" });
  }
  await attachAll(cluster);
  await client.patch(Node, "/node-fast", { spec: { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] } });
  for (const disk of ["slow", "fast"]) await client.delete(Pod, `${NAMESPACE}/pod-${disk}`, { gracePeriodSeconds: 0 });
  await cluster.eventually("the one out of service lost it", has(cluster, "slow node-slow"));
  await clock.advance(5 * 60_000);
  assert.deepEqual(await attachments(cluster), ["slow node-slow"]);
  await clock.advance(2 * 60_000);
  await cluster.eventually("it was taken from the other", has(cluster));
});

void test("drivers that do not attach need no books; attachments of others are left alone", async () => {
  await using cluster = await startStorage([attachDetachController()]);
  await cluster.make(CSIDriver, { metadata: { name: "csi.easy.example.com" }, spec: { attachRequired: false } });
  await diskFor(cluster, "easy", "csi.easy.example.com");
  await diskFor(cluster, "disk");
  const spec = { attacher: DRIVER, nodeName: "n0", source: { persistentVolumeName: "disk" } };
  await cluster.make(VolumeAttachment, { metadata: { name: "by-hand" }, spec });
  await cluster.make(Pod, podWith("one", "easy", onNode("n0")));
  await cluster.eventually("it runs", async () => (await cluster.client.get(Pod, `${NAMESPACE}/one`)).status?.phase === "Running");
  await cluster.clock.advance(60_000);
  assert.deepEqual(await attachments(cluster), ["disk n0"]);
});

void test("a class of attributes stays while a claim has it", async () => {
  await using cluster = await startStorage([volumeAttributesClassProtection]);
  const { client } = cluster;
  await cluster.make(VolumeAttributesClass, { metadata: { name: "gold" }, driverName: DRIVER, parameters: { iops: "1" } });
  await cluster.make(PersistentVolumeClaim, claimOf("data", { volumeAttributesClassName: "gold" }));
  const found = () => client.get(VolumeAttributesClass, "/gold");
  await cluster.eventually("it is protected", async () => (await found()).metadata?.finalizers?.join() === "kubernetes.io/vac-protection");
  await client.delete(VolumeAttributesClass, "/gold");
  await cluster.clock.advance(10_000);
  assert.ok((await found()).metadata?.deletionTimestamp);
  await client.delete(PersistentVolumeClaim, `${NAMESPACE}/data`);
  await cluster.eventually("it is gone", () => isGone(found()));
});
