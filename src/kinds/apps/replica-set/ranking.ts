// Which pods go first when there are too many. Pure. The order is upstream's ActivePodsWithRanks
// (pkg/controller/controller_utils.go).

import type { ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import { isPodReady, readySince } from "#kinds/core/pod/state.ts";
import type { DeepReadonly } from "#meta/object.ts";

type AnyPod = DeepReadonly<Pod>;

const DELETION_COST_ANNOTATION = "controller.kubernetes.io/pod-deletion-cost";
const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * The `count` pods to delete, the most dispensable first. `related` are all pods of the same owner's owner: a node that
 * holds many of them gives one up first.
 */
export function podsToDelete(pods: readonly AnyPod[], related: readonly AnyPod[], count: number, nowMs: number): AnyPod[] {
  if (count >= pods.length) return [...pods];
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName;
    if (node) perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const rankOf = (pod: AnyPod) => perNode.get(pod.spec?.nodeName ?? "") ?? 0;
  return pods.toSorted((a, b) => compare(a, b, rankOf, nowMs)).slice(0, count);
}

/** Negative: a goes before b. */
function compare(a: AnyPod, b: AnyPod, rankOf: (pod: AnyPod) => number, nowMs: number): number {
  return (
    Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
    phaseOrder(a) - phaseOrder(b) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    rankOf(b) - rankOf(a) ||
    byAge(a, b, readySince, nowMs) ||
    restarts(b.status?.containerStatuses) - restarts(a.status?.containerStatuses) ||
    restarts(sidecarStatuses(b)) - restarts(sidecarStatuses(a)) ||
    byAge(a, b, createdAt, nowMs)
  );
}

function phaseOrder(pod: AnyPod): number {
  return PHASE_ORDER[pod.status?.phase ?? "Pending"] ?? 2;
}

function deletionCost(pod: AnyPod): number {
  const text = pod.metadata?.annotations?.[DELETION_COST_ANNOTATION];
  return text !== undefined && /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : 0;
}

function restarts(statuses: DeepReadonly<ContainerStatus[]> | undefined): number {
  let most = 0;
  for (const status of statuses ?? []) most = Math.max(most, status.restartCount);
  return most;
}

function sidecarStatuses({ spec, status }: AnyPod): DeepReadonly<ContainerStatus[]> | undefined {
  const isSidecar = (name: string) =>
    spec?.initContainers?.some((container) => container.name === name && container.restartPolicy === "Always");
  return status?.initContainerStatuses?.filter(({ name }) => isSidecar(name));
}

function createdAt(pod: AnyPod): number | undefined {
  const text = pod.metadata?.creationTimestamp;
  return text === undefined ? undefined : Date.parse(text);
}

/** Younger first, by magnitude of age: among pods of about the same age the choice falls by uid, so that it is spread. */
function byAge(a: AnyPod, b: AnyPod, timeOf: (pod: AnyPod) => number | undefined, nowMs: number): number {
  const [first, second] = [timeOf(a) ?? Number.NaN, timeOf(b) ?? Number.NaN];
  if (Object.is(first, second)) return 0;
  // Who has no time at all goes first.
  if (Number.isNaN(first) || Number.isNaN(second)) return Number.isNaN(first) ? -1 : 1;
  return magnitude(nowMs - first) - magnitude(nowMs - second) || ((a.metadata?.uid ?? "") < (b.metadata?.uid ?? "") ? -1 : 1);
}

function magnitude(ageMs: number): number {
  return ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6));
}
