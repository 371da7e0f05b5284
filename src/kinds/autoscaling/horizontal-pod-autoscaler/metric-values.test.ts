import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, notFound } from "#meta/errors.ts";
import type { MetricSpec } from "#kinds/api/autoscaling-v2.gen.ts";
import { createMetricValues } from "./metric-values.ts";
import { judge, readMetric } from "./proposals.ts";

const AT = "2026-01-01T12:00:00Z";

/** Metrics APIs that answer what stands in a table of `path?query`. */
function valuesOf(answers: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const values = createMetricValues(
    async (path, query = {}) => {
      const text = Object.keys(query).length === 0 ? path : `${path}?${new URLSearchParams(query).toString()}`;
      asked.push(text);
      const answer = answers[text];
      if (answer === undefined) throw new ApiError(404, "NotFound", "the server could not find the requested resource");
      if (answer instanceof Error) throw answer;
      return answer;
    },
    async (group, kind) => {
      if (kind === "Ingress") return "ingresses.networking.k8s.io";
      throw new Error(`no matches for kind "${kind}" in group "${group}"`);
    },
  );
  return { values, asked };
}

const CUSTOM = "/apis/custom.metrics.k8s.io";
const group = { [CUSTOM]: { preferredVersion: { version: "v9" }, versions: [{ version: "v9" }, { version: "v1beta2" }] } };

test("pods' resources: summed over containers, of one container, and only of pods that have them", async () => {
  const pods = "/apis/metrics.k8s.io/v1beta1/namespaces/ns/pods?labelSelector=app%3Dweb";
  const pod = (name: string, ...usages: Record<string, string>[]) => ({
    metadata: { name },
    timestamp: AT,
    window: "1m0.5s",
    containers: usages.map((usage, index) => ({ name: `c${index}`, usage })),
  });
  const { values } = valuesOf({
    [pods]: { items: [pod("a", { cpu: "100m" }, { cpu: "1500001n" }), pod("b", { cpu: "1" }, { memory: "1Mi" }), pod("c")] },
  });
  const metric = (value: number) => ({ value, at: Date.parse(AT), windowMs: 60_500 });
  assert.deepEqual([...(await values.ofPodResource("ns", "app=web", "cpu", undefined))], [["a", metric(102)]]);
  assert.deepEqual(
    [...(await values.ofPodResource("ns", "app=web", "cpu", "c0"))],
    [
      ["a", metric(100)],
      ["b", metric(1000)],
    ],
  );
  await assert.rejects(values.ofPodResource("ns", "app=other", "cpu", undefined), {
    message:
      "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",
  });
  const empty = valuesOf({ [pods]: { items: [] } });
  await assert.rejects(empty.values.ofPodResource("ns", "app=web", "cpu", undefined), {
    message: "no metrics returned from resource metrics API",
  });
});

test("custom metrics are asked for in a version that both sides know, by pods or by object", async () => {
  const items = [
    { describedObject: { kind: "Pod", name: "a" }, timestamp: AT, windowSeconds: 30, value: "12" },
    { describedObject: { kind: "Pod", name: "b" }, timestamp: AT, value: "500m" },
  ];
  const { values, asked } = valuesOf({
    ...group,
    [`${CUSTOM}/v1beta2/namespaces/ns/pods/*/rps?labelSelector=app%3Dweb&metricLabelSelector=verb%3DGET`]: { items },
    [`${CUSTOM}/v1beta2/namespaces/ns/ingresses.networking.k8s.io/main/rps`]: { items: items.slice(0, 1) },
    [`${CUSTOM}/v1beta2/namespaces/ns/metrics/rps`]: { items },
  });
  const found = await values.ofPods("ns", "app=web", { name: "rps", selector: "verb=GET" });
  assert.deepEqual(
    [...found],
    [
      ["a", { value: 12_000, at: Date.parse(AT), windowMs: 30_000 }],
      ["b", { value: 500, at: Date.parse(AT), windowMs: 60_000 }],
    ],
  );
  assert.equal(asked[0], CUSTOM);
  const rps = { name: "rps", selector: "" };
  assert.equal(await values.ofObject("ns", { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "main" }, rps), 12_000);
  await assert.rejects(values.ofObject("ns", { kind: "Namespace", name: "ns" }, rps), {
    message:
      "unable to fetch metrics from custom metrics API: the custom metrics API server returned 2 results when we asked for exactly one",
  });
  await assert.rejects(values.ofObject("ns", { apiVersion: "x.io/v1", kind: "Boat", name: "b" }, rps), {
    message:
      'unable to fetch metrics from custom metrics API: unable to map kind Boat.x.io to resource: no matches for kind "Boat" in group "x.io"',
  });
});

test("external metrics are summed", async () => {
  const path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/ns/queue";
  const { values } = valuesOf({
    [path]: { items: [{ value: "3" }, { value: "1500m" }] },
    [`${path}?labelSelector=q%3Da`]: notFound({ group: "external.metrics.k8s.io", plural: "queue" }, "x"),
  });
  assert.equal(await values.external("ns", { name: "queue", selector: "" }), 4500);
  await assert.rejects(values.external("ns", { name: "queue", selector: "q=a" }), {
    message: 'unable to fetch metrics from external metrics API: queue.external.metrics.k8s.io "x" not found',
  });
});

const pods = ["a", "b"].map((name) => ({
  metadata: { name },
  spec: { containers: [{ name: "c", image: "x" }] },
  status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
}));
const context = { replicas: 2, statusReplicas: 2, pods, tolerances: { up: 0.1, down: 0.1 }, now: Date.parse(AT) };

const queue = (target: object): MetricSpec => ({
  type: "External",
  external: { metric: { name: "queue", selector: { matchLabels: { q: "a" } } }, target: { type: "Value", ...target } },
});
const ingress = (target: { type: string; value?: string; averageValue?: string }): MetricSpec => ({
  type: "Object",
  object: { describedObject: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "main" }, metric: { name: "rps" }, target },
});

test("the metric that asks for most wins, and every metric has its status", () => {
  const specs: MetricSpec[] = [
    ingress({ type: "Value", value: "10" }),
    queue({ value: "5" }),
    ingress({ type: "AverageValue", averageValue: "10" }),
    queue({ averageValue: "50", type: "AverageValue" }),
  ];
  const verdict = judge(specs, [{ value: 30_000 }, { value: 20_000 }, { value: 30_500 }, { value: 10_000 }], context, "ns");
  const selector = "&LabelSelector{MatchLabels:map[string]string{q: a,},MatchExpressions:[]LabelSelectorRequirement{},}";
  assert.deepEqual([verdict.replicas, verdict.metric, verdict.failures], [8, `external metric queue(${selector})`, []]);
  assert.deepEqual(
    verdict.statuses.map(({ type, object, external }) => [type, object?.current ?? external?.current]),
    [
      ["Object", { value: "30" }],
      ["External", { value: "20" }],
      ["Object", { averageValue: "15250m" }],
      ["External", { averageValue: "5" }],
    ],
  );
});

test("a metric that fails keeps the others from shrinking the target, not from growing it", () => {
  const specs = [queue({ value: "5" }), ingress({ type: "Value", value: "10" })];
  const error = "it is away";
  const small = judge(specs, [{ error }, { value: 1000 }], context, "ns");
  assert.equal(small.replicas, undefined);
  assert.match(
    small.error ?? "",
    /^invalid metrics \(1 invalid out of 2\), first error is: failed to get queue external metric value: failed to get /,
  );
  assert.equal(small.failures[0]?.reason, "FailedGetExternalMetric");
  assert.equal(judge(specs, [{ error }, { value: 40_000 }], context, "ns").replicas, 8);
  assert.equal(judge([{ type: "Moon" }], [{ error: "" }], context, "ns").failures[0]?.reason, "InvalidMetricSourceType");
});

test("a malformed selector of a metric is refused before anything is asked", () => {
  const { values, asked } = valuesOf({});
  const spec = queue({ value: "5" });
  if (spec.external) spec.external.metric.selector = { matchExpressions: [{ key: "q", operator: "Like", values: ["a"] }] };
  assert.throws(() => readMetric(spec, "ns", "app=web", values), /"Like" is not a valid label selector operator/);
  assert.deepEqual(asked, []);
});
