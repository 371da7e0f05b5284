// Metrics of autoscalers in one cell, and the defaults of how fast they scale.

import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerBehavior,
  HPAScalingRules,
  MetricTarget,
  MetricValueStatus,
} from "#kinds/api/autoscaling-v2.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MAX_SHOWN = 2;

type Current = DeepReadonly<MetricValueStatus> | undefined;
type Target = DeepReadonly<MetricTarget> | undefined;

/** `cpu: 12%/80%, 3/10 (avg)`: what is measured now of what is wanted. */
export function metricsCell({ spec, status }: DeepReadonly<HorizontalPodAutoscaler>): string {
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return "<none>";
  const cells = metrics.map((metric, index) => {
    const now = status?.currentMetrics?.[index];
    switch (metric.type) {
      case "External":
        return valueCell(metric.external?.target, now?.external?.current);
      case "Object":
        return valueCell(metric.object?.target, now?.object?.current);
      case "Pods":
        return `${now?.pods?.current?.averageValue ?? "<unknown>"}/${metric.pods?.target.averageValue ?? "0"}`;
      case "Resource":
        return `${metric.resource?.name ?? ""}: ${resourceCell(metric.resource?.target, now?.resource?.current)}`;
      case "ContainerResource":
        return `${metric.containerResource?.name ?? ""}: ${resourceCell(metric.containerResource?.target, now?.containerResource?.current)}`;
      default:
        return "<unknown type>";
    }
  });
  const shown = cells.slice(0, MAX_SHOWN).join(", ");
  return cells.length > MAX_SHOWN ? `${shown} + ${cells.length - MAX_SHOWN} more...` : shown;
}

function valueCell(target: Target, current: Current): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? "<unknown>"}/${target.averageValue} (avg)`;
  return `${current?.value ?? "<unknown>"}/${target?.value ?? "0"}`;
}

function resourceCell(target: Target, current: Current): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? "<unknown>"}/${target.averageValue}`;
  const percent = (value: number | undefined, unset: string) => (value === undefined ? unset : `${value}%`);
  return `${percent(current?.averageUtilization, "<unknown>")}/${percent(target?.averageUtilization, "<auto>")}`;
}

export function defaultBehavior(behavior: HorizontalPodAutoscalerBehavior): void {
  behavior.scaleUp = withDefaults(behavior.scaleUp, {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 },
    ],
  });
  behavior.scaleDown = withDefaults(behavior.scaleDown, {
    selectPolicy: "Max",
    policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
  });
}

function withDefaults(rules: HPAScalingRules | undefined, defaults: HPAScalingRules): HPAScalingRules {
  return { ...defaults, ...rules };
}
