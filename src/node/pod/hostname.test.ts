import assert from "node:assert/strict";
import { test } from "node:test";
import { hostsText, podHostname } from "./hostname.ts";

const spec = { containers: [] };

void test("a pod's host name is its own, or its name cut to what a host name may be", () => {
  assert.equal(podHostname({ metadata: { name: "web-1" }, spec }), "web-1");
  assert.equal(podHostname({ metadata: { name: "web-1" }, spec: { ...spec, hostname: "other" } }), "other");
  assert.equal(podHostname({ metadata: { name: `${"a".repeat(62)}.b` }, spec }), "a".repeat(62));
});

void test("hosts: the pod itself, by its full name if it has a subdomain, and its aliases", () => {
  const metadata = { name: "web-1", namespace: "shop" };
  const lines = (more: object) =>
    hostsText({ metadata, spec: { ...spec, ...more } }, ["10.0.0.5"])
      .split("\n")
      .slice(7);
  assert.deepEqual(lines({}), ["10.0.0.5\tweb-1", ""]);
  assert.deepEqual(lines({ subdomain: "db", hostAliases: [{ ip: "1.2.3.4", hostnames: ["x", "y"] }] }), [
    "10.0.0.5\tweb-1.db.shop.svc.cluster.local\tweb-1",
    "",
    "# Entries added by HostAliases.",
    "1.2.3.4\tx\ty",
    "",
  ]);
});
