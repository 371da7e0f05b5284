import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodStatus } from "#kinds/api/core-v1.gen.ts";
import { podsToDelete } from "./ranking.ts";
import { observe } from "./status.ts";

const NOW = Date.UTC(2026, 0, 1);
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

function pod(
  name: string,
  more: { node?: string; phase?: string; readyFor?: number; cost?: string; age?: number; restarts?: number; sidecarRestarts?: number } = {},
): Pod {
  const { node = "n", phase = "Running", readyFor = 4000, cost, age = 5000, restarts = 0, sidecarRestarts = 0 } = more;
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: ago(age),
      labels: { a: "b" },
      ...(cost === undefined ? {} : { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } }),
    },
    spec: {
      containers: [],
      initContainers: [{ name: "sidecar", restartPolicy: "Always" }, { name: "init" }],
      ...(node === "" ? {} : { nodeName: node }),
    },
    status: {
      phase,
      conditions: readyFor < 0 ? [] : [{ type: "Ready", status: "True", lastTransitionTime: ago(readyFor) }],
      containerStatuses: [{ restartCount: restarts }] as PodStatus["containerStatuses"] & {},
      initContainerStatuses: [
        { name: "sidecar", restartCount: sidecarRestarts },
        { name: "init", restartCount: name === "a" ? 7 : 0 }, // has ended: does not count
      ] as PodStatus["initContainerStatuses"] & {},
    },
  };
}

// Upstream's order, ActivePodsWithRanks: each pair differs in one thing.
for (const [what, first, second] of [
  ["without a node", pod("z", { node: "", phase: "Pending" }), pod("a", { phase: "Pending" })],
  ["pending", pod("z", { phase: "Pending" }), pod("a")],
  ["unknown", pod("z", { phase: "Unknown" }), pod("a")],
  ["not ready", pod("z", { readyFor: -1 }), pod("a")],
  ["cheaper", pod("z", { cost: "-5" }), pod("a")],
  ["an unreadable cost is none", pod("z", { cost: "-1" }), pod("a", { cost: "-0x9" })],
  ["on the fuller node", pod("z", { node: "full" }), pod("a")],
  ["ready for less long, by magnitude", pod("z", { readyFor: 10 }), pod("a")],
  ["ready about as long: by uid", pod("a", { readyFor: 4000 }), pod("z", { readyFor: 3900, restarts: 9 })],
  ["restarted more", pod("z", { restarts: 2 }), pod("a", { restarts: 1 })],
  ["sidecar restarted more", pod("z", { sidecarRestarts: 2 }), pod("a", { sidecarRestarts: 1 })],
  ["younger", pod("z", { age: 4100 }), pod("a", { age: 50_000 })],
] as const) {
  test(`deleted first: ${what}`, () => {
    const related = [pod("r1", { node: "full" }), pod("r2", { node: "full" }), pod("r3")];
    for (const pods of [
      [first, second],
      [second, first],
    ])
      assert.equal(podsToDelete(pods, related, 1, NOW)[0]?.metadata?.name, first.metadata?.name);
  });
}

test("status: counts, the wait for minReadySeconds, failures", () => {
  const set = {
    metadata: { name: "s", generation: 3 },
    spec: { replicas: 3, minReadySeconds: 30, selector: {}, template: { metadata: { labels: { a: "b" } } } },
  } as never;
  const terminating = { ...pod("t"), metadata: { ...pod("t").metadata, deletionTimestamp: ago(0) } };
  const { status, recheckInMs } = observe(
    set,
    [pod("a", { readyFor: 60 }), pod("b", { readyFor: 20 }), pod("c", { readyFor: -1 }), terminating],
    { creating: true, message: "no" },
    NOW,
  );
  assert.equal(recheckInMs, 10_000);
  const { conditions, ...counts } = status;
  assert.deepEqual(counts, {
    replicas: 3,
    fullyLabeledReplicas: 3,
    readyReplicas: 2,
    availableReplicas: 1,
    terminatingReplicas: 1,
    observedGeneration: 3,
  });
  assert.deepEqual(
    conditions?.map(({ type, reason, message }) => [type, reason, message]),
    [["ReplicaFailure", "FailedCreate", "no"]],
  );
  const healed = observe({ ...(set as object), status } as never, [], undefined, NOW).status;
  assert.deepEqual(healed, { replicas: 0, terminatingReplicas: 0, observedGeneration: 3 });
});
