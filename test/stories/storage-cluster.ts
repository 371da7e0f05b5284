// For stories about storage: all its controllers, nodes with the simulated runtime, one virtual clock.

import { PersistentVolume, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { persistentVolumeBinder } from "#kinds/core/persistent-volume/binder/controller.ts";
import { persistentVolumeProtection } from "#kinds/core/persistent-volume/protection/controller.ts";
import { ephemeralVolumeController } from "#kinds/core/persistent-volume-claim/ephemeral/controller.ts";
import { expandController } from "#kinds/core/persistent-volume-claim/expansion/controller.ts";
import { persistentVolumeClaimProtection } from "#kinds/core/persistent-volume-claim/protection/controller.ts";
import { localPathProvisioner } from "#kinds/storage/local-path/controller.ts";
import { localPathClass } from "#kinds/storage/local-path/local-path.ts";
import { localPathKeeper } from "#node/volumes/local-path.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";
import { NAMESPACE, startWorkloads, type WorkloadCluster } from "./workload-cluster.ts";

/** One node, n0. `more` run beside; of storage's own those named in `without` do not. */
export async function startStorage(more: readonly ControllerDefinition[] = [], without: readonly ControllerDefinition[] = []) {
  const own = [
    persistentVolumeBinder,
    persistentVolumeProtection,
    persistentVolumeClaimProtection(),
    ephemeralVolumeController,
    expandController,
    localPathProvisioner,
    localPathKeeper(new Map([["n0", undefined]])),
  ];
  const cluster = await startWorkloads(1, { controllers: [...own.filter((one) => !without.includes(one)), ...more] });
  await cluster.make(StorageClass, localPathClass());
  return cluster;
}

type ClaimSpec = NonNullable<PersistentVolumeClaim["spec"]>;

export const claimOf = (name: string, spec: ClaimSpec = {}): PersistentVolumeClaim => ({
  metadata: { name, namespace: NAMESPACE },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
});

export const volumeOf = (name: string, spec: PersistentVolume["spec"] = {}): PersistentVolume => ({
  metadata: { name },
  spec: { accessModes: ["ReadWriteOnce"], capacity: { storage: "2Gi" }, hostPath: { path: "/nowhere" }, ...spec },
});

export const podWith = (name: string, claim: string, spec: Pod["spec"] = { containers: [] }): Pod => ({
  metadata: { name, namespace: NAMESPACE },
  spec: {
    terminationGracePeriodSeconds: 1,
    ...spec,
    containers: [{ name: "c", image: "i", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: claim } }],
  },
});

export const claimNamed = ({ client }: WorkloadCluster, name: string) => client.get(PersistentVolumeClaim, `${NAMESPACE}/${name}`);
export const volumeNamed = ({ client }: WorkloadCluster, name: string) => client.get(PersistentVolume, `/${name}`);
export const claimPhase = async (cluster: WorkloadCluster, name: string) => (await claimNamed(cluster, name)).status?.phase;
export const volumePhase = async (cluster: WorkloadCluster, name: string) => (await volumeNamed(cluster, name)).status?.phase;
export const podPhase = async ({ client }: WorkloadCluster, name: string) => (await client.get(Pod, `${NAMESPACE}/${name}`)).status?.phase;

/** The object is gone. */
export const isGone = (getting: Promise<unknown>): Promise<boolean> =>
  getting.then(
    () => false,
    () => true,
  );
