import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { cidrContains, cidrSize, formatCidr, formatIp, ipAt, offsetOf, parseCidr, parseCidrSloppy, parseIp, parseIpSloppy } from "./ip.ts";

const cases: readonly { text: string; strict: string | undefined; sloppy: string | undefined }[] = [
  { text: "1.2.3.4", strict: "1.2.3.4", sloppy: "1.2.3.4" },
  { text: "010.0.0.1", strict: undefined, sloppy: "10.0.0.1" },
  { text: "1.2.3", strict: undefined, sloppy: undefined },
  { text: "256.0.0.1", strict: undefined, sloppy: undefined },
  { text: "::", strict: "::", sloppy: "::" },
  { text: "1::", strict: "1::", sloppy: "1::" },
  { text: "2001:0db8:0:0:0:0:0:1", strict: "2001:db8::1", sloppy: "2001:db8::1" },
  { text: "FE80::ABC", strict: "fe80::abc", sloppy: "fe80::abc" },
  { text: "::ffff:1.2.3.4", strict: "::ffff:1.2.3.4", sloppy: "1.2.3.4" },
  { text: "0:0:1:0:0:0:1:0", strict: "0:0:1::1:0", sloppy: "0:0:1::1:0" },
  { text: "1:2:3:4:5:6:7::", strict: "1:2:3:4:5:6:7:0", sloppy: "1:2:3:4:5:6:7:0" },
  { text: "1:2:3:4:5:6:7:8::", strict: undefined, sloppy: undefined },
  { text: "::1::", strict: undefined, sloppy: undefined },
  { text: "fe80::1%eth0", strict: undefined, sloppy: undefined },
  { text: "", strict: undefined, sloppy: undefined },
];
for (const { text, strict, sloppy } of cases) {
  test(`address "${text}"`, () => {
    const parsed = parseIp(text);
    assert.equal(parsed && formatIp(parsed), strict);
    const lax = parseIpSloppy(text);
    assert.equal(lax && formatIp(lax), sloppy);
  });
}

test("every address survives being printed and parsed", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const parsed = parseIp(text);
      assert.equal(parsed !== undefined, isIP(text) !== 0);
      if (parsed) assert.deepEqual(parseIp(formatIp(parsed)), parsed);
    }),
  );
});

test("what node takes for no address is none here", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0123456789abcf:.".split("")), maxLength: 20 }), (text) => {
      assert.equal(parseIp(text) !== undefined, isIP(text) !== 0, text);
    }),
    { numRuns: 2000 },
  );
});

test("subnets count, contain and hand out their addresses", () => {
  const cidr = parseCidr("10.0.0.5/24");
  assert.ok(cidr);
  assert.equal(formatCidr(cidr), "10.0.0.0/24");
  assert.equal(cidrSize(cidr), 256n);
  assert.equal(formatIp(ipAt(cidr, 255)), "10.0.0.255");
  assert.throws(() => ipAt(cidr, 256), RangeError);
  const inside = parseIp("10.0.0.7");
  const outside = parseIp("10.0.1.0");
  assert.ok(inside && outside);
  assert.equal(offsetOf(cidr, inside), 7n);
  assert.equal(offsetOf(cidr, outside), undefined);
  assert.equal(cidrContains(cidr, outside), false);
  assert.equal(parseCidr("10.0.0.0/33"), undefined);
  assert.equal(parseCidr("10.0.0.0/08"), undefined);
  assert.equal(parseCidrSloppy("10.0.0.0/08")?.prefix, 8);
  assert.equal(parseCidr("10.0.0.0"), undefined);
});
