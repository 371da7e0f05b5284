import { MAX_SCORE, type Plugin } from "../framework.ts";
import { podRequestsNonZero } from "../resources.ts";

/** Prefers nodes whose cpu and memory would be used to about the same share. */
export const nodeResourcesBalanced: Plugin = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  prepare: (pod) => {
    const more = podRequestsNonZero(pod);
    return {
      score: ({ allocatable, requested }) => {
        const share = (name: string) => {
          const total = allocatable.get(name) ?? 0;
          return total === 0 ? 1 : Math.min(1, ((requested.get(name) ?? 0) + (more.get(name) ?? 0)) / total);
        };
        return Math.floor((1 - Math.abs(share("cpu") - share("memory")) / 2) * MAX_SCORE);
      },
    };
  },
};
