import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoints, EndpointSubset } from "#kinds/api/core-v1.gen.ts";
import type { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { isMirrored, planMirror } from "./plan.ts";

const endpoints = (subsets: EndpointSubset[], metadata: Endpoints["metadata"] = {}): Endpoints => ({
  metadata: { name: "web", namespace: "shop", uid: "u", ...metadata },
  subsets,
});
const http = [{ name: "http", port: 80 }];
/** As the server would have it. */
const stored = (slice: EndpointSlice, name = "web-abc"): EndpointSlice => {
  const { generateName: _, ...metadata } = slice.metadata ?? {};
  return { ...slice, metadata: { ...metadata, name, resourceVersion: "1" } };
};
const addressesOf = (slices: readonly EndpointSlice[]) =>
  slices.map((slice) => [slice.addressType, slice.endpoints?.map((one) => [one.addresses[0], one.conditions?.ready])]);

test("ready and other addresses of one port set share a slice, those of the other family have one of their own", () => {
  const plan = planMirror(
    endpoints([
      {
        addresses: [{ ip: "10.0.0.1", hostname: "a", nodeName: "n" }, { ip: "fd00::1" }],
        notReadyAddresses: [{ ip: "10.0.0.2" }],
        ports: http,
      },
      { addresses: [{ ip: "10.0.0.3" }], ports: http },
    ]),
    [],
  );
  assert.deepEqual(addressesOf(plan.create), [
    [
      "IPv4",
      [
        ["10.0.0.1", true],
        ["10.0.0.2", false],
        ["10.0.0.3", true],
      ],
    ],
    ["IPv6", [["fd00::1", true]]],
  ]);
  assert.deepEqual(plan.create[0]?.endpoints?.[0], { addresses: ["10.0.0.1"], conditions: { ready: true }, hostname: "a", nodeName: "n" });
  assert.deepEqual(plan.create[0]?.ports, [{ name: "http", port: 80, protocol: "TCP" }]);
});

test("a slice has the labels and annotations of its Endpoints, but for those of its writes", () => {
  const metadata = {
    labels: { app: "web" },
    annotations: {
      note: "x",
      "endpoints.kubernetes.io/last-change-trigger-time": "t",
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
    },
  };
  const [slice] = planMirror(endpoints([{ addresses: [{ ip: "10.0.0.1" }], ports: http }], metadata), []).create;
  assert.deepEqual(slice?.metadata, {
    generateName: "web-",
    namespace: "shop",
    labels: {
      app: "web",
      "kubernetes.io/service-name": "web",
      "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    },
    annotations: { note: "x" },
    ownerReferences: [{ apiVersion: "v1", kind: "Endpoints", name: "web", uid: "u", controller: true, blockOwnerDeletion: true }],
  });
});

test("what is as it should be is left alone; changed ports change the slice that is there", () => {
  const before = endpoints([{ addresses: [{ ip: "10.0.0.1" }], ports: http }]);
  const slice = stored(planMirror(before, []).create[0]!);
  assert.deepEqual(planMirror(before, [slice]), { create: [], update: [], remove: [], invalid: 0, skipped: 0 });
  const moved = planMirror(endpoints([{ addresses: [{ ip: "10.0.0.1" }], ports: [{ name: "http", port: 81 }] }]), [slice]);
  assert.deepEqual([moved.create, moved.remove], [[], []]);
  assert.deepEqual(
    moved.update.map((one) => [one.metadata?.name, one.metadata?.resourceVersion, one.ports?.[0]?.port]),
    [["web-abc", "1", 81]],
  );
  assert.deepEqual(planMirror(endpoints([]), [slice]).remove, [slice]);
});

test("addresses that are none, and those beyond a thousand, are counted and left out", () => {
  const many = Array.from({ length: 1002 }, (_, index) => ({ ip: `10.0.${index >> 8}.${index & 255}` }));
  const plan = planMirror(endpoints([{ addresses: [{ ip: "nowhere" }, ...many], ports: http }]), []);
  assert.deepEqual([plan.invalid, plan.skipped, plan.create[0]?.endpoints?.length], [1, 2, 1000]);
});

test("locks and those that say so are not mirrored", () => {
  assert.equal(isMirrored(endpoints([])), true);
  assert.equal(isMirrored(endpoints([], { labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } })), false);
  assert.equal(isMirrored(endpoints([], { annotations: { "control-plane.alpha.kubernetes.io/leader": "" } })), false);
});
