// HorizontalPodAutoscalers: v2 is the stored form, v1 is made from it.

import type { HorizontalPodAutoscaler as V1 } from "#kinds/api/autoscaling-v1.gen.ts";
import type { HorizontalPodAutoscaler as V2, HorizontalPodAutoscalerSpec } from "#kinds/api/autoscaling-v2.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { Column, KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { CONDITIONS, CURRENT, BEHAVIOR, METRICS } from "./annotations.ts";
import { cpuMetric, dropRoundTrip, toStoredAutoscaler } from "./convert.ts";
import { defaultBehavior, metricsCell } from "./metrics.ts";
import { validateAutoscaler } from "./validate.ts";

function columns<T>(toV2: (object: DeepReadonly<T>) => DeepReadonly<V2>): Column<T>[] {
  return [
    text("Reference", (object) => {
      const target = toV2(object).spec?.scaleTargetRef;
      return `${target?.kind ?? ""}/${target?.name ?? ""}`;
    }),
    text("Targets", (object) => metricsCell(toV2(object))),
    text("MinPods", (object) => String(toV2(object).spec?.minReplicas ?? "<unset>")),
    text("MaxPods", (object) => toV2(object).spec?.maxReplicas ?? 0),
    text("Replicas", (object) => toV2(object).status?.currentReplicas ?? 0),
  ];
}

export const autoscalerHooks: KindHooks<V2> = {
  default: (object) => {
    const spec = (object.spec ??= {} as HorizontalPodAutoscalerSpec); // what it misses is refused
    spec.minReplicas ??= 1;
    if (!spec.metrics?.length) spec.metrics = [cpuMetric()];
    if (spec.behavior) defaultBehavior(spec.behavior);
  },
  prepare: (next, previous) => {
    dropRoundTrip(next);
    if (previous === undefined) next.status = { currentMetrics: [], desiredReplicas: 0 };
  },
  validate: validateAutoscaler,
  generation: false,
  columns: [nameColumn, ...columns<V2>((object) => object), ageColumn],
};

function keepAnnotations(next: V1, previous: DeepReadonly<V1> | undefined, names: readonly string[]): void {
  const annotations = next.metadata?.annotations ?? {};
  for (const name of names) {
    const kept = previous?.metadata?.annotations?.[name];
    if (kept === undefined) delete annotations[name];
    else ((next.metadata ??= {}).annotations = annotations)[name] = kept;
  }
}

export const autoscalerV1Hooks: KindHooks<V1> = {
  default: ({ spec }) => {
    if (spec) spec.minReplicas ??= 1;
  },
  prepare: (next, previous, { subresource }) => {
    if (previous === undefined) next.status = { currentReplicas: 0, desiredReplicas: 0 };
    // These annotations are spec and status of the stored form: each is only for those who may write that part.
    keepAnnotations(next, previous, subresource === "status" ? [METRICS, BEHAVIOR] : [CURRENT, CONDITIONS]);
  },
  validate: (next, previous, context) => validateAutoscaler(toStoredAutoscaler(next), previous && toStoredAutoscaler(previous), context),
  generation: false,
  columns: [nameColumn, ...columns<V1>(toStoredAutoscaler), ageColumn],
};
