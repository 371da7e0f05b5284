// Questions that controllers, the scheduler and the proxies ask of a pod. Pure.

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";

type AnyPod = DeepReadonly<Pod>;

/** Condition Ready is True. */
export function isPodReady(pod: AnyPod): boolean {
  return getCondition(pod.status?.conditions, "Ready")?.status === "True";
}

/** When the pod became ready (ms since the epoch; NaN if it does not say); undefined if it is not. */
export function readySince(pod: AnyPod): number | undefined {
  const ready = getCondition(pod.status?.conditions, "Ready");
  return ready?.status === "True" ? Date.parse(ready.lastTransitionTime ?? "") : undefined;
}

/** Ended for good: phase Succeeded or Failed. */
export function isTerminal(pod: AnyPod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Counts towards a controller's replicas: neither ended nor being deleted. */
export function isActive(pod: AnyPod): boolean {
  return !isTerminal(pod) && pod.metadata?.deletionTimestamp === undefined;
}

/** Milliseconds until a ready pod has been ready for `minReadySeconds`; 0: it is available; undefined: nobody can tell, or it is not ready. */
export function availableInMs(pod: AnyPod, minReadySeconds: number, nowMs: number): number | undefined {
  const since = readySince(pod);
  if (since === undefined) return undefined;
  if (minReadySeconds === 0) return 0;
  return Number.isNaN(since) ? undefined : Math.max(0, since + minReadySeconds * 1000 - nowMs);
}
