import assert from "node:assert/strict";
import { test } from "node:test";
import type { KindDefinition } from "#meta/kind.ts";
import type { AnyObject } from "#meta/object.ts";
import { builtinKinds } from "./builtin-kinds.ts";

const kinds = builtinKinds();
const context = { now: "2026-01-01T00:00:00Z", user: { name: "me", groups: [] }, subresource: "", random: Math.random };

function find(kind: string, group = ""): KindDefinition {
  const found = kinds.find(({ resource }) => resource.kind === kind && resource.group === group);
  assert(found);
  return found;
}

const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
const samples: readonly (readonly [string, string, AnyObject])[] = [
  [
    "",
    "Pod",
    {
      spec: {
        hostNetwork: true,
        containers: [{ name: "c", image: "i:1", ports: [{ containerPort: 80 }], resources: { limits: { cpu: "1000m" } } }],
        volumes: [{ name: "v" }],
      },
    },
  ],
  ["", "Service", { spec: { ports: [{ port: 80 }], type: "LoadBalancer", sessionAffinity: "ClientIP" } }],
  ["", "Secret", { stringData: { a: "b" } }],
  ["", "Namespace", { metadata: { name: "n" } }],
  ["", "Node", { status: { capacity: { cpu: "2000m" } } }],
  ["", "LimitRange", { spec: { limits: [{ type: "Container", max: { cpu: "1" } }] } }],
  ["apps", "Deployment", { spec: { selector: { matchLabels: { a: "b" } }, template } }],
  ["apps", "StatefulSet", { spec: { selector: { matchLabels: { a: "b" } }, template } }],
  ["apps", "DaemonSet", { spec: { selector: { matchLabels: { a: "b" } }, template } }],
  ["batch", "Job", { spec: { template } }],
  ["batch", "CronJob", { spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } }],
  ["autoscaling", "HorizontalPodAutoscaler", { spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 2, behavior: {} } }],
  ["networking.k8s.io", "NetworkPolicy", { spec: { podSelector: {}, egress: [{ ports: [{ port: 80 }] }] } }],
];

for (const [group, kind, sample] of samples) {
  test(`defaults of ${kind} applied twice are the same as once`, () => {
    const once = structuredClone({ ...sample, metadata: { name: "x", ...sample.metadata } });
    const definition = find(kind, group);
    definition.default?.(once);
    const twice = structuredClone(once);
    definition.default?.(twice);
    assert.deepEqual(twice, once);
    assert.notDeepEqual(once, sample);
  });
}

test("every kind survives an empty object: defaults, preparation, validation, columns, fields", () => {
  for (const definition of kinds) {
    const { kind } = definition.resource;
    for (const empty of [
      { metadata: { name: "x" } },
      { metadata: { name: "x" }, spec: {} },
      { metadata: { name: "x" }, spec: {}, status: {} },
    ] as AnyObject[]) {
      const object = structuredClone(empty);
      try {
        definition.default?.(object);
        definition.prepare?.(object, undefined, context);
        const errors = definition.validate?.(object, undefined, context) ?? [];
        definition.validate?.(object, structuredClone(object), context);
        definition.validate?.(object, structuredClone(object), { subresource: "status" });
        if (errors.length === 0) for (const column of definition.columns ?? []) column.value(object, 0);
        const fields = Object.keys(definition.selectableFields?.(object) ?? {});
        assert.deepEqual(fields.toSorted(), [...(definition.selectableFieldNames ?? [])].toSorted());
      } catch (error) {
        assert.fail(`${kind}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
  }
});

test("a Deployment gets upstream's defaults", () => {
  const object: AnyObject = {
    metadata: { name: "d" },
    spec: { selector: { matchLabels: { a: "b" } }, template: structuredClone(template) },
  };
  const definition = find("Deployment", "apps");
  definition.default?.(object);
  const spec = object["spec"] as Record<string, unknown>;
  assert.deepEqual(spec["strategy"], { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } });
  assert.equal(spec["replicas"], 1);
  assert.equal(spec["revisionHistoryLimit"], 10);
  assert.equal(spec["progressDeadlineSeconds"], 600);
  assert.deepEqual(definition.validate?.(object, undefined, context), []);
});

test("a Deployment whose selector does not fit its template is refused in upstream's words", () => {
  const object: AnyObject = {
    metadata: { name: "d" },
    spec: { selector: { matchLabels: { a: "c" } }, template: structuredClone(template) },
  };
  const definition = find("Deployment", "apps");
  definition.default?.(object);
  const errors = definition.validate?.(object, undefined, context) ?? [];
  assert.deepEqual(
    errors.map(({ field, detail }) => [field, detail]),
    [["spec.template.metadata.labels", "`selector` does not match template `labels`"]],
  );
});

test("events and autoscalers survive the way to their other form and back", () => {
  const autoscaler = {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "h" },
    spec: {
      scaleTargetRef: { kind: "Deployment", name: "d" },
      maxReplicas: 3,
      metrics: [
        { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } } },
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
      ],
    },
  };
  const v1 = kinds.find(({ resource }) => resource.kind === "HorizontalPodAutoscaler" && resource.version === "v1");
  const served = v1?.convert?.fromStored(autoscaler) as AnyObject;
  assert.equal((served["spec"] as { targetCPUUtilizationPercentage: number }).targetCPUUtilizationPercentage, 50);
  assert.deepEqual(v1?.convert?.toStored(served), autoscaler);
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e" },
    involvedObject: { kind: "Pod", name: "p" },
    message: "m",
    reportingComponent: "c",
  };
  const newEvent = find("Event", "events.k8s.io");
  assert.deepEqual(newEvent.convert?.toStored(newEvent.convert.fromStored(event)), event);
});
