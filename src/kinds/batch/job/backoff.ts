// How long a Job waits before it replaces pods that failed. Pure. Rules: pkg/controller/job/backoff_utils.go.

import type { ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";

type AnyPod = DeepReadonly<Pod>;

const FIRST_MS = 10_000;
const LONGEST_MS = 600_000;

/** When the pod ended (ms since the epoch): its last container, else when it stopped being ready, else when its deletion began. */
export function finishedAt(pod: AnyPod): number {
  const { creationTimestamp = "", deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {};
  const ready = getCondition(pod.status?.conditions, "Ready");
  const unready = ready?.status === "False" && ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) : undefined;
  return (
    containersFinishedAt(pod) ??
    unready ??
    Date.parse(deletionTimestamp ?? creationTimestamp) - (deletionTimestamp === undefined ? 0 : deletionGracePeriodSeconds * 1000)
  );
}

/** Sidecars end after all others, so they are asked too. */
function containersFinishedAt(pod: AnyPod): number | undefined {
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name));
  const statuses: readonly DeepReadonly<ContainerStatus>[] = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ];
  let latest: number | undefined;
  for (const { state } of statuses) {
    const time = state?.terminated?.finishedAt;
    if (!time) return undefined;
    latest = Math.max(latest ?? 0, Date.parse(time));
  }
  return latest;
}

/**
 * Time until pods may be replaced: 10 s after a first failure, doubled with each further one since the last success. Upstream counts
 * these in memory; here they are read from the pods, so that a restart forgets nothing.
 */
export function backoffMs(succeeded: readonly AnyPod[], failed: readonly AnyPod[], nowMs: number): number {
  if (failed.length === 0) return 0;
  const lastSuccess = Math.max(...succeeded.map(finishedAt), -Infinity);
  const failures = failed.map(finishedAt).filter((time) => time > lastSuccess);
  return remainingMs(failures.length, Math.max(...failures), nowMs);
}

export function remainingMs(failures: number, lastFailureMs: number, nowMs: number): number {
  if (failures === 0) return 0;
  return Math.max(0, Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS) - (nowMs - lastFailureMs));
}
