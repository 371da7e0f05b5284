// kubectl apply --server-side: who owns which field, conflicts, and the way over from client-side apply.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import type { ManagedFieldsEntry } from "#meta/object.ts";
import { idleDeployment } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

const configMap = (name: string, data: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });

async function managers(resource: string, name: string): Promise<Record<string, unknown>> {
  const { metadata } = await kubectl.json<{ metadata: { managedFields?: ManagedFieldsEntry[] } }>(
    "get",
    resource,
    name,
    "--show-managed-fields",
  );
  return Object.fromEntries((metadata.managedFields ?? []).map((entry) => [`${entry.manager} ${entry.operation}`, entry.fieldsV1]));
}

void test("apply creates, changes nothing the second time, and gives up fields that left the file", async () => {
  const file = kubectl.file("owned.json", configMap("owned", { a: "1", b: "2" }));
  const apply = ["apply", "--server-side", "-f", file];
  assert.equal(await kubectl(...apply), "configmap/owned serverside-applied\n");
  const version = () => kubectl("get", "configmap", "owned", "-o", "jsonpath={.metadata.resourceVersion}");
  const first = await version();
  await kubectl(...apply);
  assert.equal(await version(), first, "an apply that changes nothing writes nothing");
  assert.deepEqual(await managers("configmap", "owned"), { "kubectl Apply": { "f:data": { "f:a": {}, "f:b": {} } } });
  assert.doesNotMatch(await kubectl("get", "configmap", "owned", "-o", "yaml"), /managedFields/, "hidden unless asked for");
  kubectl.file("owned.json", configMap("owned", { a: "1" }));
  await kubectl(...apply);
  assert.equal(await kubectl("get", "configmap", "owned", "-o", "jsonpath={.data}"), '{"a":"1"}');
});

void test("a conflict names the manager and the field, and is settled by force or by agreeing", async () => {
  const file = kubectl.file("fought.json", configMap("fought", { a: "1", b: "2" }));
  await kubectl("apply", "--server-side", "--field-manager=first", "-f", file);
  kubectl.file("fought.json", configMap("fought", { a: "other" }));
  const second = ["apply", "--server-side", "--field-manager=second", "-f", file];
  const refused = await kubectl.fails(...second);
  assert.match(refused, /^error: Apply failed with 1 conflict: conflict with "first": \.data\.a\nPlease review the fields above/);
  assert.equal(await kubectl(...second, "--force-conflicts"), "configmap/fought serverside-applied\n");
  assert.deepEqual(await managers("configmap", "fought"), {
    "first Apply": { "f:data": { "f:b": {} } },
    "second Apply": { "f:data": { "f:a": {} } },
  });
  kubectl.file("fought.json", configMap("fought", { a: "other", b: "2" }));
  await kubectl("apply", "--server-side", "--field-manager=first", "-f", file);
  assert.deepEqual(
    (await managers("configmap", "fought"))["first Apply"],
    { "f:data": { "f:a": {}, "f:b": {} } },
    "shared when both agree",
  );
});

void test("edit and scale take fields over, and apply says so", async () => {
  const file = kubectl.file("scaled.json", idleDeployment("scaled", 0));
  await kubectl("apply", "--server-side", "-f", file);
  await kubectl("scale", "deployment", "scaled", "--replicas=1");
  assert.match(
    await kubectl.fails("apply", "--server-side", "-f", file),
    /conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/,
  );
  await kubectl("apply", "--server-side", "--force-conflicts", "-f", file);
  assert.equal(await kubectl("get", "deployment", "scaled", "-o", "jsonpath={.spec.replicas}"), "0");
  const editor = kubectl.file("editor.sh", "#!/bin/sh\nsed -i 's/replicas: 0/replicas: 1/' $1\n");
  const { stdout, stderr } = await kubectl.run(["edit", "deployment", "scaled"], { env: { EDITOR: `sh ${editor}` } });
  assert.deepEqual({ stdout, stderr }, { stdout: "deployment.apps/scaled edited\n", stderr: "" });
  assert.match(await kubectl.fails("apply", "--server-side", "-f", file), /conflict with "kubectl-edit" using apps\/v1: \.spec\.replicas/);
});

void test("what client-side apply manages goes over to server-side apply without a conflict", async () => {
  const file = kubectl.file("upgraded.json", configMap("upgraded", { a: "1", b: "2" }));
  await kubectl("apply", "-f", file);
  assert.deepEqual(Object.keys(await managers("configmap", "upgraded")), ["kubectl-client-side-apply Update"]);
  kubectl.file("upgraded.json", configMap("upgraded", { a: "changed" }));
  assert.equal(await kubectl("apply", "--server-side", "-f", file), "configmap/upgraded serverside-applied\n");
  assert.equal(await kubectl("get", "configmap", "upgraded", "-o", "jsonpath={.data}"), '{"a":"changed"}');
  assert.deepEqual(Object.keys(await managers("configmap", "upgraded")), ["kubectl-last-applied Apply", "kubectl Apply"]);
  // And back: the annotation was kept in step.
  kubectl.file("upgraded.json", configMap("upgraded", { a: "again" }));
  assert.equal(await kubectl("apply", "-f", file), "configmap/upgraded configured\n");
});

void test("a dry run, a diff and a wrong field", async () => {
  const file = kubectl.file("tried.json", configMap("tried", { a: "1" }));
  assert.equal(
    await kubectl("apply", "--server-side", "--dry-run=server", "-f", file),
    "configmap/tried serverside-applied (server dry run)\n",
  );
  assert.match(await kubectl.fails("get", "configmap", "tried"), /NotFound/);
  const { code, stdout } = await kubectl.run(["diff", "--server-side", "-f", file]);
  assert.deepEqual([code, /^\+ {2}a: "1"$/m.test(stdout)], [1, true]);
  const wrong = kubectl.file("wrong.json", { ...configMap("tried", {}), spec: { a: 1 } });
  assert.match(
    await kubectl.fails("apply", "--server-side", "-f", wrong),
    /failed to create typed patch object \(default\/tried; \/v1, Kind=ConfigMap\): \.spec: field not declared in schema/,
  );
});

void test("statuses belong to the components that write them", async () => {
  await kubectl("create", "deployment", "watched", "--image=registry.k8s.io/pause", "--replicas=0");
  await kubectl("wait", "deployment", "watched", "--for=condition=Available", "--timeout=20s");
  const { metadata } = await kubectl.json<{ metadata: { managedFields: ManagedFieldsEntry[] } }>(
    "get",
    "deployment",
    "watched",
    "--show-managed-fields",
  );
  const shown = metadata.managedFields.map(({ manager, operation, subresource }) => [manager, operation, subresource ?? ""]);
  assert.deepEqual(
    shown.toSorted((a, b) => String(a).localeCompare(String(b))),
    [
      ["kube-controller-manager", "Update", "status"],
      ["kubectl-create", "Update", ""],
    ],
  );
});
