// Between autoscaling/v1 and the stored v2. What v1 has no field for travels in annotations, so that nothing is lost.

import type { HorizontalPodAutoscaler as V1 } from "#kinds/api/autoscaling-v1.gen.ts";
import type {
  HorizontalPodAutoscaler as V2,
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
} from "#kinds/api/autoscaling-v2.gen.ts";
import { clone } from "#lib/clone.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import {
  BEHAVIOR,
  CONDITIONS,
  CURRENT,
  METRICS,
  readBehavior,
  readConditions,
  readCurrent,
  readMetrics,
  ROUND_TRIP,
  writeBehavior,
  writeConditions,
  writeCurrent,
  writeMetrics,
} from "./annotations.ts";
import { defaultBehavior } from "./metrics.ts";

const DEFAULT_CPU_PERCENT = 80;

export const cpuMetric = (averageUtilization: number = DEFAULT_CPU_PERCENT): MetricSpec => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});

const isCpu = (metric: DeepReadonly<MetricSpec>): boolean =>
  metric.type === "Resource" && metric.resource?.name === "cpu" && metric.resource.target?.averageUtilization !== undefined;

/** Annotations that stand for fields of v2 never stay with it. */
export function dropRoundTrip({ metadata }: KubeObject): void {
  if (!metadata?.annotations) return;
  for (const name of ROUND_TRIP) delete metadata.annotations[name];
  if (Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
}

export function toStoredAutoscaler(object: DeepReadonly<V1>): V2 {
  const { spec, status, ...rest } = clone(object);
  const annotations = rest.metadata?.annotations ?? {};
  const stored: Partial<V2> = { ...rest, apiVersion: "autoscaling/v2" };
  if (spec) {
    const { targetCPUUtilizationPercentage: cpu, ...common } = spec;
    const next: HorizontalPodAutoscalerSpec = common;
    const metrics = readMetrics(annotations[METRICS]) ?? [];
    if (cpu !== undefined) metrics.push(cpuMetric(cpu));
    next.metrics = metrics.length > 0 ? metrics : [cpuMetric()];
    const behavior = readBehavior(annotations[BEHAVIOR]);
    if (behavior) {
      // Upstream's read of what is stored would.
      defaultBehavior(behavior);
      next.behavior = behavior;
    }
    stored.spec = next;
  }
  if (status) {
    const { currentCPUUtilizationPercentage: cpu, ...common } = status;
    const next: HorizontalPodAutoscalerStatus = { ...common };
    const current = readCurrent(annotations[CURRENT]);
    if (current) next.currentMetrics = current;
    else if (cpu !== undefined) {
      next.currentMetrics = [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: cpu } } }];
    }
    const conditions = readConditions(annotations[CONDITIONS]);
    if (conditions && conditions.length > 0) next.conditions = conditions;
    stored.status = next;
  }
  dropRoundTrip(stored);
  return stored as V2; // one without a spec is refused by validation
}

export function fromStoredAutoscaler(object: DeepReadonly<V2>): V1 {
  const { spec, status, ...rest } = clone(object);
  const served: Partial<V1> = { ...rest, apiVersion: "autoscaling/v1" };
  dropRoundTrip(served);
  const annotate = (name: string, value: string) => {
    const metadata = (served.metadata ??= {});
    metadata.annotations = { ...metadata.annotations, [name]: value };
  };
  if (spec) {
    const { metrics, behavior, ...common } = spec;
    const cpu = metrics?.find(isCpu)?.resource?.target.averageUtilization;
    served.spec = { ...common, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) };
    const others = metrics?.filter((metric) => !isCpu(metric)) ?? [];
    if (others.length > 0) annotate(METRICS, writeMetrics(others));
    if (behavior) annotate(BEHAVIOR, writeBehavior(behavior));
  }
  if (status) {
    const { currentMetrics, conditions, currentReplicas = 0, ...common } = status;
    // The raw value beside the percentage would be lost, so that this metric is in the annotation as well.
    const cpu = currentMetrics?.findLast(
      (metric) =>
        metric.type === "Resource" && metric.resource?.name === "cpu" && metric.resource.current?.averageUtilization !== undefined,
    )?.resource?.current.averageUtilization;
    served.status = { ...common, currentReplicas, ...(cpu === undefined ? {} : { currentCPUUtilizationPercentage: cpu }) };
    if (currentMetrics && currentMetrics.length > 0) annotate(CURRENT, writeCurrent(currentMetrics));
    if (conditions && conditions.length > 0) annotate(CONDITIONS, writeConditions(conditions));
  }
  return served as V1; // likewise
}
