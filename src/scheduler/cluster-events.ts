// Changes of the cluster, told apart as finely as queueing hints need it. Pure. Rules: kube-scheduler framework/events.go.

import type { PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from "#kinds/api/storage-v1.gen.ts";
import { equal } from "#lib/equal.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { AnyNode, AnyPod, PodInfo } from "./framework.ts";
import { podRequests } from "./resources.ts";

/** What events are about. Pods that wait and pods that have a node are both Pod here; `assigned` tells them apart. */
export interface EventObjects {
  Pod: AnyPod;
  Node: AnyNode;
  PersistentVolumeClaim: DeepReadonly<PersistentVolumeClaim>;
  PersistentVolume: DeepReadonly<PersistentVolume>;
  StorageClass: DeepReadonly<StorageClass>;
  CSINode: DeepReadonly<CSINode>;
  CSIDriver: DeepReadonly<CSIDriver>;
  CSIStorageCapacity: DeepReadonly<CSIStorageCapacity>;
  VolumeAttachment: DeepReadonly<VolumeAttachment>;
}

export type EventResource = keyof EventObjects;

export type EventAction =
  | "add"
  | "delete"
  /** Any update of a kind whose updates are not told apart. */
  | "update"
  | "labels"
  | "taints"
  | "allocatable"
  | "scaleDown"
  | "tolerations"
  | "gatesEliminated";

export interface ClusterEvent<R extends EventResource = EventResource> {
  readonly resource: R;
  readonly action: EventAction;
  readonly before?: EventObjects[R] | undefined;
  readonly after?: EventObjects[R] | undefined;
}

/** What a plugin wants to know of. `helps`: whether the change may help the pod; default: it may. */
export type EventInterest = {
  [R in EventResource]: {
    readonly resource: R;
    readonly actions: readonly EventAction[];
    readonly helps?: (pod: PodInfo, before: EventObjects[R] | undefined, after: EventObjects[R] | undefined) => boolean;
  };
}[EventResource];

export function podChanges(before: AnyPod, after: AnyPod): EventAction[] {
  const actions: EventAction[] = [];
  if (!equal(before.metadata?.labels, after.metadata?.labels)) actions.push("labels");
  if (asksLess(before, after)) actions.push("scaleDown");
  if ((before.spec?.schedulingGates ?? []).length > 0 && (after.spec?.schedulingGates ?? []).length === 0) actions.push("gatesEliminated");
  // Tolerations can only be added.
  if ((before.spec?.tolerations ?? []).length !== (after.spec?.tolerations ?? []).length) actions.push("tolerations");
  return actions.length > 0 ? actions : ["update"];
}

function asksLess(before: AnyPod, after: AnyPod): boolean {
  const same = equal(before.spec?.containers, after.spec?.containers) && equal(before.spec?.resources, after.spec?.resources);
  if (same && equal(before.status?.containerStatuses, after.status?.containerStatuses)) return false;
  const now = podRequests(after);
  for (const [name, amount] of podRequests(before)) if ((now.get(name) ?? -1) < amount) return true;
  return false;
}

export function nodeChanges(before: AnyNode, after: AnyNode): EventAction[] {
  const actions: EventAction[] = [];
  const taintsChanged = !equal(before.spec?.taints, after.spec?.taints);
  if (taintsChanged || (before.spec?.unschedulable === true && after.spec?.unschedulable !== true)) actions.push("taints");
  if (!equal(before.status?.allocatable, after.status?.allocatable)) actions.push("allocatable");
  if (!equal(before.metadata?.labels, after.metadata?.labels)) actions.push("labels");
  return actions;
}
