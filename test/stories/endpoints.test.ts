// Endpoints and EndpointSlices of Services: mirrored from hand-made ones, and hinted at zones and nodes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { Endpoints, Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { endpointSliceMirroringController } from "#kinds/discovery/endpoint-slice/mirroring/controller.ts";
import { makeKey } from "#meta/object.ts";
import { LABELS, NAMESPACE, startWorkloads, template, type WorkloadCluster } from "./workload-cluster.ts";

const slicesOf = async ({ client }: WorkloadCluster, name: string) =>
  (await client.list(EndpointSlice, { namespace: NAMESPACE, labelSelector: `kubernetes.io/service-name=${name}` })).items;

test("hand-made Endpoints are mirrored for as long as they and their Service are there", async () => {
  await using cluster = await startWorkloads(0, { controllers: [endpointSliceMirroringController] });
  const { client } = cluster;
  const metadata = { name: "custom", namespace: NAMESPACE };
  const key = makeKey(NAMESPACE, "custom");
  const addresses = async () => (await slicesOf(cluster, "custom")).map((slice) => slice.endpoints?.map((one) => one.addresses[0]));
  const shows = (expected: (string | undefined)[][]) =>
    cluster.eventually(JSON.stringify(expected), async () => JSON.stringify(await addresses()) === JSON.stringify(expected));
  await cluster.make(Endpoints, { metadata, subsets: [{ addresses: [{ ip: "10.1.2.3" }], ports: [{ port: 80 }] }] });
  await cluster.clock.advance(1000);
  assert.deepEqual(await addresses(), [], "there is no Service yet");
  await cluster.make(Service, { metadata, spec: { ports: [{ port: 80 }] } });
  await shows([["10.1.2.3"]]);
  await client.patch(Endpoints, key, { subsets: [{ addresses: [{ ip: "10.2.3.4" }], ports: [{ port: 8080 }] }] });
  await shows([["10.2.3.4"]]);
  assert.equal((await slicesOf(cluster, "custom"))[0]?.ports?.[0]?.port, 8080);
  await client.delete(Endpoints, key);
  await shows([]);
});

for (const [wish, withNodes] of [
  ["PreferSameZone", false],
  ["PreferClose", false],
  ["PreferSameNode", true],
] as const) {
  test(`with ${wish} each endpoint is hinted at its own zone${withNodes ? " and node" : ""}, and not any more without`, async () => {
    await using cluster = await startWorkloads(0);
    const zone = "topology.kubernetes.io/zone";
    await cluster.addNode("n0", { labels: { [zone]: "a" } });
    await cluster.addNode("n1", { labels: { [zone]: "b" } });
    const spec = { selector: LABELS, ports: [{ port: 80, targetPort: 8080 }], trafficDistribution: wish };
    await cluster.make(Service, { metadata: { name: "web", namespace: NAMESPACE }, spec });
    await cluster.make(Deployment, {
      metadata: { name: "web", namespace: NAMESPACE },
      spec: { replicas: 3, selector: { matchLabels: LABELS }, template: template("1") },
    });
    await cluster.rolledOut();
    const hinted = async () => (await slicesOf(cluster, "web")).flatMap((slice) => slice.endpoints ?? []);
    await cluster.eventually("all are ready", async () => {
      const all = await hinted();
      return all.length === 3 && all.every((one) => one.conditions?.ready);
    });
    for (const { hints, zone: own, nodeName } of await hinted()) {
      assert.deepEqual(hints, { forZones: [{ name: own }], ...(withNodes ? { forNodes: [{ name: nodeName }] } : {}) });
    }
    await cluster.client.patch(Service, makeKey(NAMESPACE, "web"), { spec: { trafficDistribution: null } });
    await cluster.eventually("no hints", async () => (await hinted()).every((one) => one.hints === undefined));
  });
}
