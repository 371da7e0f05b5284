import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#kinds/api/core-v1.gen.ts";
import type { IPAddress } from "#kinds/api/networking-v1.gen.ts";
import { parseIp } from "#kinds/shared/ip.ts";
import { addressObject } from "../addresses/address-object.ts";
import { planRepair } from "./plan.ts";

const NOW = Date.parse("2026-01-01T01:00:00Z");
const ranges = [{ metadata: { name: "kubernetes" }, spec: { cidrs: ["10.0.0.0/24"] } }];
const service = (name: string, ip: string, spec: Service["spec"] = {}): Service => ({
  metadata: { namespace: "n", name },
  spec: { type: "ClusterIP", clusterIP: ip, clusterIPs: [ip], ...spec },
});
const address = (ip: string, name: string, ageMs = 3_600_000, change: Partial<IPAddress> = {}): IPAddress => {
  const made = addressObject(parseIp(ip)!, { namespace: "n", name });
  return { ...made, metadata: { ...made.metadata, creationTimestamp: new Date(NOW - ageMs).toISOString() }, ...change };
};
const parent = (parentRef: object): Partial<IPAddress> => ({ spec: { parentRef } as NonNullable<IPAddress["spec"]> });

const ROWS: readonly { name: string; services?: Service[]; addresses?: IPAddress[]; expected: string[]; againInMs?: number }[] = [
  {
    name: "what belongs together is left alone",
    services: [service("a", "10.0.0.1")],
    addresses: [address("10.0.0.1", "a")],
    expected: [],
  },
  { name: "headless Services have no address", services: [service("a", "None")], expected: [] },
  { name: "a lost address comes back", services: [service("a", "10.0.0.1")], expected: ["ClusterIPNotAllocated create"] },
  { name: "an address of no range is told of", services: [service("a", "10.9.0.1")], expected: ["ClusterIPOutOfRange undefined"] },
  {
    name: "one that another kind holds is made anew",
    services: [service("a", "10.0.0.1")],
    addresses: [address("10.0.0.1", "a", 0, parent({ resource: "things", name: "a" }))],
    expected: ["ClusterIPNotAllocated recreate", "IPAddressNotAllocated remove"],
  },
  {
    name: "one of a Service that is gone is made anew",
    services: [service("a", "10.0.0.1")],
    addresses: [address("10.0.0.1", "gone", 0)],
    expected: ["ClusterIPNotAllocated recreate"],
    againInMs: 60_001,
  },
  {
    name: "two Services with one address are told of",
    services: [service("a", "10.0.0.1"), service("b", "10.0.0.1")],
    addresses: [address("10.0.0.1", "a")],
    expected: ["ClusterIPAlreadyAllocated undefined"],
  },
  {
    name: "an old address without a Service goes",
    addresses: [address("10.0.0.1", "gone", 61_000)],
    expected: ["IPAddressNotAllocated remove"],
  },
  {
    name: "a young one may belong to a Service that is being created",
    addresses: [address("10.0.0.1", "new", 20_000)],
    expected: [],
    againInMs: 40_001,
  },
  {
    name: "an address that the Service has no more goes",
    services: [service("a", "10.0.0.2")],
    addresses: [address("10.0.0.2", "a"), address("10.0.0.1", "a")],
    expected: ["IPAddressWrongReference remove"],
  },
  {
    name: "an address that the Service is about to get stays",
    services: [service("a", "10.0.0.2")],
    addresses: [address("10.0.0.2", "a"), address("10.0.0.1", "a", 2_000)],
    expected: [],
    againInMs: 3_000,
  },
  {
    name: "addresses that others manage are not ours to remove",
    addresses: [address("10.0.0.1", "gone", 61_000, { metadata: { name: "10.0.0.1" } })],
    expected: [],
  },
];
for (const { name, services = [], addresses = [], expected, againInMs } of ROWS) {
  test(name, () => {
    const plan = planRepair({ services, addresses, ranges, now: NOW });
    assert.deepEqual(
      plan.steps.map(({ reason, mend }) => `${reason} ${mend}`),
      expected,
    );
    assert.equal(plan.againInMs, againInMs);
  });
}
