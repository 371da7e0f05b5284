// Helm 4 and a chart that holds one object of each kind that applications ship with: the life of a release.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { chart, createHelm, type Helm, type Release } from "./helm.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;
let helm: Helm;
const harbour = chart("harbour");
const shop = ["-n", "shop"];

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
  helm = createHelm(kubectl);
});
after(() => testCluster[Symbol.asyncDispose]());

const get = (object: string, path: string) => kubectl("get", object, ...shop, "-o", `jsonpath=${path}`);

/** What the chart makes in its namespace, and cluster-wide, as `kind/name`. */
const OBJECTS = [
  "configmap/web",
  "cronjob.batch/web",
  "deployment.apps/web",
  "horizontalpodautoscaler.autoscaling/web",
  "ingress.networking.k8s.io/web",
  "networkpolicy.networking.k8s.io/web",
  "poddisruptionbudget.policy/web",
  "role.rbac.authorization.k8s.io/web",
  "rolebinding.rbac.authorization.k8s.io/web",
  "secret/web",
  "service/web",
  "serviceaccount/web",
  "statefulset.apps/web-store",
];
const GLOBAL = ["clusterrole.rbac.authorization.k8s.io/shop-web", "clusterrolebinding.rbac.authorization.k8s.io/shop-web"];

void test("template renders without a cluster, and with one it looks objects up and has the server check what it made", async () => {
  const alone = await helm("template", "web", harbour);
  assert.match(alone, /system: ""$/m);
  const rendered = await helm("template", "web", harbour, "--dry-run=server");
  assert.match(rendered, /system: "kube-system"$/m);
  assert.match(rendered, /policies: "true"$/m);
  assert.equal(rendered.match(/^kind: /gm)?.length, OBJECTS.length + GLOBAL.length + 1, "and its test");
  const dry = await helm("install", "web", harbour, "--dry-run=server", "-n", "default");
  assert.match(dry, /STATUS: pending-install\n.*DESCRIPTION: Dry run complete/s);
  assert.deepEqual(await helm.json("list", "--all-namespaces"), []);
  assert.match(await helm.fails("template", "web", harbour, "--set", "replicas=many"), /got string, want integer/);
});

void test("install makes all of it, and status, list and get tell of it", async () => {
  const said = await helm("install", "web", harbour, ...shop, "--create-namespace", "--wait", "--timeout", "30s");
  assert.match(said, /^NAME: web\nLAST DEPLOYED: .*\nNAMESPACE: shop\nSTATUS: deployed\nREVISION: 1\n/);
  assert.match(said, /web is red at revision 1, on Kubernetes 1\.36\.\n$/);
  assert.equal(await get("deployment/web", "{.status.readyReplicas} {.metadata.labels.app\\.kubernetes\\.io/managed-by}"), "1 Helm");
  assert.deepEqual((await kubectl("get", ...shop, ...OBJECTS, "-o", "name")).trim().split("\n"), OBJECTS);
  assert.deepEqual((await kubectl("get", ...GLOBAL, "-o", "name")).trim().split("\n"), GLOBAL);
  const [release] = await helm.json<Release[]>("list", "-A");
  assert.deepEqual([release?.name, release?.namespace, release?.revision, release?.chart], ["web", "shop", "1", "harbour-1.2.3"]);
  const status = await helm("status", "web", ...shop);
  assert.match(status, /==> v1\/Deployment\nNAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +1\/1 +1 +1 +\d+s\n/, "tables of the server");
  assert.match(status, /==> v1\/Pod\(related\)\nNAME +READY +STATUS +RESTARTS +AGE\nweb-[a-z0-9-]+ +1\/1 +Running /);
  assert.match(await helm("get", "manifest", "web", ...shop), /^# Source: harbour\/templates\/config\.yaml$/m);
  assert.match(await helm("get", "values", "web", ...shop, "--all"), /^colour: red$/m);
  assert.match(await helm("get", "hooks", "web", ...shop), /^# Source: harbour\/templates\/tests\/answers\.yaml$/m);
  assert.match(await helm.fails("install", "web", harbour, ...shop), /cannot reuse a name that is still in use/);
});

void test("its records are Secrets of Helm's type, and what it applied is its own", async () => {
  const table = await kubectl("get", "secrets", ...shop, "-l", "owner=helm,name=web", "--field-selector=type=helm.sh/release.v1");
  assert.match(table, /^NAME +TYPE +DATA +AGE\nsh\.helm\.release\.v1\.web\.v1 +helm\.sh\/release\.v1 +1 +\d+s\n$/);
  const { metadata } = await kubectl.json<{ metadata: { managedFields: { manager: string; operation: string }[] } }>(
    "get",
    "service/web",
    ...shop,
    "--show-managed-fields",
  );
  assert.deepEqual(
    metadata.managedFields.map(({ manager, operation }) => `${manager} ${operation}`),
    ["helm Apply"],
  );
});

void test("test runs the chart's test, shows its logs, and fails with it", async () => {
  const passed = await helm("test", "web", ...shop, "--logs");
  assert.match(passed, /TEST SUITE: +web-answers\n.*Phase: +Succeeded\n\nPOD LOGS: web-answers\ncolour red\n/s);
});

void test("upgrade changes what the values changed, keeps what others set, and takes away what left the chart", async () => {
  await kubectl("annotate", "service", "web", ...shop, "team=boats");
  const address = await get("service/web", "{.spec.clusterIP}");
  await helm("upgrade", "web", harbour, ...shop, "--set", "colour=grey,stateful=false,replicas=2", "--wait", "--timeout", "30s");
  assert.equal(await get("configmap/web", "{.data.colour}"), "grey");
  assert.equal(await get("secret/web", "{.data.password}"), Buffer.from("grey-secret").toString("base64"));
  assert.equal(await get("deployment/web", "{.spec.replicas} {.status.updatedReplicas} {.status.readyReplicas}"), "2 2 2");
  assert.equal(await get("service/web", "{.spec.clusterIP} {.metadata.annotations.team}"), `${address} boats`);
  assert.match(await kubectl.fails("get", "statefulset", "web-store", ...shop), /statefulsets\.apps "web-store" not found/);
  assert.match(await helm.fails("test", "web", ...shop), /Error: .*web-answers.* failed/s);
});

void test("an upgrade that changes nothing writes none of its objects", async () => {
  const versions = () =>
    kubectl(
      "get",
      ...shop,
      ...OBJECTS.filter((name) => !/store|deployment|disruption|autoscaler/.test(name)),
      "-o",
      "jsonpath={.items[*].metadata.resourceVersion}",
    );
  const before = await versions();
  await helm("upgrade", "web", harbour, ...shop, "--reuse-values");
  assert.equal(await versions(), before);
});

void test("rollback brings the first revision back, and history tells all of it", async () => {
  assert.match(await helm("rollback", "web", "1", ...shop), /Rollback was a success/);
  assert.equal(await get("configmap/web", "{.data.colour}"), "red");
  assert.equal(await get("statefulset/web-store", "{.spec.replicas}"), "0");
  const history = await helm.json<{ revision: number; status: string; description: string }[]>("history", "web", ...shop);
  assert.deepEqual(
    history.map(({ revision, status, description }) => `${revision} ${status}: ${description}`),
    ["1 superseded: Install complete", "2 superseded: Upgrade complete", "3 superseded: Upgrade complete", "4 deployed: Rollback to 1"],
  );
});

void test("what somebody else owns is not taken over unless told so", async () => {
  await kubectl("create", "configmap", "taken", "-n", "default", "--from-literal=mine=yes");
  const install = ["install", "taken", harbour, "-n", "default", "--set", "replicas=0"];
  assert.match(
    await helm.fails(...install),
    /ConfigMap "taken" in namespace "default" exists and cannot be imported into the current release: invalid ownership metadata/,
  );
  await helm("uninstall", "taken", "-n", "default", "--ignore-not-found");
  await helm(...install, "--take-ownership");
  assert.equal(
    await kubectl("get", "configmap", "taken", "-n", "default", "-o", "jsonpath={.data.mine} {.data.colour}"),
    "yes red",
    "applied over what was there",
  );
  await helm("uninstall", "taken", "-n", "default", "--no-hooks");
});

void test("uninstall leaves nothing, and the history if asked", async () => {
  assert.equal(await helm("uninstall", "web", ...shop, "--keep-history", "--wait", "--timeout", "20s"), 'release "web" uninstalled\n');
  const left = await kubectl("get", ...shop, "deploy,sts,svc,cm,ing,netpol,pdb,hpa,cj,role,rolebinding", "-o", "name");
  assert.equal(left, "configmap/kube-root-ca.crt\n");
  for (const name of GLOBAL) assert.match(await kubectl.fails("get", name), /NotFound/);
  const [release] = await helm.json<Release[]>("list", ...shop, "--uninstalled");
  assert.equal(release?.status, "uninstalled");
  assert.match(await helm("rollback", "web", "4", ...shop), /Rollback was a success/);
  await helm("uninstall", "web", ...shop, "--cascade", "foreground");
  assert.equal(await helm("list", ...shop, "-q"), "");
  assert.match(await helm.fails("status", "web", ...shop), /release: not found/);
});
