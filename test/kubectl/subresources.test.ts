// --subresource of get, patch, edit, replace and apply: status, scale, resize; what a door lets through and what not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { idleDeployment, idlePod } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated", nodes: 0 });
  kubectl = testCluster.kubectl;
  await kubectl("apply", "-f", kubectl.file("crew.json", idleDeployment("crew", 2)));
  await kubectl("apply", "-f", kubectl.file("box.json", idlePod("box")));
});
after(() => testCluster[Symbol.asyncDispose]());

const path = (object: string, expression: string, ...more: string[]) => kubectl("get", object, "-o", `jsonpath=${expression}`, ...more);
const scale = ["deployment", "crew", "--subresource=scale"];

void test("get --subresource shows the scale as a table and as an object, the status as the whole", async () => {
  assert.match(await kubectl("get", ...scale), /^NAME +DESIRED +AVAILABLE +AGE\ncrew +2 +\d +\d+s\n$/);
  const object = await kubectl.json<{ kind: string; apiVersion: string; spec: object; status: { selector: string } }>("get", ...scale);
  assert.deepEqual(
    [object.apiVersion, object.kind, object.spec, object.status.selector],
    ["autoscaling/v1", "Scale", { replicas: 2 }, "app=crew"],
  );
  assert.match(await kubectl("get", "deployment/crew", "--subresource=status"), /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\ncrew +0\/2 /);
  assert.match(
    await kubectl.fails("get", "deployment", "crew", "--subresource=wheel"),
    /Error from server \(NotFound\): the server could not find the requested resource/,
  );
  assert.match(
    await kubectl.fails("get", "deployment", "--subresource=scale"),
    /subresource cannot be used when bulk resources are specified/,
  );
});

void test("the scale is patched and replaced", async () => {
  const replicas = () => path("deployment/crew", "{.spec.replicas}");
  assert.equal(await kubectl("patch", ...scale, "--type=merge", "-p", '{"spec":{"replicas":3}}'), "scale.autoscaling/crew patched\n");
  assert.equal(await replicas(), "3");
  await kubectl("patch", ...scale, "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":1}]');
  assert.equal(await replicas(), "1");
  const object = await kubectl.json<{ spec: { replicas: number } }>("get", ...scale);
  const file = kubectl.file("scale.json", { ...object, spec: { replicas: 0 } });
  assert.equal(
    await kubectl("replace", "--subresource=scale", "-f", kubectl.file("crew-2.json", idleDeployment("crew", 2))).catch(() => "refused"),
    "refused",
    "a Deployment is no Scale",
  );
  await kubectl("replace", "--raw", "/apis/apps/v1/namespaces/default/deployments/crew/scale", "-f", file);
  assert.equal(await replicas(), "0");
  assert.match(
    await kubectl.fails("patch", ...scale, "--type=merge", "-p", '{"spec":{"replicas":-1}}'),
    /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/,
  );
});

void test("scale by command: of files, of selections, with conditions, of what has none", async () => {
  assert.equal(
    await kubectl("scale", "--replicas=1", "-f", kubectl.file("crew.json", idleDeployment("crew", 2))),
    "deployment.apps/crew scaled\n",
  );
  assert.equal(await kubectl("scale", "deployment", "--all", "--replicas=2"), "deployment.apps/crew scaled\n");
  assert.equal(
    await kubectl.fails("scale", "deployment/crew", "--current-replicas=7", "--replicas=3"),
    "error: Expected replicas to be 7, was 2\n",
  );
  const version = await path("deployment/crew", "{.metadata.resourceVersion}");
  assert.equal(
    await kubectl("scale", "deployment/crew", "--replicas=0", "--dry-run=server"),
    "deployment.apps/crew scaled (server dry run)\n",
  );
  assert.equal(await path("deployment/crew", "{.spec.replicas}"), "2");
  assert.match(
    await kubectl.fails("scale", "deployment/crew", "--resource-version=1", "--replicas=3"),
    /Expected resource version to be 1, was \d+/,
  );
  assert.ok(Number(version) > 0);
  assert.match(
    await kubectl.fails("scale", "pod/box", "--replicas=2"),
    /error: cannot find scale for pods?|the server could not find the requested resource/,
  );
});

void test("a status is written by its door alone, and its door writes nothing else", async () => {
  const patch = JSON.stringify({
    metadata: { labels: { sneaked: "in" } },
    spec: { paused: true },
    status: { observedGeneration: 77, conditions: [{ type: "Sunk", status: "True", reason: "Why", message: "leak" }] },
  });
  assert.equal(
    await kubectl("patch", "deployment", "crew", "--type=merge", "-p", '{"status":{"observedGeneration":99}}'),
    "deployment.apps/crew patched (no change)\n",
  );
  assert.equal(
    await kubectl("patch", "deployment", "crew", "--subresource=status", "--type=merge", "-p", patch),
    "deployment.apps/crew patched\n",
  );
  assert.equal(await path("deployment/crew", "{.spec.paused}{.metadata.labels.sneaked}"), "");
  assert.match(await path("deployment/crew", "{.status.conditions[*].type}", "--subresource=status"), /Sunk/);
  const editor = kubectl.file("editor.sh", "#!/bin/sh\nsed -i 's/message: leak/message: mended/' $1\n");
  const edited = await kubectl.run(["edit", "deployment", "crew", "--subresource=status"], { env: { EDITOR: `sh ${editor}` } });
  assert.deepEqual([edited.stdout, edited.stderr, edited.code], ["deployment.apps/crew edited\n", "", 0]);
  assert.equal(await path("deployment/crew", '{.status.conditions[?(@.type=="Sunk")].message}'), "mended");
  const condition = { type: "example.io/Foo", status: "True", lastProbeTime: null, lastTransitionTime: null };
  const status = kubectl.file("status.json", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "box" },
    status: { conditions: [condition] },
  });
  assert.equal(
    await kubectl("apply", "--server-side", "--subresource=status", "--field-manager=mine", "-f", status),
    "pod/box serverside-applied\n",
  );
  assert.match(await path("pod/box", "{.status.conditions[*].type}"), /example\.io\/Foo/);
  assert.equal(
    await kubectl(
      "get",
      "pod",
      "box",
      "--show-managed-fields",
      "-o",
      'jsonpath={.metadata.managedFields[?(@.manager=="mine")].subresource}',
    ),
    "status",
  );
  assert.match(
    await kubectl.fails("patch", "configmap", "kube-root-ca.crt", "--subresource=status", "--type=merge", "-p", "{}"),
    /the server could not find the requested resource/,
  );
});

void test("resize changes a pod's resources, and nothing else does", async () => {
  await kubectl("patch", "pod", "box", "-p", '{"metadata":{"labels":{"a":"b"}}}');
  const resources = '{"spec":{"containers":[{"name":"idle","resources":{"requests":{"cpu":"20m"}}}]}}';
  assert.match(
    await kubectl.fails("patch", "pod", "box", "-p", resources),
    /spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`/,
  );
  const burstable = {
    ...idlePod("sized"),
    spec: { containers: [{ name: "idle", image: "busybox:1", resources: { requests: { cpu: "10m" } } }] },
  };
  await kubectl("apply", "-f", kubectl.file("sized.json", burstable));
  assert.equal(await kubectl("patch", "pod", "sized", "--subresource=resize", "-p", resources), "pod/sized patched\n");
  assert.equal(await path("pod/sized", "{.spec.containers[0].resources}"), '{"requests":{"cpu":"20m"}}');
  assert.match(
    await kubectl.fails(
      "patch",
      "pod",
      "sized",
      "--subresource=resize",
      "-p",
      '{"spec":{"containers":[{"name":"idle","resources":{"requests":{"cpu":"20m"},"limits":{"cpu":"20m","memory":"1Gi"}}}]}}',
    ),
    /Pod QOS Class may not change as a result of resizing|resource limits cannot be|may not/i,
  );
});

void test("a patch that makes no sense is refused in upstream's words", async () => {
  const refused = async (type: string, patch: string) => kubectl.fails("patch", "pod", "box", `--type=${type}`, "-p", patch);
  assert.match(
    await refused("strategic", '{"metadata":{"labels":"invalid"}}'),
    /^The request is invalid: patch: Invalid value: "map\[metadata:map\[labels:invalid\]\]": cannot restore map from string\n$/,
  );
  assert.match(
    await refused("merge", '{"metadata":{"labels":"invalid"}}'),
    /^The request is invalid: patch: Invalid value: .*cannot unmarshal string into Go struct field .*labels of type map\[string\]string\n$/,
  );
  assert.match(
    await refused("json", '[{"op":"replace","path":"/spec/nothing/here","value":1}]'),
    /^The request is invalid: .*missing path: \/spec\/nothing\/here: missing value\n$/,
  );
  assert.match(
    await refused("json", '{"op":"add"}'),
    /json: cannot unmarshal object into Go value of type jsonpatch\.Patch|error decoding patch/,
  );
  assert.match(
    await refused("merge", '{"metadata":{"name":"other"}}'),
    /the name of the object \(other\) does not match the name on the URL \(box\)|metadata\.name: Invalid value/,
  );
  const warned = await kubectl.run(["patch", "pod", "box", "--type=merge", "-p", '{"spec":{"nothing":1}}']);
  assert.deepEqual([warned.stdout, warned.stderr], ["pod/box patched (no change)\n", 'Warning: unknown field "spec.nothing"\n']);
  assert.match(await refused("nonsense", "{}"), /error: --type must be one of \[json merge strategic\], not "nonsense"/);
  assert.match(
    await kubectl.fails("patch", "pod", "nobody", "-p", '{"metadata":{"labels":{"a":"b"}}}'),
    /Error from server \(NotFound\): pods "nobody" not found/,
  );
  assert.match(
    await kubectl.fails("patch", "pod", "box", "-p", "{{"),
    /^Error from server \(BadRequest\): invalid character '\{' looking for beginning of object key string\n$/,
  );
});
