import type { Plugin } from "../framework.ts";

/** A pod with gates is not considered until they are gone. */
export const schedulingGates: Plugin = {
  name: "SchedulingGates",
  preEnqueue: ({ pod }) => {
    const gates = pod.spec?.schedulingGates ?? [];
    return gates.length === 0 ? undefined : `waiting for scheduling gates: [${gates.map(({ name }) => name).join(" ")}]`;
  },
  events: [{ resource: "Pod", actions: ["gatesEliminated"], helps: (pod, _, after) => after?.metadata?.uid === pod.uid }],
};
