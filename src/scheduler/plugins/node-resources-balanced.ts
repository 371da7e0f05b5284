import { MAX_SCORE, type Plugin } from "../framework.ts";
import { podRequests } from "../resources.ts";

/** Prefers nodes whose cpu and memory would be used to about the same share. */
export const nodeResourcesBalanced: Plugin = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  prepare: (pod) => {
    const more = podRequests(pod);
    const cpu = more.get("cpu") ?? 0;
    const memory = more.get("memory") ?? 0;
    // A pod that asks for neither leaves the balance as it is: it would go to the same best node every time.
    if (cpu === 0 && memory === 0) return undefined;
    return {
      score: ({ allocatable, requested }) => {
        const share = (name: string, amount: number) => {
          const total = allocatable.get(name) ?? 0;
          return total === 0 ? undefined : Math.min(1, ((requested.get(name) ?? 0) + amount) / total);
        };
        const cpuShare = share("cpu", cpu);
        const memoryShare = share("memory", memory);
        const deviation = cpuShare === undefined || memoryShare === undefined ? 0 : Math.abs(cpuShare - memoryShare) / 2;
        return Math.floor((1 - deviation) * MAX_SCORE);
      },
    };
  },
};
