import { type AnyNode, type AnyPod, normalizeByMax, type Plugin, type Refusal } from "../framework.ts";
import { tolerates, untolerated } from "../tolerations.ts";

const TAINTED: Refusal = { reasons: ["node(s) had untolerated taint(s)"], unresolvable: true };
const HARD = ["NoSchedule", "NoExecute"];

const keepsAway = (node: AnyNode, pod: AnyPod) =>
  node.spec?.taints !== undefined && untolerated(node, pod.spec?.tolerations, HARD) !== undefined;

/** Keeps pods off nodes with taints they do not tolerate, and prefers nodes with fewer PreferNoSchedule taints of that sort. */
export const taintToleration: Plugin = {
  name: "TaintToleration",
  filter: ({ pod }, snapshot) => (snapshot.anyTainted ? { check: ({ node }) => (keepsAway(node, pod) ? TAINTED : undefined) } : undefined),
  score: ({ pod }, { anySoftlyTainted }) => {
    if (!anySoftlyTainted) return undefined;
    const soft = pod.spec?.tolerations?.filter(({ effect }) => !effect || effect === "PreferNoSchedule") ?? [];
    return {
      score: ({ node }) =>
        node.spec?.taints?.filter(
          (taint) => taint.effect === "PreferNoSchedule" && !soft.some((toleration) => tolerates(toleration, taint)),
        ).length ?? 0,
      normalize: (scores) => normalizeByMax(scores, true),
    };
  },
  events: [
    {
      resource: "Node",
      actions: ["add", "taints"],
      helps: ({ pod }, before, after) => after !== undefined && !keepsAway(after, pod) && (before === undefined || keepsAway(before, pod)),
    },
    { resource: "Pod", actions: ["tolerations"], helps: (pod, _, after) => after?.metadata?.uid === pod.uid },
  ],
};
