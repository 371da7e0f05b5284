// Between autoscaling/v1 and the stored v2. What v1 has no field for travels in annotations, so that nothing is lost.

import type { HorizontalPodAutoscaler as V1 } from "#kinds/api/autoscaling-v1.gen.ts";
import type {
  HorizontalPodAutoscaler as V2,
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
} from "#kinds/api/autoscaling-v2.gen.ts";
import { clone } from "#lib/clone.ts";
import type { DeepReadonly } from "#meta/object.ts";

const METRICS = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior";
const CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions";
const ALL = [METRICS, BEHAVIOR, CURRENT, CONDITIONS];

function read(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isCpu = (metric: DeepReadonly<MetricSpec>): boolean =>
  metric.type === "Resource" && metric.resource?.name === "cpu" && metric.resource.target.averageUtilization !== undefined;

export function toStoredAutoscaler(object: DeepReadonly<V1>): V2 {
  const { spec, status, ...rest } = clone(object);
  const annotations = rest.metadata?.annotations ?? {};
  const stored: Partial<V2> = { ...rest, apiVersion: "autoscaling/v2" };
  if (spec) {
    const { targetCPUUtilizationPercentage: cpu, ...common } = spec;
    const next: HorizontalPodAutoscalerSpec = common;
    // The annotations hold v2's own form: fromStoredAutoscaler wrote them.
    const metrics = (read(annotations[METRICS]) ?? []) as MetricSpec[];
    if (cpu !== undefined) {
      metrics.unshift({ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpu } } });
    }
    if (metrics.length > 0) next.metrics = metrics;
    const behavior = read(annotations[BEHAVIOR]) as HorizontalPodAutoscalerSpec["behavior"]; // likewise
    if (behavior) next.behavior = behavior;
    stored.spec = next;
  }
  if (status) {
    const { currentCPUUtilizationPercentage: cpu, ...common } = status;
    const next: HorizontalPodAutoscalerStatus = { ...common };
    const current = (read(annotations[CURRENT]) ?? []) as NonNullable<HorizontalPodAutoscalerStatus["currentMetrics"]>; // likewise
    if (cpu !== undefined) current.unshift({ type: "Resource", resource: { name: "cpu", current: { averageUtilization: cpu } } });
    next.currentMetrics = current;
    const conditions = read(annotations[CONDITIONS]) as HorizontalPodAutoscalerStatus["conditions"]; // likewise
    if (conditions) next.conditions = conditions;
    stored.status = next;
  }
  if (stored.metadata?.annotations) {
    for (const name of ALL) delete stored.metadata.annotations[name];
    if (Object.keys(stored.metadata.annotations).length === 0) delete stored.metadata.annotations;
  }
  return stored as V2; // one without a spec is refused by validation
}

export function fromStoredAutoscaler(object: DeepReadonly<V2>): V1 {
  const { spec, status, ...rest } = clone(object);
  const served: Partial<V1> = { ...rest, apiVersion: "autoscaling/v1" };
  const annotate = (name: string, value: readonly unknown[] | object | undefined) => {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
    const metadata = (served.metadata ??= {});
    metadata.annotations = { ...metadata.annotations, [name]: JSON.stringify(value) };
  };
  if (spec) {
    const { metrics = [], behavior, ...common } = spec;
    const index = metrics.findIndex(isCpu);
    const cpu = metrics[index]?.resource?.target.averageUtilization;
    served.spec = { ...common, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) };
    annotate(METRICS, metrics.toSpliced(index, index < 0 ? 0 : 1));
    annotate(BEHAVIOR, behavior);
  }
  if (status) {
    const { currentMetrics = [], conditions, currentReplicas = 0, ...common } = status;
    const index = currentMetrics.findIndex((metric) => metric.type === "Resource" && metric.resource?.name === "cpu");
    const cpu = currentMetrics[index]?.resource?.current.averageUtilization;
    served.status = { ...common, currentReplicas, ...(cpu === undefined ? {} : { currentCPUUtilizationPercentage: cpu }) };
    annotate(CURRENT, cpu === undefined ? currentMetrics : currentMetrics.toSpliced(index, 1));
    annotate(CONDITIONS, conditions);
  }
  return served as V1; // likewise
}
