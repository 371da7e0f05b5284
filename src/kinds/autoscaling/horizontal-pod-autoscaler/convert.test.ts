import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HorizontalPodAutoscaler as V1 } from "#kinds/api/autoscaling-v1.gen.ts";
import type { HorizontalPodAutoscaler as V2, MetricSpec, MetricTarget } from "#kinds/api/autoscaling-v2.gen.ts";
import { BEHAVIOR, CONDITIONS, CURRENT, METRICS } from "./annotations.ts";
import { fromStoredAutoscaler, toStoredAutoscaler } from "./convert.ts";
import { autoscalerHooks, autoscalerV1Hooks } from "./kind.ts";

const scaleTargetRef = { kind: "Deployment", name: "d", apiVersion: "apps/v1" };
const json = (text: string | undefined): unknown => JSON.parse(text ?? "null");

test("what v1 has no field for is in annotations in v1's form", () => {
  const selector = { matchLabels: { a: "b" } };
  const stored: V2 = {
    metadata: { name: "h", annotations: { own: "kept" } },
    spec: {
      scaleTargetRef,
      maxReplicas: 3,
      metrics: [
        { type: "Pods", pods: { metric: { name: "rps", selector }, target: { type: "AverageValue", averageValue: "10" } } },
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } } },
        { type: "External", external: { metric: { name: "queue", selector }, target: { type: "Value", value: "30" } } },
        {
          type: "Object",
          object: { describedObject: scaleTargetRef, metric: { name: "o" }, target: { type: "AverageValue", averageValue: "2" } },
        },
        {
          type: "ContainerResource",
          containerResource: { name: "memory", container: "c", target: { type: "AverageValue", averageValue: "1Gi" } },
        },
      ],
      behavior: {
        scaleDown: { stabilizationWindowSeconds: 5, selectPolicy: "Min", policies: [{ type: "Pods", value: 1, periodSeconds: 9 }] },
      },
    },
    status: {
      desiredReplicas: 2,
      currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 12, averageValue: "5m" } } }],
      conditions: [{ type: "AbleToScale", status: "True" }],
    },
  };
  const { metadata, spec, status } = fromStoredAutoscaler(stored);
  const annotations = metadata?.annotations ?? {};
  assert.deepEqual(spec, { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 60 });
  assert.deepEqual(status, { currentReplicas: 0, desiredReplicas: 2, currentCPUUtilizationPercentage: 12 });
  assert.equal(annotations["own"], "kept");
  assert.deepEqual(json(annotations[METRICS]), [
    { type: "Pods", pods: { metricName: "rps", targetAverageValue: "10", selector } },
    { type: "External", external: { metricName: "queue", metricSelector: selector, targetValue: "30" } },
    { type: "Object", object: { target: scaleTargetRef, metricName: "o", targetValue: "0", averageValue: "2" } },
    { type: "ContainerResource", containerResource: { name: "memory", targetAverageValue: "1Gi", container: "c" } },
  ]);
  assert.deepEqual(json(annotations[CURRENT]), [
    { type: "Resource", resource: { name: "cpu", currentAverageUtilization: 12, currentAverageValue: "5m" } },
  ]);
  assert.deepEqual(json(annotations[CONDITIONS]), [{ type: "AbleToScale", status: "True", lastTransitionTime: null }]);
  assert.deepEqual(json(annotations[BEHAVIOR]), {
    ScaleUp: null,
    ScaleDown: {
      StabilizationWindowSeconds: 5,
      SelectPolicy: "Min",
      Policies: [{ Type: "Pods", Value: 1, PeriodSeconds: 9 }],
      Tolerance: null,
    },
  });
});

test("v1 without metrics is stored with 80 % of cpu, and what cannot be read in an annotation is not there", () => {
  for (const annotations of [undefined, { [METRICS]: "{" }, { [METRICS]: '[{"type":1}]' }, { [BEHAVIOR]: "[]" }, { [CONDITIONS]: '"x"' }]) {
    const v1: V1 = { metadata: { name: "h", ...(annotations && { annotations }) }, spec: { scaleTargetRef, maxReplicas: 2 } };
    const stored = toStoredAutoscaler(v1);
    assert.deepEqual(stored.spec.metrics, [
      { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
    ]);
    assert.deepEqual(stored.metadata, { name: "h" });
    assert.equal(stored.spec.behavior, undefined);
  }
});

const quantity = fc.integer({ min: 1, max: 999 }).map((value) => `${value}m`);
const average = quantity.map((averageValue): MetricTarget => ({ type: "AverageValue", averageValue }));
const percent = fc.integer({ min: 1, max: 100 }).map((averageUtilization): MetricTarget => ({ type: "Utilization", averageUtilization }));
const value = quantity.map((text): MetricTarget => ({ type: "Value", value: text }));
const name = fc.constantFrom("a", "b", "memory");
const metric = fc.record({ name });
const specs: fc.Arbitrary<MetricSpec> = fc.oneof(
  fc.record({ metric, target: average }).map((pods): MetricSpec => ({ type: "Pods", pods })),
  fc.record({ name, target: fc.oneof(average, percent) }).map((resource): MetricSpec => ({ type: "Resource", resource })),
  fc
    .record({ name, container: name, target: fc.oneof(average, percent) })
    .map((containerResource): MetricSpec => ({ type: "ContainerResource", containerResource })),
  fc.record({ metric, target: fc.oneof(average, value) }).map((external): MetricSpec => ({ type: "External", external })),
  fc
    .record({ metric, target: fc.oneof(average, value), describedObject: fc.constant(scaleTargetRef) })
    .map((object): MetricSpec => ({ type: "Object", object })),
);

test("to v1 and back loses nothing (cpu goes last, as upstream's way back has it)", () => {
  const autoscalers = fc.record({
    metrics: fc.array(specs, { maxLength: 4 }),
    cpu: fc.option(percent, { nil: undefined }),
    window: fc.nat(99),
  });
  fc.assert(
    fc.property(autoscalers, ({ metrics, cpu, window }) => {
      const all = [...metrics];
      if (cpu) all.push({ type: "Resource", resource: { name: "cpu", target: cpu } });
      const stored: V2 = {
        apiVersion: "autoscaling/v2",
        metadata: { name: "h" },
        spec: {
          scaleTargetRef,
          minReplicas: 1,
          maxReplicas: 4,
          metrics: all,
          behavior: { scaleUp: { stabilizationWindowSeconds: window } },
        },
        status: {
          currentReplicas: 1,
          desiredReplicas: 2,
          currentMetrics: [{ type: "Pods", pods: { metric: { name: "a" }, current: { averageValue: "1" } } }],
          conditions: [{ type: "T", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z", reason: "R", message: "m" }],
        },
      };
      autoscalerHooks.default?.(stored);
      // Records of the generator have no prototype.
      assert.deepEqual(toStoredAutoscaler(fromStoredAutoscaler(stored)), JSON.parse(JSON.stringify(stored)));
    }),
  );
});

test("annotations that stand for the status are for status writers alone, those of the spec for the others", () => {
  const context = { now: "", user: { name: "u", groups: [] }, random: () => 0 };
  const previous: V1 = { metadata: { annotations: { [CONDITIONS]: "old", [METRICS]: "old" } }, spec: { scaleTargetRef, maxReplicas: 1 } };
  const next = (): V1 => ({
    metadata: { annotations: { [CONDITIONS]: "new", [METRICS]: "new" } },
    spec: { scaleTargetRef, maxReplicas: 1 },
  });
  const written = (subresource: string, before?: V1) => {
    const object = next();
    autoscalerV1Hooks.prepare?.(object, before, { ...context, subresource });
    return object.metadata?.annotations;
  };
  assert.deepEqual(written(""), { [METRICS]: "new" });
  assert.deepEqual(written("", previous), { [CONDITIONS]: "old", [METRICS]: "new" });
  assert.deepEqual(written("status", previous), { [CONDITIONS]: "new", [METRICS]: "old" });
});
