import assert from "node:assert/strict";
import { test } from "node:test";
import { containerStatus } from "./container-status.ts";
import { containerOf, type StartProblem } from "./pod-view.ts";
import { NOW, PROBE, attempt, ended, runs, viewOf, type ViewOptions } from "./view-fixture.ts";

function statusOf(name: string, options: ViewOptions, ending = false) {
  const view = viewOf(options);
  const found = containerOf(view.pod, name);
  assert.ok(found);
  return containerStatus(view, found.container, found.kind, { runtime: "process", ending });
}

const problem = (reason: string, agoMs: number): StartProblem => ({
  reason,
  message: "no such thing",
  at: NOW - agoMs,
  retryAt: NOW + 5000,
  failures: 1,
});
const RUNNING = { running: { startedAt: "2026-01-01T00:09:50Z" } };
const TERMINATED = (name: string, number: number, exitCode: number) => ({
  terminated: {
    exitCode,
    reason: exitCode === 0 ? "Completed" : "Error",
    startedAt: "2026-01-01T00:09:50Z",
    finishedAt: "2026-01-01T00:09:59Z",
    containerID: `process://${name}-${number}`,
  },
});
const BACKOFF = { delayMs: 80_000, at: NOW - 20_000 };

const states: [name: string, view: ViewOptions, state: object, lastState?: object, restarts?: number][] = [
  ["nothing was tried", {}, { waiting: { reason: "ContainerCreating" } }],
  ["init containers come first", { init: [{ name: "i" }] }, { waiting: { reason: "PodInitializing" } }],
  [
    "a start that failed",
    { memory: { a: { problem: problem("CreateContainerConfigError", 5000) } } },
    { waiting: { reason: "CreateContainerConfigError", message: "no such thing" } },
  ],
  [
    "a pull that failed",
    { memory: { a: { problem: problem("ErrImagePull", 100) } } },
    { waiting: { reason: "ErrImagePull", message: "no such thing" } },
  ],
  [
    "a pull that failed a while ago",
    { memory: { a: { problem: problem("ErrImagePull", 2000) } } },
    { waiting: { reason: "ImagePullBackOff", message: 'Back-off pulling image "i": ErrImagePull: no such thing' } },
  ],
  ["created", { states: [attempt("a", 0, { phase: "created" })] }, { waiting: { reason: "ContainerCreating" } }],
  ["running", { states: [runs("a")] }, RUNNING],
  ["running again", { states: [ended("a", 3), runs("a", 1)] }, RUNNING, TERMINATED("a", 0, 3), 1],
  ["ended, to be restarted in a moment", { states: [ended("a", 3)] }, TERMINATED("a", 0, 3)],
  [
    "ended, waiting for its restart",
    { states: [ended("a", 3, 3)], memory: { a: { backoff: BACKOFF } } },
    { waiting: { reason: "CrashLoopBackOff", message: "back-off 1m20s restarting failed container=a pod=p_default(u1)" } },
    TERMINATED("a", 3, 3),
    3,
  ],
  [
    "ended, and the restart failed",
    { states: [ended("a", 3)], memory: { a: { problem: problem("RunContainerError", 1) } } },
    { waiting: { reason: "RunContainerError", message: "no such thing" } },
    TERMINATED("a", 0, 3),
  ],
  [
    "ended for good",
    { states: [ended("a", 0, 1), ended("a", 1)], spec: { restartPolicy: "OnFailure" } },
    TERMINATED("a", 1, 0),
    TERMINATED("a", 0, 1),
    1,
  ],
];

void test("states, restart counts and last states", async (context) => {
  for (const [name, options, state, lastState = {}, restarts = 0] of states) {
    await context.test(name, () => {
      const status = statusOf("a", options);
      assert.deepEqual([status.state, status.lastState, status.restartCount], [state, lastState, restarts]);
    });
  }
});

void test("a container of an ending pod does not wait for a restart", () => {
  const options = { states: [ended("a", 3)], memory: { a: { backoff: BACKOFF } } };
  assert.deepEqual(statusOf("a", options, true).state, TERMINATED("a", 0, 3));
});

void test("an ended container's last words are told", () => {
  const state = { ...ended("a", 137), reason: "OOMKilled", message: "help" };
  const { terminated } = statusOf("a", { states: [state], spec: { restartPolicy: "Never" } }).state ?? {};
  assert.deepEqual([terminated?.exitCode, terminated?.reason, terminated?.message], [137, "OOMKilled", "help"]);
});

const readiness: [name: string, container: string, view: ViewOptions, started: boolean | undefined, ready: boolean][] = [
  ["waiting", "a", {}, false, false],
  ["running without probes", "a", { states: [runs("a")] }, true, true],
  ["its postStart hook runs", "a", { states: [runs("a")], memory: { a: { hookRunning: "a-0" } } }, false, false],
  ["startup probe has no answer", "a", { apps: [{ name: "a", startupProbe: PROBE }], states: [runs("a")] }, false, false],
  [
    "startup probe succeeded, readiness has no answer",
    "a",
    { apps: [{ name: "a", startupProbe: PROBE, readinessProbe: PROBE }], states: [runs("a")], probes: { "a-0": { startup: true } } },
    true,
    false,
  ],
  [
    "readiness probe succeeded",
    "a",
    { apps: [{ name: "a", readinessProbe: PROBE }], states: [runs("a")], probes: { "a-0": { readiness: true } } },
    true,
    true,
  ],
  ["ended", "a", { states: [ended("a", 0)] }, false, false],
  ["init container runs", "i", { init: [{ name: "i" }], states: [runs("i")] }, true, false],
  ["init container done", "i", { init: [{ name: "i" }], states: [ended("i", 0)] }, false, true],
  ["init container failed", "i", { init: [{ name: "i" }], states: [ended("i", 1)] }, false, false],
  ["sidecar runs", "s", { init: [{ name: "s", restartPolicy: "Always" }], states: [runs("s")] }, true, true],
  ["ephemeral container", "e", { spec: { ephemeralContainers: [{ name: "e", image: "i" }] }, states: [runs("e")] }, undefined, false],
];

void test("started and ready", async (context) => {
  for (const [name, container, options, started, ready] of readiness) {
    await context.test(name, () => {
      const status = statusOf(container, options);
      assert.deepEqual([status.started, status.ready], [started, ready]);
    });
  }
});

void test("ids, images, resources and mounts", () => {
  const resources = { limits: { cpu: "1" }, requests: { cpu: "500m" } };
  const volumeMounts = [
    { name: "v", mountPath: "/v", readOnly: true },
    { name: "w", mountPath: "/w" },
  ];
  const options: ViewOptions = {
    apps: [{ name: "a", image: "nginx", resources, volumeMounts }],
    states: [runs("a")],
    memory: { a: { imageId: "nginx@1" } },
  };
  const status = statusOf("a", options);
  assert.deepEqual([status.containerID, status.image, status.imageID], ["process://a-0", "nginx", "nginx@1"]);
  assert.deepEqual([status.resources, status.allocatedResources], [resources, resources.requests]);
  assert.deepEqual(status.volumeMounts, [
    { name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly: "Disabled" },
    { name: "w", mountPath: "/w" },
  ]);
  assert.equal(statusOf("a", { ...options, states: [] }).containerID, undefined);
});

void test("what the API was told holds when the runtime has lost the container", () => {
  const told = (state: object, restartCount: number, lastState: object = {}) => ({
    status: {
      containerStatuses: [
        { name: "a", state, lastState, restartCount, ready: false, image: "i", imageID: "i@1", containerID: "process://x" },
      ],
    },
    spec: { restartPolicy: "Never" },
  });
  const ran = statusOf("a", told({ running: { startedAt: "2026-01-01T00:00:00Z" } }, 2, TERMINATED("a", 1, 1)));
  assert.deepEqual(
    [ran.state?.terminated?.exitCode, ran.state?.terminated?.reason, ran.restartCount, ran.lastState, ran.imageID],
    [137, "ContainerStatusUnknown", 2, TERMINATED("a", 1, 1), "i@1"],
  );
  const done = TERMINATED("a", 0, 0);
  assert.deepEqual(statusOf("a", told(done, 0)).state, done);
  const waiting = statusOf("a", { ...told({ waiting: { reason: "CrashLoopBackOff" } }, 3, TERMINATED("a", 3, 1)), spec: {} });
  assert.deepEqual([waiting.state, waiting.restartCount], [TERMINATED("a", 3, 1), 3]);
});
