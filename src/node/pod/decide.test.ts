import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, type Action, type Decision } from "./decide.ts";
import { NOW, PROBE, attempt, ended, runs, viewOf, type ViewOptions } from "./view-fixture.ts";

/** A decision in one line: actions, then why the pod ends, then when to wake. */
function told(decision: Decision): string {
  const words = decision.actions.map((action: Action) =>
    action.do === "createSandbox"
      ? "sandbox"
      : action.do === "start"
        ? `start ${action.container.name}#${action.attempt}${action.backoff ? ` after ${action.backoff.delayMs}` : ""}`
        : `stop ${action.id} ${action.graceMs}${action.hooks ? "" : " no hooks"}`,
  );
  if (decision.end !== undefined) words.push(`end: ${decision.end.why}`);
  if (decision.gone) words.push("gone");
  if (decision.wakeAt !== undefined) words.push(`wake in ${decision.wakeAt - NOW}`);
  return words.join(", ");
}

const SIDECAR = { name: "side", restartPolicy: "Always" };
const DELETED = { deletionTimestamp: "2026-01-01T00:10:30Z", deletionGracePeriodSeconds: 30 };
const problem = (retryAt: number) => ({ reason: "CreateContainerError", message: "m", at: NOW, retryAt, failures: 1 });

const cases: [name: string, view: ViewOptions, wanted: string][] = [
  ["a new pod gets a sandbox first", { sandbox: false }, "sandbox"],
  ["a failed sandbox is waited for", { sandbox: false, memory: { "": { problem: problem(NOW + 5000) } } }, "wake in 5000"],
  ["all app containers start together", { apps: [{ name: "a" }, { name: "b" }] }, "start a#0, start b#0"],
  ["what runs is left alone", { states: [runs("a")] }, ""],
  ["a container that could not start waits for its next try", { memory: { a: { problem: problem(NOW + 7000) } } }, "wake in 7000"],

  ["init containers start one after the other", { init: [{ name: "i" }, { name: "j" }] }, "start i#0"],
  ["the second waits while the first runs", { init: [{ name: "i" }, { name: "j" }], states: [runs("i")] }, ""],
  ["the second follows a success", { init: [{ name: "i" }, { name: "j" }], states: [ended("i", 0)] }, "start j#0"],
  ["app containers follow the last", { init: [{ name: "i" }], states: [ended("i", 0)] }, "start a#0"],
  ["a failed one runs again at once, then backs off", { init: [{ name: "i" }], states: [ended("i", 1)] }, "start i#1 after 10000"],
  [
    "a failed one that backs off is waited for",
    { init: [{ name: "i" }], states: [ended("i", 1, 1)], memory: { i: { backoff: { delayMs: 10_000, at: NOW - 5000 } } } },
    "wake in 9000",
  ],
  [
    "a failed one ends a pod that never restarts",
    { init: [{ name: "i" }], states: [ended("i", 1)], spec: { restartPolicy: "Never" } },
    "end: finished, gone",
  ],
  [
    "init containers are not repeated once app containers began",
    { init: [{ name: "i" }], states: [ended("a", 1)] },
    "start a#1 after 10000",
  ],

  ["a sidecar lets the next go when it runs", { init: [SIDECAR, { name: "i" }], states: [runs("side")] }, "start i#0"],
  [
    "a sidecar with a startup probe lets the next go when that succeeded",
    { init: [{ ...SIDECAR, startupProbe: PROBE }], states: [runs("side")] },
    "",
  ],
  [
    "its startup probe succeeded",
    { init: [{ ...SIDECAR, startupProbe: PROBE }], states: [runs("side")], probes: { "side-0": { startup: true } } },
    "start a#0",
  ],
  [
    "a sidecar whose hook still runs holds the next back",
    { init: [SIDECAR], states: [runs("side")], memory: { side: { hookRunning: "side-0" } } },
    "",
  ],
  [
    "a sidecar is restarted also in pods that never restart",
    { init: [SIDECAR], states: [ended("side", 0), runs("a")], spec: { restartPolicy: "Never" } },
    "start side#1 after 10000",
  ],

  ["the first restart is immediate", { states: [ended("a", 1)] }, "start a#1 after 10000"],
  ["the second waits", { states: [ended("a", 1, 1)], memory: { a: { backoff: { delayMs: 10_000, at: NOW - 60_000 } } } }, "wake in 9000"],
  [
    "each wait is twice the one before",
    {
      states: [attempt("a", 4, { phase: "exited", exitCode: 1, finishedAt: NOW - 80_000 })],
      memory: { a: { backoff: { delayMs: 80_000, at: NOW - 90_000 } } },
    },
    "start a#5 after 160000",
  ],
  [
    "Never restarts nothing",
    { apps: [{ name: "a" }, { name: "b" }], states: [ended("a", 1), runs("b")], spec: { restartPolicy: "Never" } },
    "",
  ],
  [
    "OnFailure leaves successes",
    { apps: [{ name: "a" }, { name: "b" }], states: [ended("a", 0), ended("b", 2)], spec: { restartPolicy: "OnFailure" } },
    "start b#1 after 10000",
  ],
  ["all done", { states: [ended("a", 0)], spec: { restartPolicy: "OnFailure" } }, "end: finished, gone"],
  [
    "all done, but a sidecar runs",
    { init: [SIDECAR], states: [ended("a", 0), runs("side")], spec: { restartPolicy: "Never" } },
    "stop side-0 30000, end: finished",
  ],

  [
    "a failed liveness probe stops the container",
    { apps: [{ name: "a", livenessProbe: PROBE }], states: [runs("a")], probes: { "a-0": { liveness: false } } },
    "stop a-0 30000",
  ],
  [
    "a probe's own grace period is used",
    {
      apps: [{ name: "a", startupProbe: { ...PROBE, terminationGracePeriodSeconds: 3 } }],
      states: [runs("a")],
      probes: { "a-0": { startup: false } },
    },
    "stop a-0 3000",
  ],
  [
    "once",
    { apps: [{ name: "a", livenessProbe: PROBE }], states: [runs("a")], probes: { "a-0": { liveness: false } }, stopping: ["a-0"] },
    "",
  ],

  ["a deleted pod stops its containers", { metadata: DELETED, states: [runs("a")] }, "stop a-0 30000, end: deleted"],
  [
    "deleted with no grace: no hooks",
    { metadata: { ...DELETED, deletionGracePeriodSeconds: 0 }, states: [runs("a")] },
    "stop a-0 0 no hooks, end: deleted",
  ],
  ["deleted and stopped", { metadata: DELETED, states: [ended("a", 143)] }, "end: deleted, gone"],
  ["deleted before it began", { metadata: DELETED, sandbox: false }, "end: deleted, gone"],
  [
    "sidecars go after the others",
    { metadata: DELETED, init: [SIDECAR], states: [runs("a"), runs("side")] },
    "stop a-0 30000, end: deleted",
  ],
  [
    "sidecars go in reverse order, with what is left of the time",
    {
      metadata: DELETED,
      init: [SIDECAR, { ...SIDECAR, name: "late" }],
      states: [ended("a", 0), runs("side"), runs("late")],
      endingSince: NOW - 10_000,
    },
    "stop late-0 20000, end: deleted",
  ],
  [
    "but at least two seconds",
    { metadata: DELETED, init: [SIDECAR], states: [ended("a", 0), runs("side")], endingSince: NOW - 29_500 },
    "stop side-0 2000, end: deleted",
  ],
  [
    "a pod with a deadline is looked at when it comes",
    { states: [runs("a")], spec: { activeDeadlineSeconds: 660 }, status: { startTime: "2026-01-01T00:00:00Z" } },
    "wake in 60000",
  ],
  [
    "a pod over its deadline ends",
    { states: [runs("a")], spec: { activeDeadlineSeconds: 60 }, status: { startTime: "2026-01-01T00:00:00Z" } },
    "stop a-0 30000, end: deadline",
  ],
  ["a pod that the API calls ended ends", { states: [runs("a")], status: { phase: "Failed" } }, "stop a-0 30000, end: terminal"],

  [
    "a container that is lost counts as one that failed",
    { status: { containerStatuses: [known("a", { running: { startedAt: "2026-01-01T00:00:00Z" } }, 4)] } },
    "start a#5 after 10000",
  ],
  [
    "and is not run twice in a pod that never restarts",
    { spec: { restartPolicy: "Never" }, status: { containerStatuses: [known("a", { running: { startedAt: "2026-01-01T00:00:00Z" } })] } },
    "end: finished, gone",
  ],
  [
    "init containers that are lost have done their work",
    {
      init: [{ name: "i" }],
      status: {
        initContainerStatuses: [known("i", { terminated: { exitCode: 0 } })],
        containerStatuses: [known("a", { waiting: { reason: "PodInitializing" } })],
      },
    },
    "start a#0",
  ],
];

function known(name: string, state: object, restartCount = 0) {
  return { name, state, restartCount, ready: false, image: "i", imageID: "", lastState: {} };
}

void test("what is done about a pod", async (context) => {
  for (const [name, options, wanted] of cases) await context.test(name, () => assert.equal(told(decide(viewOf(options))), wanted));
});
