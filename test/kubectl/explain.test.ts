// kubectl explain, and what else kubectl reads from OpenAPI documents. All kinds' documents are compared with the structure in
// test/api/openapi.test.ts; here a few show that kubectl makes of them what it should.

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

void test("a field's structure is shown all the way down", async () => {
  const text = await kubectl("explain", "pods.spec.containers", "--recursive");
  assert.match(text, /^KIND: +Pod\nVERSION: +v1\n/);
  assert.match(text, /FIELD: containers <\[\]Container>/);
  assert.match(text, /^ {2}name\t<string> -required-$/m);
  assert.match(text, /^ {2}ports\t<\[\]ContainerPort>\n {4}containerPort\t<integer> -required-$/m);
  assert.match(text, /^ {2}livenessProbe\t<Probe>\n {4}exec\t<ExecAction>\n {6}command\t<\[\]string>$/m);
});

void test("the values of enums are shown, beside a field and by itself", async () => {
  assert.match(await kubectl("explain", "svc.spec.ports.protocol"), /^FIELD: protocol <string>\nENUM:\n {4}SCTP\n {4}TCP\n {4}UDP\n/m);
  assert.match(await kubectl("explain", "deployment.spec.strategy"), /^ {2}type\t<string>\n {2}enum: Recreate, RollingUpdate$/m);
  assert.match(await kubectl("explain", "pvc.spec"), /^ {2}accessModes\t<\[\]string>$/m);
});

void test("a type's text is shown once", async () => {
  // None in a run from source that was never built.
  const shown = (await kubectl("explain", "pod.spec")).match(/PodSpec is a description of a pod\./g) ?? [];
  assert.ok(shown.length <= 1);
});

void test("kinds of every group, scope and version are explained, structures that hold themselves too", async () => {
  const names = ["ingress", "node", "storageclass", "localsubjectaccessreviews", "hpa", "apiservices", "resourceclaims", "bindings"];
  const texts = await Promise.all(names.map((name) => kubectl("explain", name, "--recursive")));
  for (const [index, text] of texts.entries()) assert.match(text, /^KIND: /m, names[index] ?? "");
  assert.match(await kubectl("explain", "crd", "--recursive"), /^ {8}openAPIV3Schema\t<JSONSchemaProps>$/m);
  assert.match(
    await kubectl("explain", "hpa", "--api-version=autoscaling/v1"),
    /^GROUP: +autoscaling\nKIND: +HorizontalPodAutoscaler\nVERSION: +v1$/m,
  );
  assert.match(await kubectl("explain", "deployment.spec.replicas", "--output=plaintext-openapiv2"), /^FIELD: +replicas <integer>$/m);
});

void test("kubectl leaves validation to the server, and validates a List by itself", async () => {
  const wrong = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "wrong" }, datum: {} };
  assert.match(
    await kubectl.fails("create", "-f", kubectl.file("wrong.json", wrong), "--validate=strict"),
    /strict decoding error: unknown field "datum"/,
  );
  const right = { ...wrong, metadata: { name: "right" }, datum: undefined };
  assert.equal(
    await kubectl("create", "-f", kubectl.file("right.json", right), "--dry-run=client", "--validate=strict"),
    "configmap/right created (dry run)\n",
  );
  const list = { apiVersion: "v1", kind: "List", items: [right] };
  assert.equal(
    await kubectl("create", "-f", kubectl.file("list.json", list), "--dry-run=server"),
    "configmap/right created (server dry run)\n",
  );
});

void test("api-resources shows verbs and categories", async () => {
  const lines = (await kubectl("api-resources", "-o", "wide", "--no-headers")).trimEnd().split("\n");
  const all = "create,delete,deletecollection,get,list,patch,update,watch";
  const shown = lines.map((line) => line.trim().replaceAll(/ {2,}/g, " "));
  for (const line of [
    `deployments deploy apps/v1 true Deployment ${all} all`,
    `customresourcedefinitions crd,crds apiextensions.k8s.io/v1 false CustomResourceDefinition ${all} api-extensions`,
    "tokenreviews authentication.k8s.io/v1 false TokenReview create",
    "componentstatuses cs v1 false ComponentStatus get,list",
    `horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler ${all} all`,
  ])
    assert.ok(shown.includes(line), line);
  // Of a kind in two versions only the preferred one.
  assert.equal(lines.length, 69);
  const ofAll = (await kubectl("api-resources", "--categories=all", "-o", "name")).trim().split("\n");
  assert.deepEqual(ofAll.toSorted(), [
    "cronjobs.batch",
    "daemonsets.apps",
    "deployments.apps",
    "horizontalpodautoscalers.autoscaling",
    "jobs.batch",
    "pods",
    "replicasets.apps",
    "replicationcontrollers",
    "services",
    "statefulsets.apps",
  ]);
});
