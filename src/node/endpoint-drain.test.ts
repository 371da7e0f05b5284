import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lease } from "#kinds/api/coordination-v1.gen.ts";
import type { EndpointConditions, EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { isDrained } from "./endpoint-drain.ts";

const NOW = Date.UTC(2026, 0, 1);
const slice = (revision: number, conditions: EndpointConditions, uid = "p"): EndpointSlice => ({
  metadata: { resourceVersion: String(revision) },
  addressType: "IPv4",
  endpoints: [{ addresses: ["1"], conditions, targetRef: { uid } }],
});
const lease = (applied: number, ageSeconds = 1, component = "service-proxy"): Lease => ({
  metadata: { labels: { "kobune.dev/component": component }, annotations: { "kobune.dev/applied-revision": String(applied) } },
  spec: { renewTime: new Date(NOW - ageSeconds * 1000).toISOString(), leaseDurationSeconds: 40 },
});
const leaving = { ready: false, serving: true, terminating: true };

for (const [what, slices, leases, expected] of [
  ["in no slice", [], [lease(0)], true],
  ["still ready", [slice(5, { ready: true })], [lease(9)], false],
  ["ready is not told", [slice(5, {})], [lease(9)], false],
  ["leaving, proxy behind", [slice(5, leaving)], [lease(4)], false],
  ["leaving, proxy has it", [slice(5, leaving)], [lease(5)], true],
  ["one of two proxies behind", [slice(5, leaving)], [lease(5), lease(4)], false],
  ["one of two slices behind", [slice(5, leaving), slice(7, leaving)], [lease(6)], false],
  ["a dead proxy is not waited for", [slice(5, leaving)], [lease(0, 41)], true],
  ["leases of others do not matter", [slice(5, leaving)], [lease(0, 1, "x")], true],
  ["no proxies", [slice(5, leaving)], [], true],
  ["published to the end", [slice(5, { ready: true, terminating: true })], [lease(0)], true],
  ["another pod's endpoint", [slice(5, { ready: true }, "q")], [lease(0)], true],
] as const) {
  test(`drained: ${what}`, () => assert.equal(isDrained("p", slices, leases, NOW), expected));
}
