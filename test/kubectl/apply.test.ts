// kubectl apply, diff, edit, patch, replace, label, annotate and set: ways to change an object.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { idleDeployment, idlePod } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

const configMap = (name: string, data: object, labels?: object) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...(labels ? { labels } : {}) },
  data,
});

void test("apply creates, says that nothing changed, and changes what the file changed", async () => {
  const file = kubectl.file("settings.json", configMap("settings", { a: "1", b: "2" }));
  assert.equal(await kubectl("apply", "-f", file), "configmap/settings created\n");
  assert.equal(await kubectl("apply", "-f", file), "configmap/settings unchanged\n");
  // Somebody else adds a key: apply keeps it, since the file never had it, and removes the one that left the file.
  await kubectl("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"theirs":"x"}}');
  kubectl.file("settings.json", configMap("settings", { a: "changed" }));
  assert.equal(await kubectl("apply", "-f", file), "configmap/settings configured\n");
  const { data } = await kubectl.json<{ data: object }>("get", "configmap", "settings");
  assert.deepEqual(data, { a: "changed", theirs: "x" });
});

void test("apply reads several YAML documents from stdin, and a folder", async () => {
  const stdin =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: two}\nstringData: {key: value}\n";
  assert.equal((await kubectl.run(["apply", "-f", "-"], { stdin })).stdout, "configmap/one created\nsecret/two created\n");
  assert.equal(await kubectl("get", "secret", "two", "-o", "jsonpath={.data.key}"), "dmFsdWU=");
  kubectl.file("folder/a.json", configMap("from-a", {}));
  kubectl.file("folder/b.json", configMap("from-b", {}));
  assert.equal(await kubectl("apply", "-f", `${kubectl.home}/folder`), "configmap/from-a created\nconfigmap/from-b created\n");
});

void test("apply of a Deployment changes the container that the file names and keeps the rest", async () => {
  const deployment = idleDeployment("worker", 1) as { spec: { replicas?: number } };
  const file = kubectl.file("worker.json", deployment);
  await kubectl("apply", "-f", file);
  await kubectl("set", "env", "deployment/worker", "ADDED=by-hand");
  assert.match(await kubectl("apply", "-f", file), /^deployment.apps\/worker (configured|unchanged)\n$/);
  assert.equal(
    await kubectl("get", "deployment", "worker", "-o", "jsonpath={.spec.template.spec.containers[0].env}"),
    '[{"name":"ADDED","value":"by-hand"}]',
  );
});

void test("apply refuses what does not fit the kind, and says where", async () => {
  const wrongField = kubectl.file("wrong.json", { ...idlePod("wrong"), spec: { containers: [{ name: "a", imagee: "b" }] } });
  assert.match(
    await kubectl.fails("apply", "-f", wrongField),
    /Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec\.containers\[0\]\.imagee"/,
  );
  const wrongName = kubectl.file("wrong.json", configMap("Not_A_Name", {}));
  assert.match(
    await kubectl.fails("apply", "-f", wrongName),
    /The ConfigMap "Not_A_Name" is invalid: metadata\.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain must consist of/,
  );
  const noSuchKind = kubectl.file("wrong.json", { apiVersion: "example.com/v1", kind: "Boat", metadata: { name: "a" } });
  assert.match(await kubectl.fails("apply", "-f", noSuchKind), /no matches for kind "Boat" in version "example.com\/v1"/);
  const selector = idleDeployment("selector") as { spec: { selector: object } };
  const file = kubectl.file("selector.json", selector);
  await kubectl("apply", "-f", file);
  const changed = { ...selector, spec: { ...selector.spec, selector: { matchLabels: { app: "other" } } } };
  kubectl.file("selector.json", changed);
  assert.match(await kubectl.fails("apply", "-f", file), /`selector` does not match template `labels`/);
  await kubectl("delete", "-f", file, "--wait=false");
});

void test("apply --dry-run tells what would happen and does nothing", async () => {
  const file = kubectl.file("dry.json", configMap("dry", {}));
  assert.equal(await kubectl("apply", "-f", file, "--dry-run=server"), "configmap/dry created (server dry run)\n");
  assert.equal(await kubectl("apply", "-f", file, "--dry-run=client"), "configmap/dry created (dry run)\n");
  assert.equal(await kubectl.fails("get", "configmap", "dry"), 'Error from server (NotFound): configmaps "dry" not found\n');
});

void test("diff shows the lines that apply would change and ends with 1 then, with 0 if there are none", async () => {
  const file = kubectl.file("diffed.json", configMap("diffed", { colour: "red" }));
  await kubectl("apply", "-f", file);
  assert.deepEqual(await kubectl.run(["diff", "-f", file]), { code: 0, stdout: "", stderr: "" });
  kubectl.file("diffed.json", configMap("diffed", { colour: "green" }));
  const { code, stdout } = await kubectl.run(["diff", "-f", file]);
  assert.equal(code, 1);
  assert.match(stdout, /^- {2}colour: red$/m);
  assert.match(stdout, /^\+ {2}colour: green$/m);
  assert.equal(await kubectl("get", "configmap", "diffed", "-o", "jsonpath={.data.colour}"), "red");
});

void test("edit writes what the editor made of the object", async () => {
  await kubectl("create", "configmap", "edited", "--from-literal=colour=red");
  const editor = kubectl.file("editor.sh", "#!/bin/sh\nsed -i s/red/blue/ $1\n");
  const env = { EDITOR: `sh ${editor}` };
  const { stdout, code } = await kubectl.run(["edit", "configmap", "edited"], { env });
  assert.deepEqual({ stdout, code }, { stdout: "configmap/edited edited\n", code: 0 });
  assert.equal(await kubectl("get", "configmap", "edited", "-o", "jsonpath={.data.colour}"), "blue");
  const again = await kubectl.run(["edit", "configmap", "edited"], { env });
  assert.equal(again.stderr, "Edit cancelled, no changes made.\n");
  // An editor that makes the object invalid: kubectl shows why and asks again; the second time it sees no change and gives up.
  const breaking = kubectl.file("break.sh", "#!/bin/sh\nsed -i 's/^  colour: .*/  colour: [1]/' $1\n");
  const broken = await kubectl.run(["edit", "configmap", "edited"], { env: { EDITOR: `sh ${breaking}` } });
  assert.equal(broken.code, 1);
  assert.equal(await kubectl("get", "configmap", "edited", "-o", "jsonpath={.data.colour}"), "blue");
});

void test("patch in its three forms", async () => {
  await kubectl("apply", "-f", kubectl.file("patched.json", idleDeployment("patched", 0)));
  assert.equal(
    await kubectl("patch", "deployment", "patched", "--type=json", "-p", '[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]'),
    "deployment.apps/patched patched\n",
  );
  await kubectl("patch", "deployment", "patched", "--type=merge", "-p", '{"metadata":{"labels":{"c":"d","a":null}}}');
  const sidecar = { spec: { template: { spec: { containers: [{ name: "sidecar", image: "busybox:1" }] } } } };
  await kubectl("patch", "deployment", "patched", "-p", JSON.stringify(sidecar));
  assert.equal(await kubectl("get", "deployment", "patched", "-o", "jsonpath={.metadata.labels}"), '{"c":"d"}');
  assert.equal(
    await kubectl("get", "deployment", "patched", "-o", "jsonpath={.spec.template.spec.containers[*].name}"),
    "sidecar idle",
    "merged by name, new ones first",
  );
  const refused = await kubectl.fails(
    "patch",
    "deployment",
    "patched",
    "--type=json",
    "-p",
    '[{"op":"test","path":"/spec/replicas","value":9}]',
  );
  assert.match(refused, /the server rejected our request due to an error in our request|testing path|test failed/i);
  assert.equal(
    await kubectl("patch", "deployment", "patched", "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":1}}'),
    "scale.autoscaling/patched patched\n",
  );
  assert.equal(await kubectl("get", "deployment", "patched", "-o", "jsonpath={.spec.replicas}"), "1");
});

void test("replace needs the object's last version, --force makes it anew", async () => {
  await kubectl("create", "configmap", "replaced", "--from-literal=a=1");
  const before = await kubectl.json<{ metadata: { uid: string }; data: object }>("get", "configmap", "replaced");
  await kubectl("label", "configmap", "replaced", "touched=yes");
  const stale = kubectl.file("replaced.json", { ...before, data: { a: "2" } });
  assert.match(
    await kubectl.fails("replace", "-f", stale),
    /Error from server \(Conflict\): error when replacing ".*": Operation cannot be fulfilled on configmaps "replaced": the object has been modified; please apply your changes to the latest version and try again/,
  );
  const fresh = kubectl.file("replaced.json", configMap("replaced", { a: "3" }));
  assert.equal(await kubectl("replace", "-f", fresh), "configmap/replaced replaced\n");
  const replaced = await kubectl.json<{ metadata: { uid: string; labels?: object }; data: object }>("get", "configmap", "replaced");
  assert.deepEqual([replaced.metadata.uid, replaced.metadata.labels, replaced.data], [before.metadata.uid, undefined, { a: "3" }]);
  assert.equal(
    await kubectl("replace", "--force", "-f", fresh),
    'configmap "replaced" deleted from default namespace\nconfigmap/replaced replaced\n',
  );
  assert.notEqual(await kubectl("get", "configmap", "replaced", "-o", "jsonpath={.metadata.uid}"), before.metadata.uid);
});

void test("label and annotate add, refuse to overwrite, overwrite when told, and remove", async () => {
  await kubectl("create", "configmap", "labelled");
  assert.equal(await kubectl("label", "configmap", "labelled", "tier=front"), "configmap/labelled labeled\n");
  assert.equal(
    await kubectl.fails("label", "configmap", "labelled", "tier=back"),
    "error: 'tier' already has a value (front), and --overwrite is false\n",
  );
  assert.equal(await kubectl("label", "configmap", "labelled", "tier=back", "--overwrite"), "configmap/labelled labeled\n");
  assert.match(await kubectl("get", "configmap", "labelled", "--show-labels"), /LABELS\nlabelled +0 +\S+ +tier=back\n$/);
  assert.equal(await kubectl("label", "configmap", "labelled", "tier-"), "configmap/labelled unlabeled\n");
  assert.equal(await kubectl("annotate", "configmap", "labelled", "note=hello there"), "configmap/labelled annotated\n");
  assert.equal(await kubectl("get", "configmap", "labelled", "-o", "jsonpath={.metadata.annotations}"), '{"note":"hello there"}');
  assert.match(await kubectl.fails("label", "configmap", "labelled", "a=in valid"), /a valid label must be an empty string or consist of/);
});

void test("set image, env, resources, serviceaccount and selector change what they name", async () => {
  await kubectl("apply", "-f", kubectl.file("set.json", idleDeployment("set", 0)));
  assert.equal(await kubectl("set", "image", "deployment/set", "idle=busybox:2"), "deployment.apps/set image updated\n");
  assert.equal(await kubectl("set", "env", "deployment/set", "A=1", "B=2"), "deployment.apps/set env updated\n");
  assert.equal(await kubectl("set", "env", "deployment/set", "A-"), "deployment.apps/set env updated\n");
  assert.equal(
    await kubectl("set", "resources", "deployment/set", "--limits=cpu=100m,memory=64Mi", "--requests=cpu=50m"),
    "deployment.apps/set resource requirements updated\n",
  );
  assert.equal(await kubectl("set", "serviceaccount", "deployment/set", "default"), "deployment.apps/set serviceaccount updated\n");
  const { spec } = await kubectl.json<{ spec: { template: { spec: { containers: object[]; serviceAccountName: string } } } }>(
    "get",
    "deployment",
    "set",
  );
  const { image, env, resources } = spec.template.spec.containers[0] as Record<string, unknown>;
  assert.deepEqual(
    { image, env, resources, account: spec.template.spec.serviceAccountName },
    {
      image: "busybox:2",
      env: [{ name: "B", value: "2" }],
      resources: { limits: { cpu: "100m", memory: "64Mi" }, requests: { cpu: "50m" } },
      account: "default",
    },
  );
  assert.equal(await kubectl("set", "env", "deployment/set", "--list"), "# Deployment set, container idle\nB=2\n");
  assert.equal(
    await kubectl.fails("set", "image", "deployment/set", "nobody=busybox:2"),
    'error: unable to find container named "nobody"\n',
  );
});
