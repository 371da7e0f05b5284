// For tests: listers over objects that do not change.

import type { ReplicaSet, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import type { PersistentVolume, PersistentVolumeClaim, ReplicationController, Service } from "#kinds/api/core-v1.gen.ts";
import type { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from "#kinds/api/storage-v1.gen.ts";
import { type DeepReadonly, keyOf, type KubeObject } from "#meta/object.ts";
import type { Lister, Listers } from "./listers.ts";

export function fixedLister<T extends KubeObject>(objects: readonly DeepReadonly<T>[] = []): Lister<T> {
  const byKey = new Map(objects.map((object) => [keyOf(object), object]));
  return {
    get: (key) => byKey.get(key),
    list: ({ namespace } = {}) =>
      namespace === undefined ? objects : objects.filter((object) => object.metadata?.namespace === namespace),
    until: async (condition) => {
      if (!condition()) throw new Error("it will never be so");
    },
  };
}

export function noListers(): Listers {
  return {
    services: fixedLister<Service>(),
    replicationControllers: fixedLister<ReplicationController>(),
    replicaSets: fixedLister<ReplicaSet>(),
    statefulSets: fixedLister<StatefulSet>(),
    budgets: fixedLister<PodDisruptionBudget>(),
    claims: fixedLister<PersistentVolumeClaim>(),
    volumes: fixedLister<PersistentVolume>(),
    classes: fixedLister<StorageClass>(),
    csiNodes: fixedLister<CSINode>(),
    csiDrivers: fixedLister<CSIDriver>(),
    capacities: fixedLister<CSIStorageCapacity>(),
    attachments: fixedLister<VolumeAttachment>(),
  };
}
