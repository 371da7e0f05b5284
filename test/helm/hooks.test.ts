// Helm 4: hooks in their order, upgrades that fail, and fields that others own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { chart, createHelm, type Helm } from "./helm.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;
let helm: Helm;
const ferry = chart("ferry");

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
  helm = createHelm(kubectl);
});
after(() => testCluster[Symbol.asyncDispose]());

const hookPods = async () => (await kubectl("get", "pods", "-l", "hook", "-o", "jsonpath={.items[*].metadata.name}")).split(" ").sort();
const version = () => kubectl("get", "configmap", "boat", "-o", "jsonpath={.data.version}");
const last = async () => {
  const history = await helm.json<{ revision: number; status: string; description: string }[]>("history", "boat");
  return history.at(-1);
};

void test("hooks run before and after by their weights and go by their policies", async () => {
  await helm("install", "boat", ferry);
  assert.deepEqual(await hookPods(), ["boat-post-install-second", "boat-pre-install-second"], "a first one goes when it succeeded");
  interface Pod {
    metadata: { name: string; creationTimestamp: string; uid: string };
    status: { containerStatuses: { state: { terminated: { finishedAt: string } } }[] };
  }
  const pod = (name: string) => kubectl.json<Pod>("get", "pod", name);
  const before = await pod("boat-pre-install-second");
  const ended = before.status.containerStatuses[0]?.state.terminated.finishedAt ?? "";
  const deployment = await kubectl.json<Pod>("get", "deployment", "boat");
  const later = await pod("boat-post-install-second");
  assert.ok(ended <= deployment.metadata.creationTimestamp, "before anything is installed");
  assert.ok(deployment.metadata.creationTimestamp <= later.metadata.creationTimestamp, "after it");
  const scheduled = await kubectl(
    "get",
    "events",
    "--field-selector=reason=Scheduled",
    "--sort-by=.metadata.resourceVersion",
    "-o",
    'jsonpath={range .items[*]}{.involvedObject.name}{"\\n"}{end}',
  );
  assert.deepEqual(
    scheduled.split("\n").filter((name) => name.includes("-install-")),
    ["boat-pre-install-first", "boat-pre-install-second", "boat-post-install-first", "boat-post-install-second"],
  );
});

void test("a Job as a hook is done before anything else is made", async () => {
  await helm("install", "with-jobs", ferry, "--set", "jobs=true", "--wait", "--timeout", "30s");
  assert.match(await kubectl("get", "job", "with-jobs-migrate", "--no-headers"), /^with-jobs-migrate +Complete +1\/1 /);
  const times = "-o=jsonpath={.status.completionTime}{.metadata.creationTimestamp}";
  const completed = (await kubectl("get", "job", "with-jobs-migrate", times)).slice(0, 20);
  assert.ok(completed <= (await kubectl("get", "deployment", "with-jobs", times)));
  await helm("uninstall", "with-jobs", "--no-hooks");
});

void test("upgrade runs its own hooks and makes anew those of last time", async () => {
  await helm("upgrade", "boat", ferry, "--set", "version=v2");
  const uid = () => kubectl("get", "pod", "boat-pre-upgrade-second", "-o", "jsonpath={.metadata.uid}");
  const first = await uid();
  await helm("upgrade", "boat", ferry, "--set", "version=v2");
  assert.notEqual(await uid(), first);
  assert.equal(await version(), "v2");
});

void test("a hook that fails stops the upgrade before it changed anything", async () => {
  assert.match(
    await helm.fails("upgrade", "boat", ferry, "--set", "version=v3,hooks.pre-upgrade=false"),
    /pre-upgrade hooks failed: resource Pod\/default\/boat-pre-upgrade-first not ready\. status: Failed/,
  );
  assert.equal(await version(), "v2");
  assert.equal((await last())?.status, "failed");
  assert.ok((await hookPods()).includes("boat-pre-upgrade-first"), "it stays to be looked at");
});

void test("an upgrade that does not become ready is rolled back when asked", async () => {
  const stderr = await helm.fails(
    "upgrade",
    "boat",
    ferry,
    "--set",
    "version=v4,ready=false",
    "--wait",
    "--timeout",
    "2s",
    "--rollback-on-failure",
  );
  assert.match(stderr, /release boat failed, and has been rolled back due to rollback-on-failure being set/);
  assert.match(stderr, /resource Deployment\/default\/boat not ready\. status: InProgress/);
  const { status, description } = (await last()) ?? {};
  assert.equal(status, "deployed");
  assert.match(description ?? "", /^Rollback to \d$/);
  assert.equal(await version(), "v2");
  assert.equal(await kubectl("rollout", "status", "deployment/boat"), 'deployment "boat" successfully rolled out\n');
});

void test("fields that somebody else set are conflicts, and force takes them", async () => {
  await kubectl("patch", "configmap", "boat", "--type=merge", "-p", '{"data":{"version":"mine"}}');
  assert.match(
    await helm.fails("upgrade", "boat", ferry, "--set", "version=v5"),
    /conflict occurred while applying object default\/boat \/v1, Kind=ConfigMap: Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: \.data\.version/,
  );
  assert.equal(await version(), "mine");
  await helm("upgrade", "boat", ferry, "--set", "version=v5", "--force-conflicts");
  assert.equal(await version(), "v5");
  // A scaler's replicas: agreed on, so no conflict.
  await kubectl("scale", "deployment", "boat", "--replicas=1");
  await helm("upgrade", "boat", ferry, "--set", "version=v6");
  assert.equal(await version(), "v6");
});

void test("client-side apply, and replacing objects instead of patching them", async () => {
  await helm("install", "old", ferry, "--server-side=false", "--no-hooks");
  const managers = () =>
    kubectl(
      "get",
      "configmap",
      "old",
      "--show-managed-fields",
      "-o",
      'jsonpath={range .metadata.managedFields[*]}{.manager} {.operation}{"\\n"}{end}',
    );
  assert.equal(await managers(), "helm Update\n");
  await helm("upgrade", "old", ferry, "--server-side=false", "--no-hooks", "--set", "version=v2");
  await helm("upgrade", "old", ferry, "--server-side=true", "--no-hooks", "--set", "version=v3");
  assert.match(await managers(), /^helm Apply\n/, "taken over");
  assert.equal(await kubectl("get", "configmap", "old", "-o", "jsonpath={.data.version}"), "v3");
  const uid = () => kubectl("get", "configmap", "old", "-o", "jsonpath={.metadata.uid}");
  const before = await uid();
  await helm("upgrade", "old", ferry, "--server-side=false", "--force-replace", "--no-hooks", "--set", "version=v4");
  assert.equal(await kubectl("get", "configmap", "old", "-o", "jsonpath={.data.version}"), "v4");
  assert.equal(await uid(), before, "replaced by PUT, not made anew");
  await helm("uninstall", "old", "--no-hooks");
  await kubectl("delete", "configmap", "old-kept");
});

void test("uninstall runs its hooks around it and keeps what asks to be kept", async () => {
  const said = await helm("uninstall", "boat");
  assert.equal(said, 'These resources were kept due to the resource policy:\n[ConfigMap] boat-kept\n\nrelease "boat" uninstalled\n');
  const pods = await hookPods();
  assert.ok(pods.includes("boat-pre-delete-second") && pods.includes("boat-post-delete-second"));
  assert.match(await kubectl.fails("get", "deployment", "boat"), /NotFound/);
  assert.equal(await kubectl("get", "configmap", "boat-kept", "-o", "name"), "configmap/boat-kept\n");
});
