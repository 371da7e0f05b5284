// Status conditions: found by type, changed without losing when they last changed.

import { equal } from "#lib/equal.ts";

/** What all condition types share. Kinds may add fields (lastProbeTime, lastUpdateTime, observedGeneration). */
export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}

/** The condition of this type, if there is one. */
export function getCondition<C extends { readonly type: string }>(conditions: readonly C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition of this type has status True. */
export function isConditionTrue(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined,
  type: string,
): boolean {
  return getCondition(conditions, type)?.status === "True";
}

/**
 * The list with `next` in place of the condition of its type, or added at the end. lastTransitionTime is kept while the
 * status stays the same, else it is the one of `next`, else `now` (RFC 3339). Returns the very same list if nothing
 * changes; never changes the list it is given.
 */
export function setCondition<C extends Condition>(conditions: readonly C[] | undefined, next: NoInfer<C>, now: string): C[] {
  const list = (conditions ?? []) as C[]; // returned as it is or copied, never changed here
  const index = list.findIndex((condition) => condition.type === next.type);
  const previous = list[index];
  const kept = previous?.status === next.status ? previous.lastTransitionTime : undefined;
  const condition: C = { ...next, lastTransitionTime: kept ?? next.lastTransitionTime ?? now };
  if (previous === undefined) return [...list, condition];
  return equal(previous, condition) ? list : list.with(index, condition);
}

/** The list without the condition of this type; the same list if it has none. */
export function removeCondition<C extends { readonly type: string }>(conditions: readonly C[] | undefined, type: string): C[] {
  const list = (conditions ?? []) as C[]; // returned as it is or copied, never changed here
  return list.some((condition) => condition.type === type) ? list.filter((condition) => condition.type !== type) : list;
}
