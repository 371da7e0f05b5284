import type { Plugin } from "../framework.ts";
import { tolerates } from "../tolerations.ts";

const TAINT = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** Keeps pods off cordoned nodes, unless they tolerate it. */
export const nodeUnschedulable: Plugin = {
  name: "NodeUnschedulable",
  weight: 0,
  prepare: (pod) => {
    if (pod.spec?.tolerations?.some((toleration) => tolerates(toleration, TAINT))) return undefined;
    return {
      filter: ({ node }) =>
        node.spec?.unschedulable === true ? { reasons: ["node(s) were unschedulable"], unresolvable: true } : undefined,
    };
  },
};
