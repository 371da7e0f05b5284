// Changes of what the volume plugins look at, as events for the queue.

import type { KubeObject } from "#meta/object.ts";
import type { Change } from "#reconcile/informer.ts";
import type { ClusterEvent, EventObjects, EventResource } from "./cluster-events.ts";
import type { informerListers } from "./listers.ts";

export function subscribeToStorage(listers: ReturnType<typeof informerListers>, onEvent: (event: ClusterEvent) => void): Disposable[] {
  const tell =
    <R extends EventResource>(resource: R) =>
    ({ before, after, initial }: Change<KubeObject>) => {
      if (initial) return;
      const action = before ? (after ? "update" : "delete") : "add";
      // The informer is that of the resource.
      onEvent({ resource, action, before: before as EventObjects[R] | undefined, after: after as EventObjects[R] | undefined });
    };
  return [
    listers.claims.subscribe(tell("PersistentVolumeClaim")),
    listers.volumes.subscribe(tell("PersistentVolume")),
    listers.classes.subscribe(tell("StorageClass")),
    listers.csiNodes.subscribe(tell("CSINode")),
    listers.csiDrivers.subscribe(tell("CSIDriver")),
    listers.capacities.subscribe(tell("CSIStorageCapacity")),
    listers.attachments.subscribe(tell("VolumeAttachment")),
  ];
}
