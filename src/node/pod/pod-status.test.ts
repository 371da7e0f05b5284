import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodStatus } from "#kinds/api/core-v1.gen.ts";
import { decide } from "./decide.ts";
import { podStatus } from "./pod-status.ts";
import { PROBE, ended, runs, viewOf, type ViewOptions } from "./view-fixture.ts";

function statusOf(options: ViewOptions): PodStatus {
  const view = viewOf(options);
  return podStatus(view, decide(view).end, "process", { hostIps: ["10.0.0.1"] });
}

const SIDECAR = { name: "side", restartPolicy: "Always" };
const DELETED = { deletionTimestamp: "2026-01-01T00:10:30Z", deletionGracePeriodSeconds: 30 };
const TWO = [{ name: "a" }, { name: "b" }];
const BACKING_OFF = { a: { backoff: { delayMs: 10_000, at: 0 } } };
const NEVER = { restartPolicy: "Never" };
const ON_FAILURE = { restartPolicy: "OnFailure" };
const OVERDUE = { activeDeadlineSeconds: 60 };
const STARTED = { phase: "Running", startTime: "2026-01-01T00:00:00Z" };

const phases: [name: string, view: ViewOptions, phase: string][] = [
  ["nothing runs yet", {}, "Pending"],
  ["one of two has not started", { apps: TWO, states: [runs("a")] }, "Pending"],
  ["all run", { apps: TWO, states: [runs("a"), runs("b")] }, "Running"],
  ["one crashed and waits", { apps: TWO, states: [runs("a"), ended("b", 1)] }, "Running"],
  ["all crashed and wait", { states: [ended("a", 1)], memory: BACKING_OFF }, "Running"],
  ["all ended well but are restarted", { states: [ended("a", 0)] }, "Running"],
  ["Never: ended well", { states: [ended("a", 0)], spec: NEVER }, "Succeeded"],
  ["Never: one failed", { apps: TWO, states: [ended("a", 0), ended("b", 1)], spec: NEVER }, "Failed"],
  ["Never: one failed, one runs", { apps: TWO, states: [runs("a"), ended("b", 1)], spec: NEVER }, "Running"],
  ["OnFailure: failed", { states: [ended("a", 1)], spec: ON_FAILURE }, "Running"],
  ["OnFailure: ended well", { states: [ended("a", 0)], spec: ON_FAILURE }, "Succeeded"],
  ["an init container runs", { init: [{ name: "i" }], states: [runs("i")] }, "Pending"],
  ["an init container failed and is repeated", { init: [{ name: "i" }], states: [ended("i", 1)] }, "Pending"],
  ["an init container failed for good", { init: [{ name: "i" }], states: [ended("i", 1)], spec: NEVER }, "Failed"],
  ["a sidecar runs, the rest has not started", { init: [SIDECAR], states: [runs("side")] }, "Pending"],
  ["a sidecar that is repeated does not count", { init: [SIDECAR], states: [ended("side", 1), runs("a")] }, "Running"],
  [
    "a restarted sidecar that has not started does not count",
    { init: [{ ...SIDECAR, startupProbe: PROBE }], states: [ended("side", 1), runs("side", 1), runs("a")] },
    "Running",
  ],
  ["done, but the sidecar still runs", { init: [SIDECAR], states: [runs("side"), ended("a", 0)], spec: NEVER, status: STARTED }, "Running"],
  ["done, and the sidecar has ended", { init: [SIDECAR], states: [ended("side", 137), ended("a", 0)], spec: NEVER }, "Succeeded"],
  ["an ended pod stays ended", { states: [runs("a")], status: { phase: "Succeeded" } }, "Succeeded"],
  ["deleted, still running", { metadata: DELETED, states: [runs("a")], status: STARTED }, "Running"],
  ["deleted, ended well", { metadata: DELETED, states: [ended("a", 0)], status: STARTED }, "Succeeded"],
  ["deleted, ended by the signal", { metadata: DELETED, states: [ended("a", 143)], status: STARTED }, "Failed"],
  ["deleted before it began", { metadata: DELETED }, "Failed"],
  ["over its deadline, not gone yet", { states: [runs("a")], spec: OVERDUE, status: STARTED }, "Running"],
  ["over its deadline, gone", { states: [ended("a", 143)], spec: OVERDUE, status: STARTED }, "Failed"],
];

void test("phases", async (context) => {
  for (const [name, options, wanted] of phases) await context.test(name, () => assert.equal(statusOf(options).phase, wanted));
});

void test("why a pod failed: the deadline, or what others said, as long as the phase holds", () => {
  const overdue = statusOf({ states: [ended("a", 143)], spec: OVERDUE, status: STARTED });
  assert.deepEqual(
    [overdue.reason, overdue.message],
    ["DeadlineExceeded", "Pod was active on the node longer than the specified deadline"],
  );
  const kept = { phase: "Failed", reason: "Evicted", message: "too fat" };
  const evicted = statusOf({ states: [runs("a")], status: kept });
  assert.deepEqual([evicted.phase, evicted.reason, evicted.message], ["Failed", "Evicted", "too fat"]);
  assert.equal(statusOf({ states: [runs("a")], status: { phase: "Pending", reason: "Early" } }).reason, undefined);
});

/** `Type=Status Reason: message`. */
function conditions(options: ViewOptions): Record<string, string> {
  return Object.fromEntries(
    (statusOf(options).conditions ?? []).map(({ type, status, reason, message }) => [
      type,
      `${status}${reason ? ` ${reason}` : ""}${message ? `: ${message}` : ""}`,
    ]),
  );
}

const GATED = { readinessGates: [{ conditionType: "x/one" }, { conditionType: "x/two" }] };
const conditionCases: [name: string, view: ViewOptions, wanted: Record<string, string>][] = [
  [
    "new",
    { sandbox: false, apps: TWO },
    {
      PodReadyToStartContainers: "False",
      Initialized: "True",
      Ready: "False ContainersNotReady: containers with unready status: [a b]",
      ContainersReady: "False ContainersNotReady: containers with unready status: [a b]",
      PodScheduled: "True",
    },
  ],
  [
    "initializing",
    { init: [{ name: "i" }, { name: "j" }], states: [ended("i", 0), runs("j")] },
    {
      PodReadyToStartContainers: "True",
      Initialized: "False ContainersNotInitialized: containers with incomplete status: [j]",
      Ready: "False ContainersNotReady: containers with unready status: [a]",
      ContainersReady: "False ContainersNotReady: containers with unready status: [a]",
      PodScheduled: "True",
    },
  ],
  [
    "running",
    { states: [runs("a")] },
    { PodReadyToStartContainers: "True", Initialized: "True", Ready: "True", ContainersReady: "True", PodScheduled: "True" },
  ],
  [
    "running, not ready, with a sidecar that is not ready either",
    { init: [SIDECAR], states: [ended("side", 1), runs("a")], apps: [{ name: "a", readinessProbe: PROBE }] },
    {
      PodReadyToStartContainers: "True",
      Initialized: "True",
      Ready: "False ContainersNotReady: containers with unready status: [side a]",
      ContainersReady: "False ContainersNotReady: containers with unready status: [side a]",
      PodScheduled: "True",
    },
  ],
  [
    "succeeded",
    { states: [ended("a", 0)], spec: NEVER },
    {
      PodReadyToStartContainers: "False",
      Initialized: "True PodCompleted",
      Ready: "False PodCompleted",
      ContainersReady: "False PodCompleted",
      PodScheduled: "True",
    },
  ],
  [
    "failed",
    { states: [ended("a", 1)], spec: NEVER },
    {
      PodReadyToStartContainers: "False",
      Initialized: "True",
      Ready: "False PodFailed",
      ContainersReady: "False PodFailed",
      PodScheduled: "True",
    },
  ],
  [
    "readiness gates",
    { states: [runs("a")], spec: GATED, status: { conditions: [{ type: "x/two", status: "False" }] } },
    {
      PodReadyToStartContainers: "True",
      Initialized: "True",
      Ready:
        'False ReadinessGatesNotReady: corresponding condition of pod readiness gate "x/one" does not exist., the status of pod readiness gate "x/two" is not "True", but False',
      ContainersReady: "True",
      PodScheduled: "True",
    },
  ],
];

void test("conditions", async (context) => {
  for (const [name, options, wanted] of conditionCases) await context.test(name, () => assert.deepEqual(conditions(options), wanted));
});

void test("conditions keep the time of their last change, and say which generation they are about", () => {
  const before = [
    { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:01:00Z" },
    { type: "ContainersReady", status: "False", lastTransitionTime: "2026-01-01T00:01:00Z" },
  ];
  const status = statusOf({ states: [runs("a")], status: { conditions: before } });
  const of = (type: string) => status.conditions?.find((condition) => condition.type === type);
  assert.equal(of("Ready")?.lastTransitionTime, "2026-01-01T00:01:00Z");
  assert.equal(of("ContainersReady")?.lastTransitionTime, "2026-01-01T00:10:00Z");
  assert.equal(of("Ready")?.observedGeneration, 3);
  assert.equal(status.observedGeneration, 3);
});

void test("addresses and start time", () => {
  const status = statusOf({ states: [runs("a")] });
  assert.deepEqual(
    [status.hostIP, status.hostIPs, status.podIP, status.podIPs, status.startTime],
    ["10.0.0.1", [{ ip: "10.0.0.1" }], "10.0.0.5", [{ ip: "10.0.0.5" }], "2026-01-01T00:10:00Z"],
  );
  assert.equal(statusOf({ status: STARTED }).startTime, STARTED.startTime);
  const kept = statusOf({ sandbox: false, status: { podIPs: [{ ip: "10.0.0.9" }] } });
  assert.equal(kept.podIP, "10.0.0.9", "a pod that has ended keeps the address it had");
});

void test("containers of a pod that is over and never ran count as failed, unless they were not due yet", () => {
  const lost = {
    exitCode: 137,
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when the pod was terminated",
  };
  const plain = statusOf({ metadata: DELETED });
  assert.deepEqual(plain.containerStatuses?.[0]?.state, { terminated: lost });
  const inInit = statusOf({ metadata: DELETED, init: [{ name: "i" }, { name: "j" }] });
  assert.deepEqual(
    [...(inInit.initContainerStatuses ?? []), ...(inInit.containerStatuses ?? [])].map(({ state }) => state),
    [{ terminated: lost }, { waiting: { reason: "PodInitializing" } }, { waiting: { reason: "PodInitializing" } }],
  );
});
