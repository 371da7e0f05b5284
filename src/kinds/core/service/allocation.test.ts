import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#kinds/api/core-v1.gen.ts";
import { formatIp, parseCidr } from "#kinds/shared/ip.ts";
import { allocateService, give, heldBy, ownerOf, type Pools } from "./allocation.ts";
import { serviceHooks } from "./kind.ts";
import { createAddressRange, createPortPool, type ClusterAddresses } from "./pools.ts";

/** Addresses without the objects that tell of them. */
function addressesOf(...cidrs: string[]): ClusterAddresses {
  const ranges = cidrs.map((text) => createAddressRange(parseCidr(text)!));
  const taken = new Set<bigint>();
  const held = new Map<string, bigint>();
  const hold = (ip: { readonly family: 4 | 6; readonly value: bigint }) => {
    taken.add(ip.value);
    held.set(formatIp(ip), ip.value);
    return formatIp(ip);
  };
  return {
    families: ranges.map(({ family }) => family),
    async take(_service, ip, dryRun) {
      if (!ranges.some((range) => range.covers(ip))) return "the provided network does not match the current range";
      if (taken.has(ip.value)) return "provided IP is already allocated";
      if (!dryRun) hold(ip);
      return undefined;
    },
    async takeAny(_service, family, dryRun) {
      const range = ranges.find((each) => each.family === family);
      if (dryRun) return range?.base;
      const ip = range?.pick(taken, () => 0);
      return ip && hold(ip);
    },
    give: (text) => void taken.delete(held.get(text) ?? -1n),
  };
}

const pools = (...cidrs: string[]): Pools => ({
  addresses: addressesOf(...(cidrs.length > 0 ? cidrs : ["10.0.0.0/28"])),
  ports: createPortPool({ first: 30000, last: 30003 }, () => 0),
});
let uids = 0;
const service = (spec: Service["spec"] = {}): Service => {
  const object: Service = {
    metadata: { name: "s", namespace: "n", uid: `${++uids}` },
    spec: { ports: [{ port: 80 }], selector: { a: "b" }, ...spec },
  };
  serviceHooks.default?.(object);
  return object;
};
const allocated = async (all: Pools, object: Service): Promise<Service> => {
  await (await allocateService(all, object, undefined)).commit();
  return object;
};
const change = async (all: Pools, before: Service, spec: Partial<NonNullable<Service["spec"]>>): Promise<Service> => {
  const next: Service = structuredClone(before);
  Object.assign(next.spec!, spec);
  serviceHooks.default?.(next);
  serviceHooks.prepare?.(next, before, { now: "", user: { name: "", groups: [] }, subresource: "", random: () => 0 });
  await (await allocateService(all, next, before)).commit();
  return next;
};

test("every Service gets an address of its own until there are none", async () => {
  const all = pools();
  const ips = new Set<string | undefined>();
  for (let index = 0; index < 14; index++) ips.add((await allocated(all, service())).spec!.clusterIP);
  assert.equal(ips.size, 14);
  await assert.rejects(allocateService(all, service(), undefined), /failed to allocate a serviceIP for Service "s": range is full/);
});

test("addresses are given from above the part that is kept, which comes last", async () => {
  const all = pools("10.0.0.0/24");
  assert.equal((await allocated(all, service())).spec!.clusterIP, "10.0.0.17");
  for (let index = 1; index < 238; index++) await allocated(all, service());
  assert.equal((await allocated(all, service())).spec!.clusterIP, "10.0.0.1");
});

test("an address that is taken is refused in upstream's words, and free again after release", async () => {
  const all = pools();
  const first = await allocated(all, service({ clusterIP: "10.0.0.5" }));
  const again = () => allocateService(all, service({ clusterIP: "10.0.0.5" }), undefined);
  await assert.rejects(again, {
    message:
      'Service "s" is invalid: spec.clusterIPs: Invalid value: ["10.0.0.5"]: failed to allocate IP 10.0.0.5: provided IP is already allocated',
  });
  await give(all, heldBy(first), ownerOf(first));
  await (await again()).commit();
});

for (const ip of ["10.0.0.0", "10.0.0.15", "10.1.0.1", "fd00::1"]) {
  test(`${ip} is no address of 10.0.0.0/28`, async () => {
    const asked = allocateService(pools(), service({ clusterIP: ip }), undefined);
    await assert.rejects(asked, /the provided network does not match the current range|IPv6 is not configured on this cluster/);
  });
}

test("what a failed write took is given back", async () => {
  const all = pools();
  const spec = { clusterIP: "10.0.0.5", type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] };
  await (await allocateService(all, service(spec), undefined)).rollback();
  await allocated(all, service(spec));
  const clash = allocateService(all, service({ type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }), undefined);
  await assert.rejects(clash, /spec.ports\[0\].nodePort: Invalid value: 30001: provided port is already allocated/);
});

test("a refused address gives the node port back", async () => {
  const all = pools();
  await assert.rejects(
    allocateService(all, service({ clusterIP: "10.9.9.9", type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }), undefined),
  );
  await allocated(all, service({ type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }));
});

test("a dry run takes nothing", async () => {
  const all = pools();
  const spec = { type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] };
  const dry = service({ ...spec, clusterIP: "10.0.0.5" });
  await (await allocateService(all, dry, undefined, true)).rollback();
  assert.deepEqual(dry.spec!.clusterIPs, ["10.0.0.5"]);
  const any = service();
  await allocateService(all, any, undefined, true);
  assert.equal(any.spec!.clusterIP, "10.0.0.0");
  await allocated(all, service({ ...spec, clusterIP: "10.0.0.5" }));
});

test("a change of type frees the node port and keeps the address", async () => {
  const all = pools();
  const before = await allocated(all, service({ type: "NodePort" }));
  const port = before.spec!.ports![0]!.nodePort!;
  const next = await change(all, before, { type: "ClusterIP" });
  assert.equal(next.spec!.ports![0]!.nodePort, undefined);
  assert.equal(next.spec!.clusterIP, before.spec!.clusterIP);
  await allocated(all, service({ type: "NodePort", ports: [{ port: 80, nodePort: port }] }));
});

test("news of a Service that is gone frees no port that another one has taken", async () => {
  const all = pools();
  const first = await allocated(all, service({ type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }));
  await give(all, heldBy(first), ownerOf(first));
  await allocated(all, service({ type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] }));
  await give(all, heldBy(first), ownerOf(first));
  await assert.rejects(allocated(all, service({ type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] })), /already allocated/);
});

test("protocols of one port share a node port", async () => {
  const ports = [
    { name: "a", port: 53, protocol: "UDP" },
    { name: "b", port: 53, protocol: "TCP", nodePort: 30002 },
    { name: "c", port: 54 },
  ];
  const given = await allocated(pools(), service({ type: "NodePort", ports }));
  const [a, b, c] = given.spec!.ports!.map(({ nodePort }) => nodePort);
  assert.deepEqual([a, b], [30002, 30002]);
  assert.notEqual(c, 30002);
});

test("an ExternalName Service that becomes one with an address gets one, and back", async () => {
  const all = pools();
  const external = await allocated(all, service({ type: "ExternalName", externalName: "a.example.com", ports: [] }));
  assert.equal(external.spec!.clusterIPs, undefined);
  const cluster = await change(all, external, { type: "ClusterIP", ports: [{ port: 80 }] });
  assert.match(cluster.spec!.clusterIP!, /^10\.0\.0\./);
  const back = await change(all, cluster, { type: "ExternalName" });
  assert.deepEqual([back.spec!.clusterIP, back.spec!.clusterIPs, back.spec!.ipFamilies], [undefined, undefined, undefined]);
  await allocated(all, service({ clusterIP: cluster.spec!.clusterIP! }));
});

test("a Service goes from one family to two and back", async () => {
  const all = pools("10.0.0.0/28", "fd00::/112");
  const single = await allocated(all, service());
  assert.deepEqual(single.spec!.ipFamilies, ["IPv4"]);
  const dual = await change(all, single, { ipFamilyPolicy: "RequireDualStack" });
  assert.deepEqual(dual.spec!.ipFamilies, ["IPv4", "IPv6"]);
  assert.equal(dual.spec!.clusterIPs!.length, 2);
  const second = dual.spec!.clusterIPs![1]!;
  const again = await change(all, dual, { ipFamilyPolicy: "SingleStack" });
  assert.deepEqual([again.spec!.ipFamilies, again.spec!.clusterIPs], [["IPv4"], [single.spec!.clusterIP]]);
  await allocated(all, service({ clusterIP: second }));
});

const FAMILIES: readonly { cidrs: string[]; spec: Service["spec"]; expected: string[] | RegExp }[] = [
  { cidrs: ["10.0.0.0/28"], spec: {}, expected: ["IPv4"] },
  { cidrs: ["10.0.0.0/28"], spec: { ipFamilyPolicy: "PreferDualStack" }, expected: ["IPv4"] },
  {
    cidrs: ["10.0.0.0/28"],
    spec: { ipFamilyPolicy: "RequireDualStack" },
    expected: /spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services/,
  },
  {
    cidrs: ["10.0.0.0/28"],
    spec: { ipFamilies: ["IPv6"] },
    expected: /spec.ipFamilies\[0\]: Invalid value: "IPv6": not configured on this cluster/,
  },
  {
    cidrs: ["10.0.0.0/28"],
    spec: { ipFamilies: ["IPv4", "IPv6"] },
    expected: /must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified/,
  },
  { cidrs: ["fd00::/112", "10.0.0.0/28"], spec: { ipFamilyPolicy: "PreferDualStack" }, expected: ["IPv6", "IPv4"] },
  { cidrs: ["10.0.0.0/28"], spec: { clusterIP: "None", selector: {} }, expected: ["IPv4", "IPv6"] },
  { cidrs: ["10.0.0.0/28"], spec: { clusterIP: "None" }, expected: ["IPv4"] },
];
for (const { cidrs, spec, expected } of FAMILIES) {
  test(`families of ${JSON.stringify(spec)} with ${cidrs.join()}`, async () => {
    const asked = allocated(pools(...cidrs), service(spec));
    if (expected instanceof RegExp) await assert.rejects(asked, expected);
    else assert.deepEqual((await asked).spec!.ipFamilies, expected);
  });
}

test("an allocated Service is valid", async () => {
  for (const spec of [{}, { type: "NodePort" }, { type: "LoadBalancer", externalTrafficPolicy: "Local" }, { clusterIP: "None" }]) {
    const object = await allocated(pools(), service(spec));
    assert.deepEqual(serviceHooks.validate?.(object, undefined, { subresource: "" }), [], JSON.stringify(object));
  }
});
