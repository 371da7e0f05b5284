// The binder, and the provisioner, are killed after each of their writes in turn; another takes over. No volume is ever two claims'.

import assert from "node:assert/strict";
import { test } from "node:test";
import { failingClient, stopAtEveryWrite, type StoppingClient } from "#harness/stopping-client.ts";
import { Event, PersistentVolume, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { persistentVolumeBinder } from "#kinds/core/persistent-volume/binder/controller.ts";
import { localPathProvisioner } from "#kinds/storage/local-path/controller.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";
import { runUntil } from "./run-until.ts";
import { claimOf, podWith, startStorage, volumeOf } from "./storage-cluster.ts";
import { NAMESPACE, type WorkloadCluster } from "./workload-cluster.ts";

const SELECTION = { namespace: NAMESPACE, gracePeriodSeconds: 0 };

/** Counts the moments at which two claims say that they have one volume, or a volume changes hands without being freed. */
function watchBindings(cluster: WorkloadCluster) {
  let wrong = 0;
  const claims = cluster.running.informers.informer(PersistentVolumeClaim);
  const look = claims.subscribe(() => {
    const taken = claims.list().flatMap(({ spec }) => spec?.volumeName ?? []);
    if (new Set(taken).size < taken.length) wrong++;
  });
  const hands = cluster.running.informers.informer(PersistentVolume).subscribe(({ before, after }) => {
    const [was, is] = [before?.spec?.claimRef?.uid, after?.spec?.claimRef?.uid];
    if (was && is && was !== is) wrong++;
  });
  return {
    get wrong() {
      return wrong;
    },
    [Symbol.dispose]() {
      look[Symbol.dispose]();
      hands[Symbol.dispose]();
    },
  };
}

/** First with the client that dies, then, after a while, with one that does not. */
async function survive(
  cluster: WorkloadCluster,
  controller: ControllerDefinition,
  stopping: StoppingClient,
  isOver: () => Promise<boolean>,
): Promise<void> {
  await runUntil(cluster, controller, stopping.client, "it is over or stopped", async () => stopping.stopped || isOver());
  if (stopping.stopped) await cluster.clock.advance(1_000);
  await runUntil(cluster, controller, cluster.client, "it is over", isOver);
}

void test("a binder killed between any two writes: two claims, a volume, and another one later", async (t) => {
  await using cluster = await startStorage([], [persistentVolumeBinder]);
  const { client } = cluster;
  const stops = await stopAtEveryWrite(client, async (stopping, lastWrite) => {
    const name = (suffix: string) => `v${lastWrite}-${suffix}`;
    using bindings = watchBindings(cluster);
    const claims = async () => (await client.list(PersistentVolumeClaim, { namespace: NAMESPACE })).items;
    await cluster.make(PersistentVolume, volumeOf(name("first")));
    for (const suffix of ["a", "b"])
      await cluster.make(PersistentVolumeClaim, claimOf(`c${lastWrite}-${suffix}`, { storageClassName: "" }));
    let later = false;
    await survive(cluster, persistentVolumeBinder, stopping, async () => {
      const bound = (await claims()).filter(({ status }) => status?.phase === "Bound");
      if (bound.length === 1 && !later) {
        later = true;
        await cluster.make(PersistentVolume, volumeOf(name("second")));
      }
      const { items } = await client.list(PersistentVolume);
      return bound.length === 2 && items.every(({ status }) => status?.phase === "Bound");
    });
    const has = new Map((await client.list(PersistentVolume)).items.map(({ metadata, spec }) => [spec?.claimRef?.uid, metadata?.name]));
    for (const { metadata, spec } of await claims()) assert.equal(has.get(metadata?.uid), spec?.volumeName);
    // Once more, for the end: the claims go, the volumes are released.
    await client.deleteCollection(PersistentVolumeClaim, SELECTION);
    await survive(cluster, persistentVolumeBinder, stopping, async () => {
      const { items } = await client.list(PersistentVolume);
      return items.length === 2 && items.every(({ status }) => status?.phase === "Released");
    });
    assert.equal(bindings.wrong, 0, "a volume of two claims");
    await client.deleteCollection(PersistentVolume, { gracePeriodSeconds: 0 });
    await cluster.eventually("all is gone", async () => (await client.list(PersistentVolume)).items.length === 0);
    await client.deleteCollection(Event, { namespace: NAMESPACE });
  });
  t.diagnostic(`${stops} writes`);
  assert.ok(stops >= 10, `${stops} writes`);
});

for (const controller of [persistentVolumeBinder, localPathProvisioner])
  test(`${controller.name} killed between any two writes: a claim's volume is made once, grows, and goes with it`, async (t) => {
    await using cluster = await startStorage([], [controller]);
    const { client } = cluster;
    const stops = await stopAtEveryWrite(client, async (stopping, lastWrite) => {
      const name = `c${lastWrite}`;
      const key = `${NAMESPACE}/${name}`;
      const made = new Set<string>();
      using _ = cluster.running.informers.informer(PersistentVolume).subscribe(({ after }) => void made.add(after?.metadata?.uid ?? ""));
      made.delete("");
      await cluster.make(PersistentVolumeClaim, claimOf(name));
      await cluster.make(Pod, podWith(name, name));
      const isRunning = async () => (await client.get(Pod, key)).status?.phase === "Running";
      let bigger = false;
      await survive(cluster, controller, stopping, async () => {
        if (!(await isRunning())) return false;
        if (!bigger) await client.patch(PersistentVolumeClaim, key, { spec: { resources: { requests: { storage: "2Gi" } } } });
        bigger = true;
        const { status } = await client.get(PersistentVolumeClaim, key);
        return status?.capacity?.["storage"] === "2Gi" && status.conditions === undefined;
      });
      await client.delete(PersistentVolumeClaim, key);
      await client.delete(Pod, key, { gracePeriodSeconds: 0 });
      await survive(cluster, controller, stopping, async () => (await client.list(PersistentVolume)).items.length === 0);
      made.delete("");
      assert.equal(made.size, 1, "made more than once");
      await client.deleteCollection(Event, { namespace: NAMESPACE });
    });
    t.diagnostic(`${stops} writes`);
    assert.ok(stops >= 4, `${stops} writes`);
  });

for (const seed of [1, 2, 3])
  test(`a binder whose writes fail, or whose answers are lost, one in five: seed ${seed}`, async () => {
    await using cluster = await startStorage([], [persistentVolumeBinder]);
    const { client } = cluster;
    let state = seed;
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647; // Park and Miller: repeatable
    using bindings = watchBindings(cluster);
    const names = Array.from({ length: 15 }, (_, index) => `d${index}`);
    for (const name of names) await cluster.make(PersistentVolume, volumeOf(name));
    for (const name of names) await cluster.make(PersistentVolumeClaim, claimOf(name, { storageClassName: "" }));
    const phases = async () => {
      const claims = (await client.list(PersistentVolumeClaim, { namespace: NAMESPACE })).items;
      return [...claims, ...(await client.list(PersistentVolume)).items].map(({ status }) => status?.phase);
    };
    const isOver = async () => (await phases()).every((phase) => phase === "Bound");
    await runUntil(cluster, persistentVolumeBinder, failingClient(client, 0.2, random), "all are bound", isOver);
    assert.equal(bindings.wrong, 0, "a volume of two claims");
  });
