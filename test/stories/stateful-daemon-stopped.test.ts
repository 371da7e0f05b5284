// The controllers of StatefulSets and DaemonSets are killed after each of their writes in turn; another takes over. The end is right.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stopAtEveryWrite } from "#harness/stopping-client.ts";
import { ControllerRevision, DaemonSet, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { Event, PersistentVolumeClaim, Pod, type PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { daemonSetController } from "#kinds/apps/daemon-set/controller.ts";
import { statefulSetController } from "#kinds/apps/stateful-set/controller.ts";
import { type Key, makeKey } from "#meta/object.ts";
import { bindClaims } from "./bind-claims.ts";
import { runUntil } from "./run-until.ts";
import { isReady, NAMESPACE, startWorkloads, type WorkloadCluster } from "./workload-cluster.ts";

/** The story's own template: its pods are told from others by the label, and are ready as soon as they run. */
function templateOf(app: string, version: string): PodTemplateSpec {
  return { metadata: { labels: { app } }, spec: { containers: [{ name: "c", image: `web:${version}` }] } };
}

const toImage = (image: string) => ({ spec: { template: { spec: { containers: [{ name: "c", image }] } } } });

async function podsOf(cluster: WorkloadCluster, app: string): Promise<Pod[]> {
  return (await cluster.client.list(Pod, { namespace: NAMESPACE, labelSelector: `app=${app}` })).items;
}

async function revisionsOf(cluster: WorkloadCluster, app: string): Promise<number[]> {
  const { items } = await cluster.client.list(ControllerRevision, { namespace: NAMESPACE, labelSelector: `app=${app}` });
  return items.map(({ revision }) => revision).toSorted((a, b) => a - b);
}

/** So that the next run has no more to look at than this one. */
async function cleanUp({ client }: WorkloadCluster, app: string): Promise<void> {
  const selection = { namespace: NAMESPACE, labelSelector: `app=${app}`, gracePeriodSeconds: 0 };
  for (const resource of [Pod, PersistentVolumeClaim, ControllerRevision]) await client.deleteCollection(resource, selection);
  await client.deleteCollection(Event, { namespace: NAMESPACE });
}

/** What happens to the object, in order: each step begins once the one before it is complete. */
interface Step {
  readonly patch: object;
  readonly isOver: () => Promise<boolean>;
}

/** Runs through the steps with a controller that is killed, waits a while, and goes on with another. */
async function live(
  cluster: WorkloadCluster,
  steps: readonly Step[],
  apply: (patch: object) => Promise<unknown>,
  run: (killed: boolean, condition: () => Promise<boolean>) => Promise<void>,
  isStopped: () => boolean,
): Promise<void> {
  let position = 0;
  let begun = false;
  const over = async () => {
    for (let step = steps[position]; step; step = steps[++position], begun = false) {
      if (!begun) await apply(step.patch);
      begun = true;
      if (!(await step.isOver())) return false;
    }
    return true;
  };
  await run(true, async () => isStopped() || over());
  // Nobody looks for a while.
  if (isStopped()) await cluster.clock.advance(1_000);
  await run(false, over);
}

for (const podManagementPolicy of ["OrderedReady", "Parallel"]) {
  test(`a StatefulSet controller killed between any two writes: ${podManagementPolicy}`, async (t) => {
    await using cluster = await startWorkloads(1);
    const stops = await stopAtEveryWrite(cluster.client, async (stopping, lastWrite) => {
      const name = `web${lastWrite}`;
      const key: Key = makeKey(NAMESPACE, name);
      const alive = new Map<string, string>();
      let twins = 0;
      using _ = cluster.running.informers.informer(Pod).subscribe(({ before, after }) => {
        const pod = after ?? before;
        if (pod?.metadata?.labels?.["app"] !== name) return;
        const { name: podName = "", uid = "" } = pod.metadata;
        if (!after) alive.delete(podName);
        else if ((alive.get(podName) ?? uid) !== uid) twins++;
        else alive.set(podName, uid);
      });
      const status = async () => (await cluster.client.get(StatefulSet, key)).status;
      const settled = (replicas: number) => async () => {
        await bindClaims(cluster.client);
        const { metadata, status: now } = await cluster.client.get(StatefulSet, key);
        const counts = [now?.replicas, now?.readyReplicas ?? 0, now?.updatedReplicas ?? 0, now?.currentReplicas ?? 0];
        return now?.observedGeneration === metadata?.generation && counts.every((count) => count === replicas);
      };
      await cluster.make(StatefulSet, {
        metadata: { name, namespace: NAMESPACE },
        spec: {
          replicas: 2,
          podManagementPolicy,
          serviceName: name,
          selector: { matchLabels: { app: name } },
          template: templateOf(name, "v1"),
          persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" },
          volumeClaimTemplates: [
            { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
          ],
        },
      });
      await live(
        cluster,
        [
          { patch: {}, isOver: settled(2) },
          { patch: toImage("web:v2"), isOver: settled(2) },
          { patch: { spec: { replicas: 1 } }, isOver: settled(1) },
          { patch: { spec: { ...toImage("web:v1").spec, replicas: 2 } }, isOver: settled(2) },
        ],
        (patch) => cluster.client.patch(StatefulSet, key, patch, { type: "strategic" }),
        (killed, condition) =>
          runUntil(cluster, statefulSetController, killed ? stopping.client : cluster.client, "it is over or stopped", condition),
        () => stopping.stopped,
      );
      const pods = await podsOf(cluster, name);
      assert.deepEqual(pods.map(({ metadata }) => metadata?.name).toSorted(), [`${name}-0`, `${name}-1`]);
      assert.ok(pods.every((pod) => isReady(pod) && pod.spec?.containers[0]?.image === "web:v1"));
      assert.equal(twins, 0, "two pods with one identity");
      assert.deepEqual(await revisionsOf(cluster, name), [2, 3]);
      const { currentRevision, updateRevision, availableReplicas } = (await status()) ?? {};
      assert.deepEqual([currentRevision, availableReplicas], [updateRevision, 2]);
      const claims = (await cluster.client.list(PersistentVolumeClaim, { namespace: NAMESPACE, labelSelector: `app=${name}` })).items;
      assert.deepEqual(
        claims.map(({ metadata }) => [metadata?.name, metadata?.ownerReferences?.[0]?.kind]),
        [0, 1].map((ordinal) => [`data-${name}-${ordinal}`, "StatefulSet"]),
      );
      await cluster.client.delete(StatefulSet, key);
      await cleanUp(cluster, name);
    });
    t.diagnostic(`${stops} writes`);
    assert.ok(stops > 15, `${stops} writes`);
  });
}

for (const rollingUpdate of [{ maxUnavailable: 1 }, { maxSurge: 1, maxUnavailable: 0 }]) {
  test(`a DaemonSet controller killed between any two writes: ${JSON.stringify(rollingUpdate)}`, async (t) => {
    await using cluster = await startWorkloads(2);
    const stops = await stopAtEveryWrite(cluster.client, async (stopping, lastWrite) => {
      const name = `web${lastWrite}`;
      const key: Key = makeKey(NAMESPACE, name);
      await cluster.make(DaemonSet, {
        metadata: { name, namespace: NAMESPACE },
        spec: {
          selector: { matchLabels: { app: name } },
          template: templateOf(name, "v1"),
          updateStrategy: { type: "RollingUpdate", rollingUpdate },
        },
      });
      const isOver = async () => {
        const { metadata, status } = await cluster.client.get(DaemonSet, key);
        const counts = [status?.currentNumberScheduled, status?.updatedNumberScheduled ?? 0, status?.numberAvailable ?? 0];
        const pods = await podsOf(cluster, name);
        return status?.observedGeneration === metadata?.generation && counts.every((count) => count === 2) && pods.length === 2;
      };
      await live(
        cluster,
        [
          { patch: {}, isOver },
          { patch: toImage("web:v2"), isOver },
          { patch: toImage("web:v1"), isOver },
        ],
        (patch) => cluster.client.patch(DaemonSet, key, patch, { type: "strategic" }),
        (killed, condition) =>
          runUntil(cluster, daemonSetController(), killed ? stopping.client : cluster.client, "it is over or stopped", condition),
        () => stopping.stopped,
      );
      const pods = await podsOf(cluster, name);
      assert.deepEqual(pods.map(({ spec }) => spec?.nodeName).toSorted(), ["n0", "n1"]);
      assert.ok(pods.every((pod) => pod.spec?.containers[0]?.image === "web:v1"));
      assert.deepEqual(await revisionsOf(cluster, name), [2, 3]);
      await cluster.client.delete(DaemonSet, key);
      await cleanUp(cluster, name);
    });
    t.diagnostic(`${stops} writes`);
    assert.ok(stops > 10, `${stops} writes`);
  });
}
