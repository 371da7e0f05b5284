// Ranges of cluster addresses: made ready, and held when they are deleted as long as a Service needs them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IPAddress, ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { addressObject } from "#kinds/core/service/addresses/address-object.ts";
import { SERVICE_CIDR_FINALIZER, serviceCidrController } from "#kinds/networking/service-cidr/controller.ts";
import { parseIp } from "#kinds/shared/ip.ts";
import { makeKey } from "#meta/object.ts";
import { startStory } from "../controllers/cluster.ts";

test("a range becomes ready, is held for its addresses when it is deleted, and goes when they are gone", async () => {
  await using cluster = await startStory({ controllers: [serviceCidrController] });
  const key = makeKey("", "more");
  await cluster.make(ServiceCIDR, { metadata: { name: "more" }, spec: { cidrs: ["10.200.0.0/24"] } });
  const ready = async () => (await cluster.client.get(ServiceCIDR, key)).status?.conditions?.find(({ type }) => type === "Ready");
  await cluster.eventually("the range is ready", async () => (await ready())?.status === "True");
  assert.deepEqual((await cluster.client.get(ServiceCIDR, key)).metadata?.finalizers, [SERVICE_CIDR_FINALIZER]);

  const ip = parseIp("10.200.0.5");
  assert.ok(ip);
  await cluster.make(IPAddress, addressObject(ip, { namespace: "default", name: "s" }));
  await cluster.client.delete(ServiceCIDR, key);
  await cluster.eventually("the range says why it stays", async () => (await ready())?.reason === "Terminating");

  await cluster.client.delete(IPAddress, makeKey("", "10.200.0.5"));
  await cluster.eventually("the range is gone", async () => !(await cluster.exists(ServiceCIDR, key)));
});
