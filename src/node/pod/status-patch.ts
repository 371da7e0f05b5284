// The difference between two statuses as a strategic merge patch that leaves what others own alone.

import type { PodCondition, PodStatus } from "#kinds/api/core-v1.gen.ts";
import { equal } from "#lib/equal.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { PodObject } from "./pod-view.ts";

/** Fields that this agent writes; all others of the status are somebody else's. */
const OWNED = [
  "observedGeneration",
  "phase",
  "reason",
  "message",
  "startTime",
  "hostIP",
  "hostIPs",
  "podIP",
  "podIPs",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
] as const satisfies readonly (keyof PodStatus)[];

/** The patch that makes `pod`'s status `wanted`, or undefined if it is so already. The uid makes sure it is the same pod. */
export function statusPatch(pod: PodObject, wanted: PodStatus): object | undefined {
  const current: DeepReadonly<PodStatus> = pod.status ?? {};
  const status: Record<string, unknown> = {};
  for (const field of OWNED) {
    const [before, after] = [current[field], wanted[field]];
    if (equal(before, after)) continue;
    // Address lists merge by address; others are replaced whole by the server.
    const replaces = (field === "hostIPs" || field === "podIPs") && before !== undefined && Array.isArray(after);
    status[field] = after === undefined ? null : replaces ? [{ $patch: "replace" }, ...(after as object[])] : after;
  }
  const conditions = (wanted.conditions ?? []).flatMap((condition) => conditionPatch(current.conditions, condition));
  if (conditions.length > 0) status["conditions"] = conditions;
  return Object.keys(status).length === 0 ? undefined : { metadata: { uid: pod.metadata?.uid }, status };
}

function conditionPatch(current: DeepReadonly<PodCondition[]> | undefined, wanted: PodCondition): object[] {
  const before = current?.find((condition) => condition.type === wanted.type);
  if (before === undefined) return [wanted];
  // Deletions have to be said; lastProbeTime is never ours.
  const { lastProbeTime: _, ...known } = before;
  if (equal(known, wanted)) return [];
  return [
    { ...(known.reason === undefined ? {} : { reason: null }), ...(known.message === undefined ? {} : { message: null }), ...wanted },
  ];
}
