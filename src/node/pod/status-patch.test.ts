import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodStatus } from "#kinds/api/core-v1.gen.ts";
import { statusPatch } from "./status-patch.ts";

const podWith = (status: PodStatus) => ({ metadata: { uid: "u1" }, status });
const patchOf = (before: PodStatus, wanted: PodStatus) => statusPatch(podWith(before), wanted);
const ready = (more: object = {}) => ({ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z", ...more });

const cases: [name: string, before: PodStatus, wanted: PodStatus, status: object | undefined][] = [
  ["nothing changed", { phase: "Running", conditions: [ready()] }, { phase: "Running", conditions: [ready()] }, undefined],
  ["what others own stays", { phase: "Running", qosClass: "Burstable", nominatedNodeName: "n" }, { phase: "Running" }, undefined],
  ["one field", { phase: "Pending" }, { phase: "Running" }, { phase: "Running" }],
  ["a field that is gone is deleted", { phase: "Failed", reason: "Evicted" }, { phase: "Failed" }, { reason: null }],
  ["a new condition", {}, { conditions: [ready()] }, { conditions: [ready()] }],
  ["others' conditions stay", { conditions: [ready(), { type: "x/y", status: "True" }] }, { conditions: [ready()] }, undefined],
  [
    "a condition without its reason and message",
    { conditions: [ready({ status: "False", reason: "R", message: "m" })] },
    { conditions: [ready()] },
    { conditions: [ready({ reason: null, message: null })] },
  ],
  ["lastProbeTime is no difference", { conditions: [ready({ lastProbeTime: null as never })] }, { conditions: [ready()] }, undefined],
  ["addresses are set", {}, { podIPs: [{ ip: "10.0.0.1" }] }, { podIPs: [{ ip: "10.0.0.1" }] }],
  [
    "addresses are replaced, not merged",
    { podIPs: [{ ip: "10.0.0.1" }] },
    { podIPs: [{ ip: "10.0.0.2" }] },
    { podIPs: [{ $patch: "replace" }, { ip: "10.0.0.2" }] },
  ],
];

void test("only differences are written, for this very pod", async (context) => {
  for (const [name, before, wanted, status] of cases) {
    await context.test(name, () => {
      assert.deepEqual(patchOf(before, wanted), status === undefined ? undefined : { metadata: { uid: "u1" }, status });
    });
  }
});
