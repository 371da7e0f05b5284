// The status of a StatefulSet, from its pods. Pure. Rules: pkg/controller/statefulset/stateful_set_control.go.

import type { StatefulSetStatus } from "#kinds/api/apps-v1.gen.ts";
import { availableInMs, isPodReady } from "#kinds/core/pod/state.ts";
import { replicasOf, revisionOfPod } from "./identity.ts";
import { isAvailable, type View } from "./plan.ts";

export interface Observation {
  readonly status: StatefulSetStatus;
  /** When a ready pod will count as available; undefined if none waits. */
  readonly recheckInMs: number | undefined;
}

/** `updated`: pods of the current revision that this run takes away for the update. */
export function observe(view: View, collisionCount: number, updated: number): Observation {
  const { set, pods, now, updateRevision } = view;
  let { currentRevision } = view;
  const created = pods.filter((pod) => (pod.status?.phase ?? "") !== "");
  const lasting = created.filter((pod) => pod.metadata?.deletionTimestamp === undefined);
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isPodReady(pod));
  const readyReplicas = ready.length;
  const availableReplicas = ready.filter((pod) => isAvailable(set, pod, now)).length;
  const count = (revision: string) => lasting.filter((pod) => revisionOfPod(pod) === revision).length;
  const updatedReplicas = count(updateRevision);
  let currentReplicas = Math.max(0, count(currentRevision) - updated);
  const wanted = replicasOf(set);
  if (
    (set.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate" &&
    updatedReplicas === wanted &&
    readyReplicas === wanted &&
    created.length === wanted
  ) {
    currentRevision = updateRevision;
    currentReplicas = updatedReplicas;
  }
  let recheckInMs: number | undefined;
  for (const pod of ready) {
    const waitMs = availableInMs(pod, set.spec?.minReadySeconds ?? 0, now) ?? 0;
    if (waitMs > 0) recheckInMs = Math.min(recheckInMs ?? waitMs, waitMs);
  }
  return {
    status: {
      observedGeneration: set.metadata?.generation ?? 0,
      replicas: created.length,
      // Upstream leaves these out if zero (omitempty), and the others never.
      ...(readyReplicas > 0 ? { readyReplicas } : {}),
      ...(currentReplicas > 0 ? { currentReplicas } : {}),
      ...(updatedReplicas > 0 ? { updatedReplicas } : {}),
      ...(currentRevision === "" ? {} : { currentRevision }),
      ...(updateRevision === "" ? {} : { updateRevision }),
      collisionCount,
      availableReplicas,
    },
    recheckInMs,
  };
}

/** What makes the status worth writing; conditions, which others may have set, are left alone until then, as upstream does. */
export function statusChanged(before: Partial<StatefulSetStatus> | undefined, next: StatefulSetStatus): boolean {
  if ((next.observedGeneration ?? 0) > (before?.observedGeneration ?? 0)) return true;
  const names = ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] as const;
  if (names.some((name) => (next[name] ?? 0) !== (before?.[name] ?? 0))) return true;
  return next.currentRevision !== before?.currentRevision || next.updateRevision !== before?.updateRevision;
}
