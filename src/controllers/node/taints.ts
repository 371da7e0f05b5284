// Which taints a node should carry, and how long a pod may stay on a tainted node. Pure.

import type { Node, Taint, Toleration } from "#kinds/api/core-v1.gen.ts";
import { tolerates } from "#kinds/core/node/placement.ts";
import { getCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";

export const NOT_READY = "node.kubernetes.io/not-ready";
export const UNREACHABLE = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE = "node.kubernetes.io/unschedulable";

/** Conditions that keep new pods away: the taint for each status. */
const BY_CONDITION: readonly (readonly [type: string, status: string, key: string])[] = [
  ["Ready", "False", NOT_READY],
  ["Ready", "Unknown", UNREACHABLE],
  ["MemoryPressure", "True", "node.kubernetes.io/memory-pressure"],
  ["DiskPressure", "True", "node.kubernetes.io/disk-pressure"],
  ["NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"],
  ["PIDPressure", "True", "node.kubernetes.io/pid-pressure"],
];
const OWN_NO_SCHEDULE: ReadonlySet<string> = new Set([...BY_CONDITION.map(([, , key]) => key), UNSCHEDULABLE]);

/** The NoExecute taint that the node's Ready condition calls for, if any. */
export function noExecuteKey(node: DeepReadonly<Node>): string | undefined {
  const status = getCondition(node.status?.conditions, "Ready")?.status;
  return status === "False" ? NOT_READY : status === "Unknown" ? UNREACHABLE : undefined;
}

/**
 * The node's taints as they should be; the very same list if nothing is to change. Taints of others are kept. `noExecute` is the key
 * of the one NoExecute taint of ours it should have; undefined: none. `now` is RFC 3339.
 */
export function taintsOf(node: DeepReadonly<Node>, noExecute: string | undefined, now: string): readonly DeepReadonly<Taint>[] {
  const current = node.spec?.taints ?? [];
  const wanted: Taint[] = [];
  for (const [type, status, key] of BY_CONDITION) {
    if (getCondition(node.status?.conditions, type)?.status === status) wanted.push({ key, effect: "NoSchedule" });
  }
  if (node.spec?.unschedulable) wanted.push({ key: UNSCHEDULABLE, effect: "NoSchedule" });
  if (noExecute !== undefined) wanted.push({ key: noExecute, effect: "NoExecute" });

  const same = (a: DeepReadonly<Taint>, b: DeepReadonly<Taint>) => a.key === b.key && a.effect === b.effect;
  const ours = ({ key, effect }: DeepReadonly<Taint>) =>
    effect === "NoExecute" ? key === NOT_READY || key === UNREACHABLE : effect === "NoSchedule" && OWN_NO_SCHEDULE.has(key);
  const kept = current.filter((taint) => !ours(taint) || wanted.some((other) => same(taint, other)));
  const added = wanted.filter((taint) => !current.some((other) => same(taint, other))).map((taint) => ({ ...taint, timeAdded: now }));
  return added.length === 0 && kept.length === current.length ? current : [...kept, ...added];
}

/**
 * When a pod has to leave: `now` at once, a number the moment (ms since the epoch), `never`. A pod that tolerates all NoExecute taints
 * may stay for the shortest time that one of the tolerations it needs allows, counted from the taint's timeAdded.
 */
export function evictionTime(
  taints: readonly DeepReadonly<Taint>[] | undefined,
  tolerations: readonly DeepReadonly<Toleration>[] | undefined,
  nowMs: number,
): "now" | "never" | number {
  let earliest = Infinity;
  for (const taint of taints ?? []) {
    if (taint.effect !== "NoExecute") continue;
    const used = tolerations?.filter((toleration) => tolerates(toleration, taint)) ?? [];
    if (used.length === 0) return "now";
    const since = taint.timeAdded === undefined ? nowMs : Date.parse(taint.timeAdded);
    for (const { tolerationSeconds } of used) {
      if (tolerationSeconds !== undefined && tolerationSeconds !== null)
        earliest = Math.min(earliest, since + Math.max(0, tolerationSeconds) * 1000);
    }
  }
  return earliest === Infinity ? "never" : earliest <= nowMs ? "now" : earliest;
}
