// The two priority classes every cluster has.

import type { ServerExtension } from "#apiserver/extension.ts";
import { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { type DeepReadonly, keyOf } from "#meta/object.ts";

const systemClass = (name: string, value: number, description: string): PriorityClass => ({
  apiVersion: "scheduling.k8s.io/v1",
  kind: "PriorityClass",
  metadata: { name },
  value,
  preemptionPolicy: "PreemptLowerPriority",
  description,
});

export const SYSTEM_PRIORITY_CLASSES: readonly DeepReadonly<PriorityClass>[] = [
  systemClass("system-node-critical", 2_000_001_000, "Used for system critical pods that must not be moved from their current node."),
  systemClass(
    "system-cluster-critical",
    2_000_000_000,
    "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  ),
];

/** Stores them once the server answers; until then the Priority plugin knows them by heart. */
export const systemPriorityClasses: ServerExtension = {
  name: "system-priority-classes",
  start: ({ registry }) =>
    Promise.resolve({
      async afterStart() {
        for (const wanted of SYSTEM_PRIORITY_CLASSES) {
          if (await registry.get(PriorityClass, keyOf(wanted))) continue;
          try {
            await registry.create(PriorityClass, clone(wanted));
          } catch (error) {
            // Another server on the same store was first.
            if (!isAlreadyExists(error)) throw error;
          }
        }
      },
    }),
};
