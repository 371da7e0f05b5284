import { normalizeByMax, type Plugin } from "../framework.ts";
import { matchesTerm, podAllowsNode } from "../node-selection.ts";

/** nodeSelector and node affinity, required and preferred. */
export const nodeAffinity: Plugin = {
  name: "NodeAffinity",
  weight: 2,
  prepare: (pod) => {
    const affinity = pod.spec?.affinity?.nodeAffinity;
    const required = pod.spec?.nodeSelector !== undefined || affinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined;
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (!required && preferred.length === 0) return undefined;
    return {
      ...(required
        ? {
            filter: ({ node }) =>
              podAllowsNode(pod, node) ? undefined : { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true },
          }
        : {}),
      ...(preferred.length > 0
        ? {
            score: ({ node }) => preferred.reduce((sum, { preference, weight }) => sum + (matchesTerm(preference, node) ? weight : 0), 0),
            normalize: (scores: number[]) => normalizeByMax(scores, false),
          }
        : {}),
    };
  },
};
