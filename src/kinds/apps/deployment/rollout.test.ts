import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { bounds, findNewSet, makeNewSet, maxRevision, newSetAnnotations } from "./replica-sets.ts";
import { newSetReplicas, nextRollingSizes, scaledSizes, setsToForget } from "./rollout.ts";
import { countStatus, deadlineCheckMs, rolloutStatus } from "./status.ts";

const NOW = Date.UTC(2026, 0, 1, 0, 10);
const labels = { app: "a" };
const template = (image = "v1") => ({ metadata: { labels }, spec: { containers: [{ name: "c", image }] } });

function deployment(
  replicas: number,
  maxSurge: number | string = "25%",
  maxUnavailable: number | string = "25%",
  more: Partial<Deployment> = {},
): Deployment {
  return {
    metadata: { name: "web", namespace: "a", uid: "u", generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: template(),
      progressDeadlineSeconds: 60,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } },
    },
    ...more,
  };
}

interface SetOptions {
  available?: number;
  max?: number;
  desired?: number;
  revision?: number;
  created?: number;
}

function set(name: string, replicas: number, { available = replicas, max, desired, revision, created = 0 }: SetOptions = {}): ReplicaSet {
  const annotations: Record<string, string> = {};
  if (max !== undefined) annotations["deployment.kubernetes.io/max-replicas"] = String(max);
  if (desired !== undefined) annotations["deployment.kubernetes.io/desired-replicas"] = String(desired);
  if (revision !== undefined) annotations["deployment.kubernetes.io/revision"] = String(revision);
  return {
    metadata: { name, namespace: "a", annotations, generation: 1, creationTimestamp: new Date(created * 1000).toISOString() },
    spec: { replicas, selector: {}, template: template(name) },
    status: { replicas, availableReplicas: available, readyReplicas: available, observedGeneration: 1 },
  };
}

const sizesOf = (sizes: readonly { set: { metadata?: { name?: string } }; replicas: number }[]) =>
  Object.fromEntries(sizes.map(({ set: { metadata }, replicas }) => [metadata?.name, replicas]));

for (const [replicas, surge, unavailable, expected] of [
  [10, "25%", "25%", [3, 2]],
  [4, 1, 0, [1, 0]],
  [1, "25%", "25%", [1, 0]],
  [3, 0, "1%", [0, 1]],
  [2, "0%", "0%", [0, 1]],
  [2, 0, 5, [0, 2]],
  [5, "100%", "100%", [5, 5]],
  [0, 2, 2, [2, 0]],
] as const) {
  test(`bounds of ${replicas} with ${surge} and ${unavailable}`, () => {
    const { maxSurge, maxUnavailable } = bounds(deployment(replicas, surge, unavailable));
    assert.deepEqual([maxSurge, maxUnavailable], expected);
  });
}

for (const [what, d, next, old, expected] of [
  ["grows the new set into the surge first", deployment(4, 1, 0), set("new", 0), [set("old", 4)], { new: 1 }],
  ["then shrinks the old by what is available", deployment(4, 1, 0), set("new", 1), [set("old", 4)], { old: 3 }],
  ["waits for the new pod", deployment(4, 1, 0), set("new", 1, { available: 0 }), [set("old", 4)], {}],
  [
    "takes unhealthy old pods first",
    deployment(10, 0, 2),
    set("new", 0),
    [set("x", 8, { available: 8, created: 2 }), set("y", 4, { available: 1, created: 1 })],
    { y: 0 },
  ],
  [
    "unhealthy ones go only as far as the bound",
    deployment(4, 0, 1),
    set("new", 1, { available: 0 }),
    [set("old", 3, { available: 0 })],
    {},
  ],
  ["oldest first", deployment(4, 0, "50%"), set("new", 0), [set("a", 2, { created: 1 }), set("b", 2, { created: 2 })], { a: 0 }],
  ["shrinks a new set that is too large", deployment(2), set("new", 5), [], { new: 2 }],
  ["zero replicas", deployment(0, 1, 0), set("new", 0), [set("old", 3)], { old: 0 }],
  ["done", deployment(3), set("new", 3), [set("old", 0)], {}],
] as const) {
  test(`rolling: ${what}`, () => assert.deepEqual(sizesOf(nextRollingSizes(d, next, old)), expected));
}

for (const [what, d, next, old, expected] of [
  ["one active set takes all", deployment(5), undefined, [set("old", 3)], { old: 5 }],
  ["none active: the new one", deployment(5), set("new", 0), [set("old", 0)], { new: 5 }],
  [
    "none active and no new one: the youngest old",
    deployment(2),
    undefined,
    [set("a", 0, { created: 1 }), set("b", 0, { created: 2 })],
    { b: 2 },
  ],
  ["a saturated new set takes over", deployment(3), set("new", 3, { desired: 3 }), [set("old", 1)], { old: 0 }],
  ["in proportion", deployment(15, 3, 2), set("new", 5, { max: 13 }), [set("old", 8, { max: 13 })], { old: 11, new: 7 }],
  [
    "what rounding leaves goes to the largest",
    deployment(20, 0, 1),
    set("new", 3, { max: 10, created: 3 }),
    [set("a", 4, { max: 10, created: 1 }), set("b", 3, { max: 10, created: 2 })],
    { a: 8, new: 6, b: 6 },
  ],
  ["down to zero", deployment(0, 2, 0), set("new", 2, { max: 10 }), [set("old", 8, { max: 10 })], { old: 0, new: 0 }],
  [
    "without annotation: by the status",
    deployment(10, 0, 1, { status: { replicas: 5 } }),
    set("new", 2),
    [set("old", 3)],
    { old: 6, new: 4 },
  ],
  ["down in proportion", deployment(5, 0, 1), set("new", 4, { max: 10 }), [set("old", 6, { max: 10 })], { old: 3, new: 2 }],
] as const) {
  test(`scaling: ${what}`, () => assert.deepEqual(sizesOf(scaledSizes(d, next, old)), expected));
}

test("Recreate scales only what it should", () => {
  const d = deployment(5);
  if (d.spec) d.spec.strategy = { type: "Recreate" };
  assert.deepEqual(scaledSizes(d, set("new", 2), [set("old", 2)]), []);
  assert.equal(newSetReplicas(d, [set("old", 5)], 0), 5);
});

test("history: the oldest revisions go, those with pods or unseen changes stay", () => {
  const d = deployment(1);
  if (d.spec) d.spec.revisionHistoryLimit = 1;
  const busy = set("busy", 0, { revision: 2 });
  busy.status = { ...busy.status, replicas: 1 };
  const unseen = set("unseen", 0, { revision: 3 });
  unseen.metadata = { ...unseen.metadata, generation: 2 };
  const sets = [set("r4", 0, { revision: 4 }), busy, set("r10", 0, { revision: 10 }), set("r1", 0, { revision: 1 }), unseen];
  assert.deepEqual(
    setsToForget(d, sets).map(({ metadata }) => metadata?.name),
    ["r1", "r4"],
  );
  if (d.spec) d.spec.revisionHistoryLimit = 5;
  assert.deepEqual(setsToForget(d, sets), []);
});

test("the new set is the oldest with the same template, whatever the hash label and the order of keys", () => {
  const d = deployment(1);
  const made = makeNewSet(d, 1, 1n);
  const twin = { ...made, metadata: { ...made.metadata, name: "twin", creationTimestamp: "2026-01-02T00:00:00Z" } };
  made.metadata = { ...made.metadata, creationTimestamp: "2026-01-01T00:00:00Z" };
  assert.equal(findNewSet(d, [twin, made])?.metadata?.name, made.metadata.name);
  assert.equal(findNewSet({ ...d, spec: { ...d.spec, template: template("v2") } as never }, [made]), undefined);
});

test("a collision gives another name and selector", () => {
  const first = makeNewSet(deployment(1), 1, 1n);
  const second = makeNewSet(deployment(1, 1, 1, { status: { collisionCount: 1 } }), 1, 1n);
  assert.notEqual(first.metadata?.name, second.metadata?.name);
  assert.equal(first.spec?.selector.matchLabels?.["pod-template-hash"], first.metadata?.labels?.["pod-template-hash"]);
});

test("annotations of the new set: the Deployment's own, the revision, and the revisions before", () => {
  const d = deployment(2, 1, 0, {
    metadata: {
      name: "web",
      annotations: {
        "kubernetes.io/change-cause": "x",
        "deployment.kubernetes.io/revision": "7",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
      },
    },
  });
  assert.deepEqual(newSetAnnotations(d, undefined, 3n), {
    "kubernetes.io/change-cause": "x",
    "deployment.kubernetes.io/revision": "3",
    "deployment.kubernetes.io/desired-replicas": "2",
    "deployment.kubernetes.io/max-replicas": "3",
  });
  const again = newSetAnnotations(d, set("old", 0, { revision: 1 }), 4n);
  assert.deepEqual([again["deployment.kubernetes.io/revision"], again["deployment.kubernetes.io/revision-history"]], ["4", "1"]);
  assert.equal(newSetAnnotations(d, set("new", 0, { revision: 5 }), 4n)["deployment.kubernetes.io/revision"], "5", "never back");
});

const progressing = (reason: string, agoSeconds: number, status = "True") => {
  const at = new Date(NOW - agoSeconds * 1000).toISOString();
  return { type: "Progressing", status, reason, lastUpdateTime: at, lastTransitionTime: at };
};

for (const [what, before, next, old, expected] of [
  ["complete", { conditions: [progressing("ReplicaSetUpdated", 5)] }, set("new", 3), [], "True NewReplicaSetAvailable"],
  [
    "progress",
    { replicas: 3, updatedReplicas: 0, conditions: [progressing("ReplicaSetUpdated", 70)] },
    set("new", 1),
    [set("old", 3)],
    "True ReplicaSetUpdated",
  ],
  [
    "no progress within the deadline",
    { replicas: 4, updatedReplicas: 1, readyReplicas: 4, availableReplicas: 4, conditions: [progressing("ReplicaSetUpdated", 50)] },
    set("new", 1),
    [set("old", 3)],
    "True ReplicaSetUpdated",
  ],
  [
    "no progress after the deadline",
    { replicas: 4, updatedReplicas: 1, readyReplicas: 4, availableReplicas: 4, conditions: [progressing("ReplicaSetUpdated", 61)] },
    set("new", 1),
    [set("old", 3)],
    "False ProgressDeadlineExceeded",
  ],
  [
    "a set that never got a pod after the deadline",
    { replicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [progressing("NewReplicaSetCreated", 61)] },
    set("new", 0),
    [set("old", 3)],
    "False ProgressDeadlineExceeded",
  ],
  [
    "a finished rollout does not time out",
    { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [progressing("NewReplicaSetAvailable", 999)] },
    set("new", 3, { available: 2 }),
    [],
    "True NewReplicaSetAvailable",
  ],
] as const) {
  test(`Progressing: ${what}`, () => {
    const d = deployment(3, 1, 0, { status: before as never });
    const status = rolloutStatus(d, next, [...old, next], NOW);
    const condition = status.conditions?.find(({ type }) => type === "Progressing");
    assert.equal(`${condition?.status} ${condition?.reason}`, expected);
  });
}

test("status: zeros are left out, Available follows the bound, the new set's failure is the one shown", () => {
  const d = deployment(4, 1, 1);
  const failing = (name: string, reason: string) => ({
    ...set(name, 2),
    status: {
      replicas: 2,
      availableReplicas: 1,
      conditions: [{ type: "ReplicaFailure", status: "True", reason, lastTransitionTime: "2026-01-01T00:00:00Z" }],
    },
  });
  const status = rolloutStatus(d, failing("new", "FailedCreate"), [failing("old", "FailedDelete"), failing("new", "FailedCreate")], NOW);
  assert.equal(status.readyReplicas, undefined);
  assert.equal(status.unavailableReplicas, 2);
  assert.deepEqual(
    status.conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`),
    ["Available False MinimumReplicasUnavailable", "Progressing True ReplicaSetUpdated", "ReplicaFailure True FailedCreate"],
  );
  assert.equal(countStatus(d, undefined, [set("old", 3)], NOW).conditions?.[0]?.status, "True");
});

test("the deadline is looked at again just after it passes", () => {
  const d = deployment(3);
  const status = (reason: string) => ({ replicas: 4, conditions: [progressing(reason, 20)] });
  assert.equal(deadlineCheckMs(d, status("ReplicaSetUpdated"), NOW), 41_000);
  assert.equal(deadlineCheckMs(d, status("ProgressDeadlineExceeded"), NOW), undefined);
});

test("revisions beyond what a number holds exactly go on by one", () => {
  const adopted = set("adopted", 1);
  adopted.metadata = { ...adopted.metadata, annotations: { "deployment.kubernetes.io/revision": "3546343826724305832" } };
  assert.equal(String(maxRevision([adopted, set("new", 0, { revision: 7 })]) + 1n), "3546343826724305833");
});
