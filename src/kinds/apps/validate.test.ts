import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { fieldErrorText } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { controllerRevisionHooks } from "./controller-revision/kind.ts";
import { daemonSetHooks } from "./daemon-set/kind.ts";
import { deploymentHooks } from "./deployment/kind.ts";
import { replicaSetHooks } from "./replica-set/kind.ts";
import { statefulSetHooks } from "./stateful-set/kind.ts";

const CONTEXT = { now: "2026-01-01T00:00:00Z", user: { name: "u", groups: [] }, subresource: "", random: () => 0 };

const common = () => ({
  metadata: { name: "w", namespace: "default" },
  spec: {
    selector: { matchLabels: { a: "b" } },
    template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i:1" }] } },
  },
});

function errorsOf<T extends KubeObject>(hooks: KindHooks<T>, next: T, previous?: T, subresource = ""): string[] {
  for (const object of previous ? [next, previous] : [next]) hooks.default?.(object);
  const [after, before] = [next as DeepReadonly<T>, previous as DeepReadonly<T> | undefined]; // marks of the type alone
  hooks.prepare?.(next, before, { ...CONTEXT, subresource });
  return (hooks.validate?.(after, before, { subresource }) ?? []).map(fieldErrorText);
}

function changed<T>(make: () => T, change: (object: T) => void): T {
  const object = make();
  change(object);
  return object;
}
const statefulSet = (): StatefulSet => ({ ...common(), spec: { ...common().spec, serviceName: "s" } });

test("plain workloads are valid", () => {
  assert.deepEqual(errorsOf<Deployment>(deploymentHooks, common()), []);
  assert.deepEqual(errorsOf<ReplicaSet>(replicaSetHooks, common()), []);
  assert.deepEqual(errorsOf<DaemonSet>(daemonSetHooks, common()), []);
  assert.deepEqual(errorsOf<StatefulSet>(statefulSetHooks, statefulSet()), []);
});

test("a workload without a spec misses all that it must have", () => {
  assert.deepEqual(errorsOf<Deployment>(deploymentHooks, { metadata: { name: "w" } }), [
    "spec.selector: Required value",
    "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
    "spec.template.spec.containers: Required value",
  ]);
});

const STATEFUL: readonly (readonly [string, (set: StatefulSet) => void, readonly string[]])[] = [
  [
    "an unknown policy",
    (set) => (set.spec!.podManagementPolicy = "Random"),
    ["spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'"],
  ],
  ["a hostname that its pods never get", (set) => (set.spec!.template.spec!.hostname = "Not a label"), []],
  [
    "mounts of its claims",
    (set) => {
      set.spec!.template.spec!.containers[0]!.volumeMounts = [{ name: "data", mountPath: "/d" }];
      set.spec!.volumeClaimTemplates = [
        { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
      ];
    },
    [],
  ],
  ["a feature that is off", (set) => (set.spec!.updateStrategy = { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0 } }), []],
];
for (const [name, change, expected] of STATEFUL) {
  test(`a StatefulSet with ${name}`, () => assert.deepEqual(errorsOf(statefulSetHooks, changed(statefulSet, change)), expected));
}

test("collision counts only grow", () => {
  const before: Deployment = { ...common(), status: { collisionCount: 2 } };
  assert.deepEqual(errorsOf<Deployment>(deploymentHooks, { ...common(), status: { collisionCount: 1 } }, before, "status"), [
    "status.collisionCount: Invalid value: 1: cannot be decremented",
  ]);
});

test("a Deployment cannot be rolled back to a negative revision", () => {
  const deployment = changed<Deployment>(
    common,
    (next) => ((next.metadata ??= {}).annotations = { "deprecated.deployment.rollback.to": "-1" }),
  );
  assert.deepEqual(errorsOf(deploymentHooks, deployment), ["spec.rollback.version: Invalid value: -1: must be greater than or equal to 0"]);
});

test("a DaemonSet counts the changes of its template", () => {
  const KEY = "deprecated.daemonset.template.generation";
  const first: DaemonSet = common();
  errorsOf(daemonSetHooks, first);
  assert.equal(first.metadata?.annotations?.[KEY], "1");
  const next = changed<DaemonSet>(
    () => structuredClone(first),
    (set) => (set.spec!.template.spec!.containers[0]!.image = "i:2"),
  );
  errorsOf(daemonSetHooks, next, first);
  assert.equal(next.metadata?.annotations?.[KEY], "2");
});

test("a ControllerRevision holds an object, which stays", () => {
  const revision = (data: unknown): ControllerRevision => ({ metadata: { name: "r" }, revision: 1, data }) as ControllerRevision; // any JSON may be sent
  assert.deepEqual(errorsOf(controllerRevisionHooks, revision({ a: 1 })), []);
  assert.deepEqual(errorsOf(controllerRevisionHooks, revision([1])), ["data: Required value: data must be a valid JSON object"]);
  assert.deepEqual(errorsOf(controllerRevisionHooks, revision({ a: 2 }), revision({ a: 1 })), [
    'data: Invalid value: {"a":2}: field is immutable',
  ]);
});

test("a template is warned of once, when it comes and when it changes", () => {
  const made = changed<Deployment>(common, (object) => (object.spec!.template.spec!.terminationGracePeriodSeconds = -1));
  const warnings = (previous?: Deployment) => deploymentHooks.warnings?.(made, previous, { subresource: "" });
  const expected = "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1";
  assert.deepEqual(warnings(), [expected]);
  assert.deepEqual(warnings(made), []);
});
