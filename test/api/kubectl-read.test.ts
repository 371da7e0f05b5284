// kubectl's ways to read and delete: in chunks, watching, waiting, with and without what depends on an object.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;
before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated" });
  kubectl = testCluster.kubectl;
  const items = Array.from({ length: 25 }, (_, index) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `many-${String(index).padStart(2, "0")}`, labels: { set: "many" } },
  }));
  await kubectl("create", "-f", kubectl.file("many.json", { apiVersion: "v1", kind: "List", items }));
});
after(() => testCluster[Symbol.asyncDispose]());

const named = async (...args: string[]) => (await kubectl("get", "-o", "name", ...args)).trim().split("\n").filter(Boolean);

test("get --chunk-size reads page by page and shows all", async () => {
  const { stdout, stderr } = await kubectl.run(["get", "configmaps", "-l", "set=many", "--chunk-size=4", "-v=6", "--no-headers"]);
  assert.equal(stdout.trim().split("\n").length, 25);
  // With a selector as without: one request a page.
  assert.equal(stderr.match(/limit=4/g)?.length, 7);
});

test("get -w prints what changes, and --field-selector chooses one", async () => {
  await using watching = kubectl.start("get", "configmaps", "-w", "--field-selector", "metadata.name=watched", "--no-headers");
  await kubectl("create", "configmap", "watched", "--from-literal=a=1");
  await watching.printed(/^watched +1 /m);
  await kubectl("patch", "configmap", "watched", "-p", '{"data":{"b":"2"}}');
  await watching.printed(/^watched +2 /m);
});

test("wait --for=jsonpath and delete --wait watch one object until it is so", async () => {
  await kubectl("patch", "configmap", "watched", "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/hold"]}}');
  const waiting = kubectl.start("wait", "configmap/watched", "--for=jsonpath={.data.c}=3", "--timeout=20s");
  await kubectl("patch", "configmap", "watched", "-p", '{"data":{"c":"3"}}');
  assert.equal((await waiting.ended).stdout, "configmap/watched condition met\n");
  const deleting = kubectl.start("delete", "configmap", "watched", "--wait", "--timeout=20s");
  await until(
    "it is marked",
    async () => (await kubectl("get", "configmap", "watched", "-o", "jsonpath={.metadata.deletionTimestamp}")) !== "",
  );
  await kubectl("patch", "configmap", "watched", "--type=merge", "-p", '{"metadata":{"finalizers":null}}');
  assert.deepEqual(
    { ...(await deleting.ended), stderr: "" },
    { code: 0, stdout: 'configmap "watched" deleted from default namespace\n', stderr: "" },
  );
});

test("delete --cascade=orphan leaves what an object owns, --cascade=foreground takes it first", async () => {
  for (const [cascade, name] of [
    ["orphan", "left"],
    ["foreground", "taken"],
  ] as const) {
    await kubectl("create", "deployment", name, "--image=none", "--replicas=1");
    await until("its ReplicaSet", async () => (await named("replicasets", "-l", `app=${name}`)).length === 1);
    await kubectl("delete", "deployment", name, `--cascade=${cascade}`, "--timeout=20s");
    assert.equal((await named("replicasets", "-l", `app=${name}`)).length, cascade === "orphan" ? 1 : 0);
  }
  const owners = await kubectl("get", "replicasets", "-l", "app=left", "-o", "jsonpath={.items[0].metadata.ownerReferences}");
  assert.equal(owners, "");
});

test("delete by label takes the collection, --dry-run=server nothing", async () => {
  await kubectl("delete", "configmaps", "-l", "set=many", "--dry-run=server");
  assert.equal((await named("configmaps", "-l", "set=many")).length, 25);
  await kubectl("delete", "configmaps", "-l", "set=many");
  assert.deepEqual(await named("configmaps", "-l", "set=many"), []);
});
