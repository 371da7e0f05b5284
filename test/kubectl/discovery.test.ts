// What kubectl tells about the server itself: kinds, their fields, versions, addresses, raw paths.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

void test("explain tells what a kind and its fields are for", async () => {
  const text = await kubectl("explain", "deployment.spec.strategy");
  assert.match(text, /^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n\nFIELD: strategy <DeploymentStrategy>\n/);
  assert.match(
    text,
    /^DESCRIPTION:\n {4}The deployment strategy to use to replace existing pods with new ones\.\n {4}DeploymentStrategy describes how to replace existing pods with new ones\.\n/m,
  );
  assert.match(text, /^ {2}rollingUpdate\t<RollingUpdateDeployment>\n/m);
  assert.match(
    text,
    /^ {2}type\t<string>\n {2}enum: Recreate, RollingUpdate\n {4}Type of deployment\. Can be "Recreate" or "RollingUpdate"\. Default is\n {4}RollingUpdate\.\n/m,
  );
  assert.match(
    await kubectl("explain", "pods", "--recursive"),
    /^ {2}spec\t<PodSpec>\n(.*\n)* {4}containers\t<\[\]Container> -required-\n(.*\n)* {6}livenessProbe\t<Probe>\n/m,
  );
  assert.match(
    await kubectl("explain", "svc.spec.type"),
    /^FIELD: type <string>\nENUM:\n(.*\n)* {4}type determines how the Service is exposed\./m,
  );
  assert.match(await kubectl.fails("explain", "pod.spec.nothing"), /error: field "nothing" does not exist/);
});

void test("api-resources and api-versions list what there is", async () => {
  const text = await kubectl("api-resources");
  for (const line of [
    /^NAME +SHORTNAMES +APIVERSION +NAMESPACED +KIND$/m,
    /^pods +po +v1 +true +Pod$/m,
    /^namespaces +ns +v1 +false +Namespace$/m,
    /^deployments +deploy +apps\/v1 +true +Deployment$/m,
    /^customresourcedefinitions +crd,crds +apiextensions\.k8s\.io\/v1 +false +CustomResourceDefinition$/m,
  ])
    assert.match(text, line);
  assert.equal(await kubectl("api-resources", "--api-group=policy", "-o", "name"), "poddisruptionbudgets.policy\n");
  assert.equal(
    await kubectl("api-resources", "--namespaced=false", "--api-group=storage.k8s.io", "--verbs=list", "-o", "name", "--sort-by=name"),
    ["csidrivers", "csinodes", "storageclasses", "volumeattachments", "volumeattributesclasses"]
      .map((name) => `${name}.storage.k8s.io\n`)
      .join(""),
  );
  const versions = (await kubectl("api-versions")).trim().split("\n");
  for (const version of ["v1", "apps/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "discovery.k8s.io/v1"])
    assert.ok(versions.includes(version), version);
});

void test("version, cluster-info, config", async () => {
  assert.match(
    await kubectl("version"),
    /^Client Version: v1\.36\.\d+\nKustomize Version: v\S+\nServer Version: v1\.36\.\d+\+kobune\.\d+\.\d+\.\d+\n$/,
  );
  const { serverVersion } = await kubectl.json<{ serverVersion: { major: string; minor: string; platform: string } }>("version");
  assert.deepEqual([serverVersion.major, serverVersion.minor], ["1", "36"]);
  assert.match(
    // The colours are kubectl's own.
    (await kubectl("cluster-info")).replaceAll(/\x1b\[[\d;]*m/g, ""), // oxlint-disable-line no-control-regex -- escape sequences are what is removed
    new RegExp(`^Kubernetes control plane is running at ${testCluster.cluster.url}\n`),
  );
  assert.equal(await kubectl("config", "current-context"), "kobune\n");
  assert.match(await kubectl("config", "get-contexts"), /^CURRENT +NAME +CLUSTER +AUTHINFO +NAMESPACE\n\* +kobune +kobune +kobune *\n$/);
  const view = await kubectl("config", "view");
  assert.match(view, new RegExp(`certificate-authority-data: DATA\\+OMITTED\n {4}server: ${testCluster.cluster.url}\n`));
  assert.doesNotMatch(view, /PRIVATE KEY|LS0t/);
});

void test("raw paths: health, its parts, metrics, the list of paths, what is not there", async () => {
  for (const path of ["/livez", "/readyz", "/healthz"]) assert.equal(await kubectl("get", "--raw", path), "ok");
  assert.match(await kubectl("get", "--raw", "/readyz?verbose"), /^\[\+\]ping ok\n(.*\n)*readyz check passed\n$/);
  assert.match(await kubectl("get", "--raw", "/metrics"), /^# TYPE apiserver_request_total counter$/m);
  const { paths } = JSON.parse(await kubectl("get", "--raw", "/")) as { paths: string[] };
  for (const path of ["/api", "/api/v1", "/apis/apps/v1", "/healthz", "/openapi/v3", "/version"]) assert.ok(paths.includes(path), path);
  assert.match(
    await kubectl.fails("get", "--raw", "/nowhere"),
    /Error from server \(NotFound\): the server could not find the requested resource/,
  );
  const pods = JSON.parse(await kubectl("get", "--raw", "/api/v1/namespaces/default/pods?limit=1")) as {
    kind: string;
    apiVersion: string;
    items: unknown[];
  };
  assert.deepEqual([pods.kind, pods.apiVersion, pods.items], ["PodList", "v1", []]);
});

void test("a List in one file is applied item by item", async () => {
  const items = ["one", "two"].map((name) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } }));
  const file = kubectl.file("list.json", { apiVersion: "v1", kind: "List", items });
  assert.equal(await kubectl("apply", "-f", file), "configmap/one created\nconfigmap/two created\n");
  assert.equal(await kubectl("get", "-f", file, "-o", "name"), "configmap/one\nconfigmap/two\n");
});
