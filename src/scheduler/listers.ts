// What plugins read of the cluster besides pods and nodes: caches by kind.

import { ReplicaSet, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { PersistentVolume, PersistentVolumeClaim, ReplicationController, Service } from "#kinds/api/core-v1.gen.ts";
import { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from "#kinds/api/storage-v1.gen.ts";
import type { DeepReadonly, Key, KubeObject } from "#meta/object.ts";
import type { InformerSet } from "#reconcile/informer.ts";

/** The part of an informer that decisions use. */
export interface Lister<T extends KubeObject> {
  get(key: Key): DeepReadonly<T> | undefined;
  list(options?: { readonly namespace?: string }): readonly DeepReadonly<T>[];
  until(condition: () => boolean, signal?: AbortSignal): Promise<void>;
}

export interface Listers {
  readonly services: Lister<Service>;
  readonly replicationControllers: Lister<ReplicationController>;
  readonly replicaSets: Lister<ReplicaSet>;
  readonly statefulSets: Lister<StatefulSet>;
  readonly budgets: Lister<PodDisruptionBudget>;
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly volumes: Lister<PersistentVolume>;
  readonly classes: Lister<StorageClass>;
  readonly csiNodes: Lister<CSINode>;
  readonly csiDrivers: Lister<CSIDriver>;
  readonly capacities: Lister<CSIStorageCapacity>;
  readonly attachments: Lister<VolumeAttachment>;
}

export function informerListers(informers: InformerSet) {
  return {
    services: informers.informer(Service),
    replicationControllers: informers.informer(ReplicationController),
    replicaSets: informers.informer(ReplicaSet),
    statefulSets: informers.informer(StatefulSet),
    budgets: informers.informer(PodDisruptionBudget),
    claims: informers.informer(PersistentVolumeClaim),
    volumes: informers.informer(PersistentVolume),
    classes: informers.informer(StorageClass),
    csiNodes: informers.informer(CSINode),
    csiDrivers: informers.informer(CSIDriver),
    capacities: informers.informer(CSIStorageCapacity),
    attachments: informers.informer(VolumeAttachment),
  } satisfies Listers;
}
