import { normalizeByMax, type Plugin } from "../framework.ts";
import { tolerates, untolerated } from "../tolerations.ts";

/** Keeps pods off nodes with taints they do not tolerate, and prefers nodes with fewer PreferNoSchedule taints of that sort. */
export const taintToleration: Plugin = {
  name: "TaintToleration",
  weight: 3,
  prepare: (pod) => {
    const tolerations = pod.spec?.tolerations;
    const soft = tolerations?.filter((toleration) => !toleration.effect || toleration.effect === "PreferNoSchedule") ?? [];
    return {
      filter: ({ node }) => {
        if (!node.spec?.taints) return undefined;
        const taint = untolerated(node, tolerations, ["NoSchedule", "NoExecute"]);
        return taint && { reasons: ["node(s) had untolerated taint(s)"], unresolvable: true };
      },
      score: ({ node }) =>
        node.spec?.taints?.filter(
          (taint) => taint.effect === "PreferNoSchedule" && !soft.some((toleration) => tolerates(toleration, taint)),
        ).length ?? 0,
      normalize: (scores) => normalizeByMax(scores, true),
    };
  },
};
