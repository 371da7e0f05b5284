import assert from "node:assert/strict";
import { test } from "node:test";
import { danglingCondition } from "./server.ts";

const NOW = "2026-01-01T00:00:00Z";
const schema = (...conditions: object[]) => ({ spec: { priorityLevelConfiguration: { name: "low" } }, status: { conditions } });

test("a flow schema says whether its priority level is there, once", () => {
  const missing = danglingCondition(schema(), () => false, NOW);
  assert.deepEqual(missing, {
    type: "Dangling",
    status: "True",
    reason: "NotFound",
    message: 'This FlowSchema references the PriorityLevelConfiguration object named "low" but there is no such object',
    lastTransitionTime: NOW,
  });
  assert.equal(
    danglingCondition(schema(missing), () => false, "later"),
    undefined,
  );
  assert.equal(danglingCondition(schema(missing), (name) => name === "low", "later")?.status, "False");
});
