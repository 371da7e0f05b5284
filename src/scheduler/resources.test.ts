import assert from "node:assert/strict";
import { test } from "node:test";
import { podRequests } from "./resources.ts";
import { pod } from "./test-world.ts";

test("requests: containers and sidecars together, or the largest init step, and overhead", () => {
  const c = (cpu: string, restartPolicy?: string) => ({ resources: { requests: { cpu } }, restartPolicy });
  const requests = (spec: object) => podRequests(pod("p", spec)).get("cpu");
  assert.equal(requests({ containers: [c("100m"), c("0.2")] }), 300);
  assert.equal(requests({ containers: [c("1")], initContainers: [c("500m"), c("200m", "Always")] }), 1200);
  assert.equal(requests({ containers: [c("100m")], initContainers: [c("200m", "Always"), c("500m")], overhead: { cpu: "50m" } }), 750);
});
