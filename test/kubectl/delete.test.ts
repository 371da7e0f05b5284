// kubectl delete and wait: how objects go, and what goes with them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { idleDeployment, idlePod, scriptPod } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

async function running(manifest: object): Promise<string> {
  const { kind, metadata } = manifest as { kind: string; metadata: { name: string } };
  await kubectl("apply", "-f", kubectl.file(`${metadata.name}.json`, manifest));
  if (kind === "Pod") await kubectl("wait", `pod/${metadata.name}`, "--for=condition=Ready", "--timeout=20s");
  else await kubectl("rollout", "status", `deployment/${metadata.name}`, "--timeout=20s");
  return metadata.name;
}

const named = async (...args: string[]) => (await kubectl("get", "-o", "name", ...args)).trim().split("\n").filter(Boolean);

void test("delete of a pod waits until it is gone; its program got SIGTERM", async () => {
  const trapping = scriptPod("polite", "trap 'exit 0' TERM; while :; do sleep 0.05; done", { terminationGracePeriodSeconds: 20 });
  await running(trapping);
  const before = performance.now();
  assert.equal(await kubectl("delete", "pod", "polite"), 'pod "polite" deleted from default namespace\n');
  assert.ok(performance.now() - before < 10_000, "long before its grace period ended");
  assert.match(await kubectl.fails("get", "pod", "polite"), /NotFound/);
});

void test("a pod that ignores SIGTERM is killed at the end of its grace period, which --grace-period shortens", async () => {
  const stubborn = scriptPod("stubborn", "trap '' TERM; while :; do sleep 0.05; done", { terminationGracePeriodSeconds: 60 });
  await running(stubborn);
  const before = performance.now();
  await kubectl("delete", "pod", "stubborn", "--grace-period=1");
  const took = performance.now() - before;
  assert.ok(took >= 1000 && took < 15_000, `${took} ms`);
});

void test("delete --wait=false returns at once and leaves a terminating pod", async () => {
  const slow = scriptPod("slow", "trap '' TERM; while :; do sleep 0.05; done", { terminationGracePeriodSeconds: 30 });
  await running(slow);
  await kubectl("delete", "pod", "slow", "--wait=false");
  assert.match(await kubectl("get", "pod", "slow", "--no-headers"), /^slow +1\/1 +Terminating /);
  const { metadata } = await kubectl.json<{ metadata: { deletionTimestamp?: string; deletionGracePeriodSeconds?: number } }>(
    "get",
    "pod",
    "slow",
  );
  assert.ok(metadata.deletionTimestamp);
  assert.equal(metadata.deletionGracePeriodSeconds, 30);
  // Force does not wait for the node's word.
  const { stdout, stderr } = await kubectl.run(["delete", "pod", "slow", "--force", "--grace-period=0"]);
  assert.equal(stdout, 'pod "slow" force deleted from default namespace\n');
  assert.match(stderr, /^Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated\./);
  assert.deepEqual(await named("pod", "--field-selector", "metadata.name=slow"), []);
});

void test("a pod deleted by force leaves no process behind", async () => {
  const mark = `kobune-test-${process.pid}`;
  await running(scriptPod("marked", `while :; do sleep 0.05; : ${mark}; done`, { terminationGracePeriodSeconds: 30 }));
  const { execFileSync } = await import("node:child_process");
  const found = () => {
    const lines = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
    return lines.filter((line) => line.includes(mark)).length;
  };
  assert.ok(found() > 0, "it runs");
  await kubectl("delete", "pod", "marked", "--force", "--grace-period=0");
  await until("the program has ended", () => found() === 0, 5_000);
});

void test("delete of a Deployment takes its ReplicaSet and pods along in the background", async () => {
  const name = await running(idleDeployment("background", 2));
  assert.equal(await kubectl("delete", "deployment", name), 'deployment.apps "background" deleted from default namespace\n');
  await until("nothing of it is left", async () => (await named("rs,pods", "-l", "app=background")).length === 0);
});

void test("delete --cascade=foreground ends when its dependents are gone", async () => {
  const name = await running(idleDeployment("foreground", 2));
  await kubectl("delete", "deployment", name, "--cascade=foreground", "--timeout=20s");
  assert.deepEqual(await named("deployments,rs,pods", "-l", "app=foreground"), []);
});

void test("delete --cascade=orphan leaves the ReplicaSet and its pods, which a new Deployment takes over", async () => {
  const name = await running(idleDeployment("orphan", 2));
  const pods = await named("pods", "-l", "app=orphan");
  await kubectl("delete", "deployment", name, "--cascade=orphan");
  const [replicaSet = ""] = await named("rs", "-l", "app=orphan");
  const owners = await until("the owner reference is gone", async () => {
    const text = await kubectl("get", replicaSet, "-o", "jsonpath={.metadata.ownerReferences}");
    return text === "" ? "none" : undefined;
  });
  assert.equal(owners, "none");
  assert.deepEqual(await named("pods", "-l", "app=orphan"), pods);
  await running(idleDeployment("orphan", 2));
  assert.deepEqual([await named("rs", "-l", "app=orphan"), await named("pods", "-l", "app=orphan")], [[replicaSet], pods]);
});

void test("delete by label, by file, by --all; of nothing", async () => {
  for (const name of ["one", "two", "three"]) await kubectl("create", "configmap", name);
  await kubectl("label", "configmap", "one", "two", "away=yes");
  assert.equal(
    await kubectl("delete", "configmap", "-l", "away"),
    'configmap "one" deleted from default namespace\nconfigmap "two" deleted from default namespace\n',
  );
  const file = kubectl.file("three.json", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "three" } });
  assert.equal(await kubectl("delete", "-f", file), 'configmap "three" deleted from default namespace\n');
  assert.match(
    await kubectl.fails("delete", "-f", file),
    /Error from server \(NotFound\): error when deleting ".*": configmaps "three" not found/,
  );
  assert.equal(await kubectl("delete", "-f", file, "--ignore-not-found"), "");
  await kubectl("create", "namespace", "sweep");
  for (const name of ["a", "b"]) await kubectl("create", "secret", "generic", name, "-n", "sweep");
  await kubectl("delete", "secrets", "--all", "-n", "sweep");
  assert.deepEqual(await named("secrets", "-n", "sweep"), []);
  assert.equal((await kubectl.run(["delete", "pods", "-l", "none=such"])).stdout, "No resources found\n");
});

void test("an object with a finalizer stays until the finalizer is taken off", async () => {
  const guarded = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "guarded", finalizers: ["example.com/guard"] } };
  await kubectl("apply", "-f", kubectl.file("guarded.json", guarded));
  await kubectl("delete", "configmap", "guarded", "--wait=false");
  assert.match(await kubectl("get", "configmap", "guarded", "-o", "jsonpath={.metadata.deletionTimestamp}"), /^\d{4}-/);
  const wait = kubectl.start("wait", "configmap/guarded", "--for=delete", "--timeout=20s");
  await kubectl("patch", "configmap", "guarded", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]');
  assert.equal((await wait.ended).code, 0);
  assert.match(await kubectl.fails("get", "configmap", "guarded"), /NotFound/);
});

void test("wait for a condition, a value, a deletion; and a wait that ends too early", async () => {
  await kubectl("apply", "-f", kubectl.file("waited.json", idlePod("waited")));
  assert.equal(await kubectl("wait", "pod/waited", "--for=condition=Ready", "--timeout=20s"), "pod/waited condition met\n");
  assert.equal(await kubectl("wait", "pod/waited", "--for=jsonpath={.status.phase}=Running"), "pod/waited condition met\n");
  assert.equal(await kubectl("wait", "pod/waited", "--for=create"), "pod/waited condition met\n");
  const { code, stderr } = await kubectl.run(["wait", "pod/waited", "--for=condition=Ready=false", "--timeout=200ms"]);
  assert.deepEqual({ code, stderr }, { code: 1, stderr: "error: timed out waiting for the condition on pods/waited\n" });
  const deletion = kubectl.start("wait", "pod/waited", "--for=delete", "--timeout=20s");
  await kubectl("delete", "pod", "waited");
  assert.deepEqual((({ code: ended, stdout }) => ({ ended, stdout }))(await deletion.ended), {
    ended: 0,
    stdout: "pod/waited condition met\n",
  });
});

void test("deleting a namespace empties it first", async () => {
  await kubectl("create", "namespace", "doomed");
  await kubectl("apply", "-n", "doomed", "-f", kubectl.file("doomed.json", idleDeployment("inside", 2)));
  await kubectl("rollout", "status", "deployment/inside", "-n", "doomed", "--timeout=20s");
  await kubectl("create", "configmap", "a", "-n", "doomed");
  await kubectl("create", "secret", "generic", "b", "-n", "doomed");
  await kubectl("create", "service", "clusterip", "c", "--tcp=80", "-n", "doomed");
  const node = testCluster.cluster.nodes[0] ?? "";
  await kubectl("delete", "namespace", "doomed", "--wait=false");
  assert.match(
    await kubectl.fails("create", "configmap", "late", "-n", "doomed"),
    /(configmaps "late" is forbidden: unable to create new content in namespace doomed because it is being terminated)|(namespaces "doomed" not found)/,
  );
  await kubectl("wait", "namespace/doomed", "--for=delete", "--timeout=30s");
  assert.match(await kubectl.fails("get", "namespace", "doomed"), /namespaces "doomed" not found/);
  assert.equal(
    await kubectl(
      "get",
      "pods,deployments,rs,configmaps,secrets,services,serviceaccounts,endpointslices,events",
      "-n",
      "doomed",
      "-o",
      "name",
    ),
    "",
  );
  assert.equal(await kubectl("get", "pods", "-A", "--field-selector", `spec.nodeName=${node}`, "-l", "app=inside", "-o", "name"), "");
  await kubectl("create", "namespace", "doomed");
  assert.equal(
    await kubectl("get", "configmaps", "-n", "doomed", "--field-selector", "metadata.name=a", "-o", "name"),
    "",
    "a new one is empty",
  );
  assert.match(
    await kubectl.fails("delete", "namespace", "default"),
    /namespaces "default" is forbidden: this namespace may not be deleted/,
  );
});
