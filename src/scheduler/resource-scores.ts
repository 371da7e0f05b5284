// How well a node's use of its resources pleases a strategy. Pure. Rules: kube-scheduler plugins/noderesources.

import { MAX_SCORE, type NodeInfo } from "./framework.ts";

export interface ResourceSpec {
  readonly name: string;
  readonly weight: number;
}

export interface ShapePoint {
  /** Percent. */
  readonly utilization: number;
  /** 0 to 10. */
  readonly score: number;
}

export interface ScoringStrategy {
  readonly type: "LeastAllocated" | "MostAllocated" | "RequestedToCapacityRatio";
  readonly resources: readonly ResourceSpec[];
  readonly requestedToCapacityRatio?: { readonly shape: readonly ShapePoint[] };
}

/** Of what would be requested and what there is, by the strategy's resources; those the node does not have are 0. */
export type UsageScore = (requested: Float64Array, allocatable: Float64Array) => number;

const MAX_SHAPE_SCORE = 10;

export function scorerOf(strategy: ScoringStrategy): UsageScore {
  const { resources } = strategy;
  switch (strategy.type) {
    case "LeastAllocated":
      return weighted(resources, (requested, total) => (requested > total ? 0 : Math.floor(((total - requested) * MAX_SCORE) / total)));
    case "MostAllocated":
      return weighted(resources, (requested, total) => Math.floor((Math.min(requested, total) * MAX_SCORE) / total));
    case "RequestedToCapacityRatio":
      return byShape(resources, strategy.requestedToCapacityRatio?.shape ?? []);
  }
}

function weighted(resources: readonly ResourceSpec[], one: (requested: number, total: number) => number): UsageScore {
  return (requested, allocatable) => {
    let sum = 0;
    let weights = 0;
    for (let position = 0; position < resources.length; position++) {
      const total = allocatable[position] ?? 0;
      if (total === 0) continue;
      const weight = resources[position]?.weight ?? 0;
      sum += one(requested[position] ?? 0, total) * weight;
      weights += weight;
    }
    return weights === 0 ? 0 : Math.floor(sum / weights);
  };
}

/** Resources that score nothing do not weigh, either. */
function byShape(resources: readonly ResourceSpec[], shape: readonly ShapePoint[]): UsageScore {
  const points = shape.map(({ utilization, score }) => ({ utilization, score: score * (MAX_SCORE / MAX_SHAPE_SCORE) }));
  return (requested, allocatable) => {
    let sum = 0;
    let weights = 0;
    for (let position = 0; position < resources.length; position++) {
      const total = allocatable[position] ?? 0;
      if (total === 0) continue;
      const wanted = requested[position] ?? 0;
      const score = onShape(points, wanted > total ? 100 : Math.floor((wanted * 100) / total));
      if (score <= 0) continue;
      const weight = resources[position]?.weight ?? 0;
      sum += score * weight;
      weights += weight;
    }
    return weights === 0 ? 0 : Math.round(sum / weights);
  };
}

/** Straight lines between the points, level outside of them; in whole numbers, as upstream. */
function onShape(points: readonly ShapePoint[], utilization: number): number {
  let before: ShapePoint | undefined;
  for (const point of points) {
    if (utilization <= point.utilization) {
      if (!before) return point.score;
      const rise = (point.score - before.score) * (utilization - before.utilization);
      return before.score + Math.trunc(rise / (point.utilization - before.utilization));
    }
    before = point;
  }
  return before?.score ?? 0;
}

/** Fills in what there is of each resource and what would be requested with the pod. `standIns`: count pods that ask for nothing. */
export function usageOf(
  info: NodeInfo,
  resources: readonly ResourceSpec[],
  wanted: readonly number[],
  standIns: boolean,
  allocatable: Float64Array,
  requested: Float64Array,
): void {
  for (let position = 0; position < resources.length; position++) {
    const name = resources[position]?.name ?? "";
    const more = wanted[position] ?? 0;
    if (name === "cpu") {
      allocatable[position] = info.allocatableCpu;
      requested[position] = (standIns ? info.nonZeroCpu : info.requestedCpu) + more;
    } else if (name === "memory") {
      allocatable[position] = info.allocatableMemory;
      requested[position] = (standIns ? info.nonZeroMemory : info.requestedMemory) + more;
    } else {
      // What the pod does not ask for is left out, or nodes with such resources would be favoured.
      const counts = more > 0 || name === "ephemeral-storage";
      allocatable[position] = counts ? (info.allocatable.get(name) ?? 0) : 0;
      requested[position] = counts ? (info.requested.get(name) ?? 0) + more : 0;
    }
  }
}
