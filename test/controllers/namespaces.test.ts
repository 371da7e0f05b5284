import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrapObjects } from "#controllers/bootstrap.ts";
import { rootCaPublisher } from "#controllers/root-ca-publisher.ts";
import { ConfigMap, Endpoints, Namespace, Pod, Secret, Service, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { namespaceController } from "#kinds/core/namespace/controller.ts";
import { serviceAccountController } from "#kinds/core/service-account/controller.ts";
import { startStory } from "./cluster.ts";

const start = () => startStory({ controllers: [namespaceController, serviceAccountController, rootCaPublisher("PEM")] });

test("a namespace gets its default ServiceAccount and the root CA, and gets them back", async () => {
  await using story = await start();
  await story.make(Namespace, { metadata: { name: "a" } });
  const there = async () => (await story.exists(ServiceAccount, "a/default")) && (await story.exists(ConfigMap, "a/kube-root-ca.crt"));
  await story.eventually("both are there", there);
  await story.client.delete(ServiceAccount, "a/default");
  await story.client.delete(ConfigMap, "a/kube-root-ca.crt");
  await story.eventually("both are there again", there);
  await story.client.patch(ConfigMap, "a/kube-root-ca.crt", { data: { "ca.crt": "forged", more: "x" } });
  await story.eventually("the CA is mended", async () => {
    const { data } = await story.client.get(ConfigMap, "a/kube-root-ca.crt");
    return JSON.stringify(data) === JSON.stringify({ "ca.crt": "PEM" });
  });
});

test("deleting a namespace takes its pods first, then all else, then itself", async () => {
  await using story = await start();
  await story.make(Namespace, { metadata: { name: "a" } });
  await story.make(Secret, { metadata: { name: "s", namespace: "a" } });
  await story.make(Secret, { metadata: { name: "held", namespace: "a", finalizers: ["example.com/hold"] } });
  await story.make(Pod, {
    metadata: { name: "p", namespace: "a", finalizers: ["example.com/pod"] },
    spec: { nodeName: "n", containers: [{ name: "c", image: "x" }] },
  });
  await story.client.delete(Namespace, "/a");
  await story.eventually(
    "the pod is being deleted",
    async () => (await story.client.get(Pod, "a/p")).metadata?.deletionTimestamp !== undefined,
  );
  await story.clock.advance(60_000);
  assert.equal(await story.exists(Secret, "a/s"), true, "everything else waits for the pods");
  const waiting = await story.client.get(Namespace, "/a");
  assert.equal(waiting.status?.phase, "Terminating");
  assert.equal(
    waiting.status?.conditions?.find(({ type }) => type === "NamespaceContentRemaining")?.message,
    "Some resources are remaining: pods. has 1 resource instances",
  );

  await story.client.patch(Pod, "a/p", { metadata: { finalizers: null } });
  await story.client.delete(Pod, "a/p", { gracePeriodSeconds: 0 });
  await story.eventually("the secret is gone", async () => !(await story.exists(Secret, "a/s")));
  await story.eventually("the finalizer is told", async () => {
    const namespace = await story.client.get(Namespace, "/a");
    const condition = namespace.status?.conditions?.find(({ type }) => type === "NamespaceFinalizersRemaining");
    return condition?.message === "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances";
  });
  await story.client.patch(Secret, "a/held", { metadata: { finalizers: null } });
  await story.eventually("the namespace is gone", async () => !(await story.exists(Namespace, "/a")));
});

test("the objects every cluster has are made once and mended", async () => {
  await using story = await start();
  const options = { serviceIp: "10.96.0.1", address: "127.0.0.1", port: 6443 };
  await bootstrapObjects(story.client, options);
  await bootstrapObjects(story.client, options);
  const namespaces = (await story.client.list(Namespace)).items.map(({ metadata }) => metadata?.name).toSorted();
  assert.deepEqual(namespaces, ["default", "kube-node-lease", "kube-public", "kube-system"]);
  const versions = async () => [
    (await story.client.get(Service, "default/kubernetes")).metadata?.resourceVersion,
    (await story.client.get(Endpoints, "default/kubernetes")).metadata?.resourceVersion,
    (await story.client.get(EndpointSlice, "default/kubernetes")).metadata?.resourceVersion,
  ];
  const before = await versions();
  await bootstrapObjects(story.client, options);
  assert.deepEqual(await versions(), before, "nothing is written that is right");
  await bootstrapObjects(story.client, { ...options, port: 7443 });
  const slice = await story.client.get(EndpointSlice, "default/kubernetes");
  assert.deepEqual([slice.endpoints?.[0]?.addresses, slice.ports?.[0]?.port], [["127.0.0.1"], 7443]);
  const service = await story.client.get(Service, "default/kubernetes");
  assert.deepEqual(
    [service.spec?.clusterIP, service.spec?.ports?.[0]?.port, service.spec?.ports?.[0]?.targetPort],
    ["10.96.0.1", 443, 7443],
  );
});
