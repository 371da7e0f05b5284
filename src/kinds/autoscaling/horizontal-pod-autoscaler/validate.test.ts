import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscaler } from "#kinds/api/autoscaling-v2.gen.ts";
import { fieldErrorText } from "#meta/errors.ts";
import { autoscalerHooks, autoscalerV1Hooks } from "./kind.ts";

function autoscaler(change: (made: HorizontalPodAutoscaler) => void = () => {}): HorizontalPodAutoscaler {
  const made: HorizontalPodAutoscaler = {
    metadata: { name: "h", namespace: "default" },
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" }, maxReplicas: 3 },
  };
  change(made);
  autoscalerHooks.default?.(made);
  return made;
}

const CASES: readonly (readonly [string, (made: HorizontalPodAutoscaler) => void, readonly string[]])[] = [
  ["nothing wrong", () => {}, []],
  [
    "no maximum",
    (made) => (made.spec!.maxReplicas = 0),
    [
      "spec.maxReplicas: Required value: must be set and greater than 0",
      "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
    ],
  ],
  [
    "a target without a group",
    (made) => (made.spec!.scaleTargetRef.apiVersion = "v1"),
    ['spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group'],
  ],
  ["a ReplicationController", (made) => (made.spec!.scaleTargetRef = { kind: "ReplicationController", name: "r" }), []],
  [
    "a metric of two sources",
    (made) =>
      (made.spec!.metrics = [
        {
          type: "Pods",
          pods: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "1" } },
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 1 } },
        },
      ]),
    ["spec.metrics[0].resource: Forbidden: must populate the given metric source only"],
  ],
  [
    "a window beyond an hour",
    (made) => (made.spec!.behavior = { scaleUp: { stabilizationWindowSeconds: 3601 } }),
    ["spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600"],
  ],
];
for (const [name, change, expected] of CASES) {
  test(`an autoscaler with ${name}`, () => {
    assert.deepEqual((autoscalerHooks.validate?.(autoscaler(change), undefined, { subresource: "" }) ?? []).map(fieldErrorText), expected);
  });
}

test("autoscaling/v1 is checked as what it is stored as", () => {
  const made = {
    metadata: { name: "h" },
    spec: { scaleTargetRef: { kind: "Deployment", name: "" }, maxReplicas: 1, targetCPUUtilizationPercentage: 0 },
  };
  assert.deepEqual((autoscalerV1Hooks.validate?.(made, undefined, { subresource: "" }) ?? []).map(fieldErrorText), [
    "spec.scaleTargetRef.name: Required value",
    'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
    "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
  ]);
});
