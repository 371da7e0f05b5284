import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { addressObject } from "#kinds/core/service/addresses/address-object.ts";
import { parseIp } from "#kinds/shared/ip.ts";
import { canDelete, overlapping } from "./plan.ts";

const range = (name: string, cidr: string, going = false): ServiceCIDR => ({
  metadata: { name, ...(going ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) },
  spec: { cidrs: [cidr] },
});
const given = (ip: string) => addressObject(parseIp(ip)!, { namespace: "n", name: "s" });

const ROWS: readonly { name: string; others: ServiceCIDR[]; ips: string[]; expected: boolean }[] = [
  { name: "a range without addresses may go", others: [], ips: ["10.1.0.5"], expected: true },
  { name: "one with an address may not", others: [], ips: ["10.0.0.5"], expected: false },
  { name: "one whose addresses lie in another too may", others: [range("b", "10.0.0.0/16")], ips: ["10.0.0.5"], expected: true },
  { name: "but not if the other is going as well", others: [range("b", "10.0.0.0/16", true)], ips: ["10.0.0.5"], expected: false },
  { name: "a smaller other must hold the address", others: [range("b", "10.0.0.0/30")], ips: ["10.0.0.5"], expected: false },
];
for (const { name, others, ips, expected } of ROWS) {
  test(name, () => {
    const own = range("a", "10.0.0.0/24", true);
    assert.equal(canDelete(own, [own, ...others], ips.map(given)), expected);
  });
}

test("ranges overlap if one holds the other", () => {
  const all = [range("a", "10.0.0.0/24"), range("b", "10.0.0.0/16"), range("c", "10.9.0.0/16")];
  assert.deepEqual(
    overlapping(range("x", "10.0.0.0/20"), all).map(({ metadata }) => metadata?.name),
    ["a", "b"],
  );
});
