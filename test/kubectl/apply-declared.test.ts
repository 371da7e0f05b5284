// kubectl apply over its years: what it remembers of last time, nulls and defaults, pruning, sets of objects, and what goes wrong half-way.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated" });
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

const configMap = (name: string, data: object = { of: name }, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
  data,
});
const deployment = (name: string, spec: object, podSpec: object) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: podSpec },
    ...spec,
  },
});
/** Objects in one file, as a stream of JSON documents. */
const several = (name: string, ...objects: object[]) => kubectl.file(name, objects.map((object) => JSON.stringify(object)).join("\n---\n"));
const path = (object: string, expression: string, ...more: string[]) => kubectl("get", object, "-o", `jsonpath=${expression}`, ...more);
const LAST_APPLIED = "{.metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration}";

void test("what was applied last is kept in an annotation, shown, set and edited", async () => {
  const file = kubectl.file("remembered.json", configMap("remembered", { a: "1" }));
  await kubectl("create", "-f", file);
  assert.equal(await path("configmap/remembered", LAST_APPLIED), "");
  assert.match(
    await kubectl.fails("apply", "set-last-applied", "-f", file),
    /no last-applied-configuration annotation found on resource: remembered, to create the annotation, run the command with --create-annotation/,
  );
  for (const dry of ["client", "server"])
    assert.match(
      await kubectl("apply", "set-last-applied", "-f", file, "--create-annotation", `--dry-run=${dry}`),
      /^configmap\/remembered configured \((server )?dry run\)\n$/,
    );
  assert.equal(await path("configmap/remembered", LAST_APPLIED), "");
  assert.equal(await kubectl("apply", "set-last-applied", "-f", file, "--create-annotation"), "configmap/remembered configured\n");
  const view = JSON.parse(await kubectl("apply", "view-last-applied", "configmap/remembered", "-o", "json")) as { data: object };
  assert.deepEqual(view.data, { a: "1" });
  const editor = kubectl.file("editor.sh", '#!/bin/sh\nsed -i \'s/a: "1"/b: "2"/\' $1\n');
  const edited = await kubectl.run(["apply", "edit-last-applied", "configmap/remembered"], { env: { EDITOR: `sh ${editor}` } });
  assert.deepEqual([edited.stdout, edited.code], ["configmap/remembered edited\n", 0]);
  assert.match(await kubectl("apply", "view-last-applied", "configmap/remembered"), /^data:\n {2}b: "2"\n/m);
  assert.deepEqual(await path("configmap/remembered", "{.data}"), '{"a":"1"}', "the object itself is as it was");
  // Now apply thinks that b was its own and a somebody else's.
  kubectl.file("remembered.json", configMap("remembered", { c: "3" }));
  await kubectl("apply", "-f", file);
  assert.equal(await path("configmap/remembered", "{.data}"), '{"a":"1","c":"3"}');
});

void test("create and replace leave the annotation alone until apply made it, and keep it in step then", async () => {
  const file = kubectl.file("kept.json", configMap("kept", { a: "1" }));
  await kubectl("create", "-f", file);
  await kubectl("replace", "-f", file);
  assert.equal(await path("configmap/kept", LAST_APPLIED), "");
  const { stderr } = await kubectl.run(["apply", "-f", file]);
  assert.match(stderr, /^Warning: resource configmaps\/kept is missing the kubectl\.kubernetes\.io\/last-applied-configuration annotation/);
  const { metadata } = JSON.parse(await path("configmap/kept", LAST_APPLIED)) as { metadata: { name: string } };
  assert.equal(metadata.name, "kept");
  kubectl.file("kept.json", configMap("kept", { a: "2" }));
  await kubectl("create", "-f", kubectl.file("saved.json", configMap("saved")), "--save-config");
  assert.notEqual(await path("configmap/saved", LAST_APPLIED), "");
});

void test("a null takes a field away, on create as on change, and defaults come back", async () => {
  const resources = { requests: { memory: "64Mi", cpu: null } };
  const container = { name: "a", image: "busybox:1", terminationMessagePolicy: null, resources };
  const file = kubectl.file("null.json", deployment("null", {}, { containers: [container] }));
  for (const answer of ["created", "(configured|unchanged)"]) {
    assert.match(await kubectl("apply", "-f", file), new RegExp(`^deployment.apps/null ${answer}\n$`));
    assert.equal(
      await path(
        "deployment/null",
        "{.spec.template.spec.containers[0].resources} {.spec.template.spec.containers[0].terminationMessagePolicy}",
      ),
      '{"requests":{"memory":"64Mi"}} File',
    );
  }
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "null" }, spec: { hard: { "limits.cpu": null, pods: "9" } } };
  await kubectl("apply", "-f", kubectl.file("quota.json", quota));
  assert.equal(await path("quota/null", "{.spec.hard}"), '{"pods":"9"}');
  await kubectl("delete", "quota", "null");
});

void test("a union's other branch, filled with defaults, goes when apply chooses the first", async () => {
  const volume = (source: object) => ({ volumes: [{ name: "cache", ...source }] });
  const containers = [{ name: "a", image: "busybox:1" }];
  const file = kubectl.file("union.json", deployment("union", {}, { containers, ...volume({ emptyDir: {} }) }));
  await kubectl("apply", "-f", file);
  assert.equal(await path("deployment/union", "{.spec.strategy.type} {.spec.strategy.rollingUpdate.maxSurge}"), "RollingUpdate 25%");
  kubectl.file(
    "union.json",
    deployment("union", { strategy: { type: "Recreate" } }, { containers, ...volume({ hostPath: { path: "/tmp" } }) }),
  );
  assert.equal(await kubectl("apply", "-f", file), "deployment.apps/union configured\n");
  assert.equal(
    await path("deployment/union", "{.spec.strategy} {.spec.template.spec.volumes}"),
    '{"type":"Recreate"} [{"hostPath":{"path":"/tmp","type":""},"name":"cache"}]',
  );
});

void test("labels of a template and its selector change together or not at all", async () => {
  const labelled = (labels: object, selector: object) => ({
    ...deployment("labelled", {}, {}),
    spec: {
      replicas: 0,
      selector: { matchLabels: selector },
      template: { metadata: { labels }, spec: { containers: [{ name: "a", image: "busybox:1" }] } },
    },
  });
  const file = kubectl.file("labelled.json", labelled({ l1: "l1", l2: "l2" }, { l1: "l1" }));
  await kubectl("apply", "-f", file);
  kubectl.file("labelled.json", labelled({ l2: "l2" }, { l2: "l2" }));
  assert.match(
    await kubectl.fails("apply", "-f", file),
    /The Deployment "labelled" is invalid: spec\.selector: Invalid value: \{"matchLabels":\{"l2":"l2"\}\}: field is immutable/,
  );
  assert.match(await kubectl("apply", "-f", file, "--force"), /^deployment\.apps\/labelled configured\n$/, "made anew");
  assert.equal(await path("deployment/labelled", "{.spec.selector.matchLabels}"), '{"l2":"l2"}');
});

void test("-l applies what matches; --prune takes away what was applied and is gone from the files", async () => {
  await kubectl("create", "namespace", "pruned");
  const inPruned = ["-n", "pruned"];
  const names = async () => (await kubectl("get", "cm,svc", ...inPruned, "-l", "set=p", "-o", "name")).trim().split("\n").filter(Boolean);
  const labels = { labels: { set: "p" } };
  const a = kubectl.file("a.json", configMap("a", undefined, labels));
  const b = kubectl.file("b.json", configMap("b", undefined, labels));
  const both = several("both.json", configMap("a", undefined, labels), configMap("other"));
  assert.equal(await kubectl("apply", ...inPruned, "-l", "set=p", "-f", both), "configmap/a created\n");
  await kubectl("apply", ...inPruned, "-l", "set=p", "-f", b);
  assert.deepEqual(await names(), ["configmap/a", "configmap/b"]);
  assert.match(
    await kubectl.fails("apply", ...inPruned, "--prune", "-f", b),
    /all resources selected for prune without explicitly passing --all/,
  );
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: "s", ...labels }, spec: { ports: [{ port: 80 }] } };
  const s = kubectl.file("s.json", service);
  assert.equal(
    await kubectl("apply", ...inPruned, "--prune", "-l", "set=p", "-f", s, "--prune-allowlist=core/v1/Service"),
    "service/s created\n",
    "only Services may go",
  );
  const dry = await kubectl("apply", ...inPruned, "--prune", "-l", "set=p", "-f", a, "--dry-run=server");
  assert.equal(dry, "configmap/a unchanged (server dry run)\nconfigmap/b pruned (server dry run)\nservice/s pruned (server dry run)\n");
  assert.equal(
    await kubectl("apply", ...inPruned, "--prune", "-l", "set=p", "-f", a),
    "configmap/a unchanged\nconfigmap/b pruned\nservice/s pruned\n",
  );
  assert.deepEqual(await names(), ["configmap/a"]);
});

void test("an apply set remembers its members on its parent and prunes by them", async () => {
  const env = { KUBECTL_APPLYSET: "true" };
  const apply = async (file: string) => {
    const { stdout, stderr, code } = await kubectl.run(["apply", "-f", file, "--prune", "--applyset=crew", "-n", "default"], { env });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.equal(await apply(several("crew.json", configMap("mate"), configMap("cook"))), "configmap/mate created\nconfigmap/cook created\n");
  assert.match(await path("secret/crew", "{.metadata.annotations}"), /"applyset\.kubernetes\.io\/contains-group-kinds":"ConfigMap"/);
  assert.equal(await apply(several("crew.json", configMap("mate"))), "configmap/mate unchanged\nconfigmap/cook pruned\n");
});

void test("what can be applied is, when something in the same file can't", async () => {
  const namespaced = several("namespaced.json", configMap("inside", undefined, { namespace: "comes-later" }), {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "comes-later" },
  });
  assert.match(
    await kubectl.fails("apply", "-f", namespaced),
    /Error from server \(NotFound\): error when creating ".*": namespaces "comes-later" not found/,
  );
  assert.equal(await kubectl("apply", "-f", namespaced), "configmap/inside created\nnamespace/comes-later unchanged\n");
  const unknown = several("unknown.json", configMap("known"), { apiVersion: "example.com/v1", kind: "Bogus", metadata: { name: "a" } });
  assert.match(
    await kubectl.fails("apply", "-f", unknown),
    /resource mapping not found for name: "a" .* no matches for kind "Bogus" in version "example\.com\/v1"\nensure CRDs are installed first/,
  );
  assert.equal(await kubectl("get", "configmap", "known", "-o", "name"), "configmap/known\n");
  const invalid = await kubectl.run(["apply", "-f", several("invalid.json", configMap("ok-a"), configMap("NOT-B"), configMap("ok-c"))]);
  assert.deepEqual([invalid.code, invalid.stdout], [1, "configmap/ok-a created\nconfigmap/ok-c created\n"]);
  assert.match(invalid.stderr, /^The ConfigMap "NOT-B" is invalid: metadata\.name/);
});

void test("apply through generateName is refused, an annotation too large too", async () => {
  const generated = kubectl.file("generated.json", { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "a-" } });
  assert.match(await kubectl.fails("apply", "-f", generated), /from a-: cannot use generate name with apply/);
  assert.match(await kubectl("create", "-f", generated), /^configmap\/a-[a-z0-9]{5} created\n$/);
  const large = kubectl.file("large.json", configMap("large", { text: "x".repeat(262_144) }));
  assert.match(await kubectl.fails("apply", "-f", large), /metadata\.annotations: Too long: may not be more than 262144 bytes/);
  assert.equal(await kubectl("apply", "--server-side", "-f", large), "configmap/large serverside-applied\n");
});

void test("kustomize folders: prefixes, generated names, images", async () => {
  kubectl.file(
    "kustomized/kustomization.yaml",
    "namePrefix: k-\nresources: [deployment.json]\nimages: [{name: busybox, newTag: '2'}]\nconfigMapGenerator: [{name: settings, literals: [a=1]}]\n",
  );
  kubectl.file("kustomized/deployment.json", deployment("ship", {}, { containers: [{ name: "a", image: "busybox:1" }] }));
  assert.match(
    await kubectl("apply", "-k", "kustomized"),
    /^configmap\/k-settings-[a-z0-9]{10} created\ndeployment\.apps\/k-ship created\n$/,
  );
  assert.equal(await path("deployment/k-ship", "{.spec.template.spec.containers[0].image}"), "busybox:2");
  assert.deepEqual(await kubectl.run(["diff", "-k", "kustomized"]), { code: 0, stdout: "", stderr: "" });
  assert.match(
    await kubectl("delete", "-k", "kustomized"),
    /^configmap "k-settings-.*" deleted from default namespace\ndeployment\.apps "k-ship" deleted from default namespace\n$/,
  );
});
