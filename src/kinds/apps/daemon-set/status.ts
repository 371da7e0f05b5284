// The status of a DaemonSet, from its nodes and pods. Pure. Rules: pkg/controller/daemon/daemon_controller.go.

import type { DaemonSetStatus } from "#kinds/api/apps-v1.gen.ts";
import { availableInMs, isPodReady } from "#kinds/core/pod/state.ts";
import { isUpdated, oldestFirst } from "./pods.ts";
import type { View } from "./plan.ts";

export interface Observation {
  readonly status: DaemonSetStatus;
  /** When a ready pod will count as available; undefined if none waits. */
  readonly recheckInMs: number | undefined;
}

export function observe(view: View, collisionCount: number | undefined): Observation {
  const { set, hash, now } = view;
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  let desiredNumberScheduled = 0;
  let currentNumberScheduled = 0;
  let numberMisscheduled = 0;
  let numberReady = 0;
  let numberAvailable = 0;
  let updatedNumberScheduled = 0;
  let recheckInMs: number | undefined;
  for (const [nodeName, { fit }] of view.nodes) {
    // Of several on a node, the oldest counts.
    const pods = view.podsByNode.get(nodeName);
    const pod = pods && pods.length > 1 ? pods.toSorted(oldestFirst)[0] : pods?.[0];
    if (!fit.run) {
      if (pod) numberMisscheduled++;
      continue;
    }
    desiredNumberScheduled++;
    if (!pod) continue;
    currentNumberScheduled++;
    if (isUpdated(set, pod, hash)) updatedNumberScheduled++;
    if (!isPodReady(pod)) continue;
    numberReady++;
    if (availableInMs(pod, minReadySeconds, now) === 0) numberAvailable++;
  }
  // The pod that becomes available need not be the one that counts: a surge waits for it too.
  for (const pods of minReadySeconds > 0 ? view.podsByNode.values() : []) {
    for (const pod of pods) {
      const waitMs = availableInMs(pod, minReadySeconds, now) ?? 0;
      if (waitMs > 0) recheckInMs = Math.min(recheckInMs ?? waitMs, waitMs);
    }
  }
  const numberUnavailable = desiredNumberScheduled - numberAvailable;
  const conditions = set.status?.conditions as DaemonSetStatus["conditions"]; // only sent, not changed
  return {
    status: {
      currentNumberScheduled,
      numberMisscheduled,
      desiredNumberScheduled,
      numberReady,
      observedGeneration: set.metadata?.generation ?? 0,
      // Upstream leaves zeros out (omitempty).
      ...(updatedNumberScheduled > 0 ? { updatedNumberScheduled } : {}),
      ...(numberAvailable > 0 ? { numberAvailable } : {}),
      ...(numberUnavailable > 0 ? { numberUnavailable } : {}),
      ...(collisionCount === undefined ? {} : { collisionCount }),
      ...(conditions ? { conditions } : {}),
    },
    recheckInMs,
  };
}
