// Parts of a pod's status that the server itself sets.

import type { Pod, PodCondition } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** The condition of a new pod that schedulers must leave alone. */
export function schedulingGated(): PodCondition {
  return {
    type: "PodScheduled",
    status: "False",
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
  };
}

/** Writers that know nothing of observedGeneration must not reset it. */
export function preserveObservedGeneration(next: Pod, previous: DeepReadonly<Pod>): void {
  if (!next.status) return;
  const before = previous.status?.observedGeneration;
  if (!next.status.observedGeneration && before) next.status.observedGeneration = before;
  for (const condition of next.status.conditions ?? []) {
    const old = previous.status?.conditions?.find((each) => each.type === condition.type)?.observedGeneration;
    if (!condition.observedGeneration && old) condition.observedGeneration = old;
  }
}
