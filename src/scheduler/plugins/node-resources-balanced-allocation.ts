import { MAX_SCORE, type NodeInfo, type Plugin } from "../framework.ts";
import { type ResourceSpec, usageOf } from "../resource-scores.ts";

export interface NodeResourcesBalancedAllocationArgs {
  readonly resources: readonly ResourceSpec[];
}

/** Prefers nodes whose resources the pod would bring to about the same share of use. */
export function nodeResourcesBalancedAllocation({ resources }: NodeResourcesBalancedAllocationArgs): Plugin {
  const nothing = resources.map(() => 0);
  const plain = resources.length === 2 && resources[0]?.name === "cpu" && resources[1]?.name === "memory";
  return {
    name: "NodeResourcesBalancedAllocation",
    score: (pod) => {
      const wanted = resources.map(({ name }) => pod.requests.get(name) ?? 0);
      // A pod that asks for nothing leaves the balance as it is: it would go to the same best node every time.
      if (wanted.every((amount) => amount === 0)) return undefined;
      if (plain) return { score: (info) => cpuAgainstMemory(info, wanted[0] ?? 0, wanted[1] ?? 0) };
      const allocatable = new Float64Array(resources.length);
      const requested = new Float64Array(resources.length);
      return {
        score: (info) => {
          usageOf(info, resources, wanted, false, allocatable, requested);
          const balanceWith = balance(requested, allocatable);
          usageOf(info, resources, nothing, false, allocatable, requested);
          const balanceWithout = balance(requested, allocatable);
          return improvement(balanceWith, balanceWithout);
        },
      };
    },
  };
}

/** 50 for a pod that leaves the balance as it is. */
function improvement(balanceWith: number, balanceWithout: number): number {
  return MAX_SCORE / 2 + Math.trunc((MAX_SCORE / 2 + balanceWith - balanceWithout) / 2);
}

/** The default resources, by which thousands of nodes are scored for each pod. */
function cpuAgainstMemory(info: NodeInfo, cpu: number, memory: number): number {
  const { allocatableCpu, allocatableMemory, requestedCpu, requestedMemory } = info;
  if (allocatableCpu === 0 || allocatableMemory === 0) return improvement(MAX_SCORE, MAX_SCORE);
  const balanceOf = (cpuShare: number, memoryShare: number) =>
    Math.trunc((1 - Math.abs(Math.min(1, cpuShare) - Math.min(1, memoryShare)) / 2) * MAX_SCORE);
  const balanceWith = balanceOf((requestedCpu + cpu) / allocatableCpu, (requestedMemory + memory) / allocatableMemory);
  return improvement(balanceWith, balanceOf(requestedCpu / allocatableCpu, requestedMemory / allocatableMemory));
}

/** 100 less the standard deviation of the shares in use. */
function balance(requested: Float64Array, allocatable: Float64Array): number {
  let sum = 0;
  let counted = 0;
  for (let position = 0; position < requested.length; position++) {
    const total = allocatable[position] ?? 0;
    if (total === 0) continue;
    sum += Math.min(1, (requested[position] ?? 0) / total);
    counted++;
  }
  if (counted < 2) return MAX_SCORE;
  const mean = sum / counted;
  let squares = 0;
  for (let position = 0; position < requested.length; position++) {
    const total = allocatable[position] ?? 0;
    if (total !== 0) squares += (Math.min(1, (requested[position] ?? 0) / total) - mean) ** 2;
  }
  return Math.trunc((1 - Math.sqrt(squares / counted)) * MAX_SCORE);
}
