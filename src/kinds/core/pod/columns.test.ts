import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import { podColumns } from "./columns.ts";

const NOW = Date.parse("2026-01-01T01:00:00Z");
const status = (name: string, rest: Partial<ContainerStatus>): ContainerStatus => ({
  name,
  image: "i",
  imageID: "",
  ready: false,
  restartCount: 0,
  ...rest,
});
const pod = (rest: Pod["status"], init: string[] = [], sidecar = false): Pod => ({
  metadata: { name: "p", creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: { containers: [{ name: "c" }], initContainers: init.map((name) => (sidecar ? { name, restartPolicy: "Always" } : { name })) },
  status: { phase: "Pending", ...rest },
});
const running = { running: {} };

const cases: readonly (readonly [string, Pod, string, string, string])[] = [
  ["running", pod({ phase: "Running", containerStatuses: [status("c", { ready: true, state: running })] }), "1/1", "Running", "0"],
  [
    "waiting with a reason",
    pod({ containerStatuses: [status("c", { state: { waiting: { reason: "ImagePullBackOff" } } })] }),
    "0/1",
    "ImagePullBackOff",
    "0",
  ],
  [
    "restarted",
    pod({
      phase: "Running",
      containerStatuses: [
        status("c", {
          ready: true,
          restartCount: 3,
          state: running,
          lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:55:00Z" } },
        }),
      ],
    }),
    "1/1",
    "Running",
    "3 (5m ago)",
  ],
  [
    "ended by a signal",
    pod({ phase: "Failed", containerStatuses: [status("c", { state: { terminated: { exitCode: 137, signal: 9 } } })] }),
    "0/1",
    "Signal:9",
    "0",
  ],
  [
    "initializing",
    pod({ initContainerStatuses: [status("a", { state: { terminated: { exitCode: 0 } } }), status("b", { state: running })] }, ["a", "b"]),
    "0/1",
    "Init:1/2",
    "0",
  ],
  [
    "failing to initialize",
    pod({ initContainerStatuses: [status("a", { state: { terminated: { exitCode: 2 } } })] }, ["a"]),
    "0/1",
    "Init:ExitCode:2",
    "0",
  ],
  [
    "with a sidecar",
    pod(
      {
        phase: "Running",
        initContainerStatuses: [status("s", { started: true, ready: true, state: running })],
        containerStatuses: [status("c", { ready: true, state: running })],
      },
      ["s"],
      true,
    ),
    "2/2",
    "Running",
    "0",
  ],
  ["gated", pod({ conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] }), "0/1", "SchedulingGated", "0"],
  [
    "deleted",
    { ...pod({ phase: "Running" }), metadata: { name: "p", deletionTimestamp: "2026-01-01T00:00:00Z" } },
    "0/1",
    "Terminating",
    "0",
  ],
];
for (const [name, object, ready, shown, restarts] of cases) {
  test(`a pod that is ${name} shows as ${shown}`, () => {
    const cells = Object.fromEntries(podColumns.map((column) => [column.name, column.value(object, NOW)]));
    assert.deepEqual([cells["Ready"], cells["Status"], cells["Restarts"]], [ready, shown, restarts]);
  });
}
