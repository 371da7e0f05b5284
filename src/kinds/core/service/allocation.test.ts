import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#kinds/api/core-v1.gen.ts";
import { parseCidr } from "#kinds/shared/ip.ts";
import { allocateService, give, heldBy, type Pools } from "./allocation.ts";
import { serviceHooks } from "./kind.ts";
import { createAddressPool, createPortPool } from "./pools.ts";

const pools = (cidr = "10.0.0.0/28"): Pools => ({
  addresses: [createAddressPool(parseCidr(cidr)!, () => 0)],
  ports: createPortPool({ first: 30000, last: 30003 }, () => 0),
});
const service = (spec: Service["spec"] = {}): Service => {
  const object: Service = { metadata: { name: "s" }, spec: { ports: [{ port: 80 }], selector: { a: "b" }, ...spec } };
  serviceHooks.default?.(object);
  return object;
};
const allocated = (all: Pools, object: Service) => {
  allocateService(all, object, undefined).commit();
  return object;
};

test("every Service gets an address of its own until there are none", () => {
  const all = pools();
  const ips = Array.from({ length: 14 }, () => allocated(all, service()).spec!.clusterIP);
  assert.equal(new Set(ips).size, 14);
  assert.throws(() => allocateService(all, service(), undefined), /range is full/);
});

test("an address that is taken is refused in upstream's words, and free again after release", () => {
  const all = pools();
  const first = allocated(all, service({ clusterIP: "10.0.0.5" }));
  const again = () => allocateService(all, service({ clusterIP: "10.0.0.5" }), undefined);
  assert.throws(again, {
    message:
      'Service "s" is invalid: spec.clusterIPs: Invalid value: ["10.0.0.5"]: failed to allocate IP 10.0.0.5: provided IP is already allocated',
  });
  give(all, heldBy(first));
  again().commit();
});

test("what a failed write took is given back", () => {
  const all = pools();
  allocateService(all, service({ clusterIP: "10.0.0.5", type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }), undefined).rollback();
  allocated(all, service({ clusterIP: "10.0.0.5", type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }));
  const clash = () => allocateService(all, service({ type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }), undefined);
  assert.throws(clash, /spec.ports\[0\].nodePort: Invalid value: 30001: provided port is already allocated/);
});

test("a change of type frees the node port and keeps the address", () => {
  const all = pools();
  const before = allocated(all, service({ type: "NodePort" }));
  const next = service({
    type: "ClusterIP",
    ports: [{ port: 80, nodePort: before.spec!.ports![0]!.nodePort! }],
    clusterIP: before.spec!.clusterIP!,
    clusterIPs: before.spec!.clusterIPs!,
  });
  serviceHooks.prepare?.(next, before, { now: "", user: { name: "", groups: [] }, subresource: "", random: () => 0 });
  allocateService(all, next, before).commit();
  assert.equal(next.spec!.ports![0]!.nodePort, undefined);
  assert.equal(next.spec!.clusterIP, before.spec!.clusterIP);
  allocated(all, service({ type: "NodePort", ports: [{ port: 80, nodePort: before.spec!.ports![0]!.nodePort! }] }));
});

test("an allocated Service is valid", () => {
  for (const spec of [{}, { type: "NodePort" }, { type: "LoadBalancer", externalTrafficPolicy: "Local" }, { clusterIP: "None" }]) {
    const all = pools();
    const object = allocated(all, service(spec));
    assert.deepEqual(serviceHooks.validate?.(object, undefined, { subresource: "" }), [], JSON.stringify(object));
  }
});
