// kubectl get in its output forms, selections and watches.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { idleDeployment, idlePod } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
  await kubectl("create", "namespace", "team");
  await kubectl("apply", "-f", kubectl.file("a.json", idlePod("pod-a", { app: "boat", tier: "front" })));
  await kubectl("apply", "-f", kubectl.file("b.json", idlePod("pod-b", { app: "boat", tier: "back" })));
  await kubectl("apply", "-n", "team", "-f", kubectl.file("c.json", idlePod("pod-c", { app: "boat" })));
  await kubectl("apply", "-f", kubectl.file("d.json", idleDeployment("crew", 1)));
  await kubectl("wait", "--for=condition=Ready", "pod", "--all", "-A", "--timeout=20s");
  await kubectl("rollout", "status", "deployment/crew", "--timeout=20s");
});
after(() => testCluster[Symbol.asyncDispose]());

void test("the columns of a pod, and more of them with -o wide", async () => {
  assert.match(await kubectl("get", "pod", "pod-a"), /^NAME +READY +STATUS +RESTARTS +AGE\npod-a +1\/1 +Running +0 +\d+s\n$/);
  const wide = await kubectl("get", "pods", "-o", "wide", "-l", "tier");
  assert.match(wide, /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n/);
  const [node] = testCluster.cluster.nodes;
  assert.match(wide, new RegExp(`^pod-a +1/1 +Running +0 +\\d+s +127\\.\\d+\\.\\d+\\.\\d+ +${node} +<none> +<none>$`, "m"));
  assert.equal((await kubectl("get", "pods", "--no-headers", "-l", "tier")).split("\n").length, 3, "no header");
});

void test("the columns of a Deployment, a ReplicaSet, a Service, a node and a namespace", async () => {
  const [node] = testCluster.cluster.nodes;
  assert.match(await kubectl("get", "deployments"), /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\ncrew +1\/1 +1 +1 +\d+s\n$/);
  assert.match(
    await kubectl("get", "deploy", "-o", "wide"),
    /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\ncrew +1\/1 +1 +1 +\d+s +idle +busybox:1 +app=crew\n$/,
  );
  assert.match(await kubectl("get", "rs"), /^NAME +DESIRED +CURRENT +READY +AGE\ncrew-[a-z0-9]+ +1 +1 +1 +\d+s\n$/);
  assert.match(
    await kubectl("get", "service", "kubernetes"),
    /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nkubernetes +ClusterIP +127\.\d+\.0\.1 +<none> +443\/TCP +\d+s\n$/,
  );
  assert.match(
    await kubectl("get", "nodes"),
    new RegExp(`^NAME +STATUS +ROLES +AGE +VERSION\\n${node} +Ready +<none> +\\d+s +v1\\.36\\.\\d+\\S*\\n$`),
  );
  assert.match(
    await kubectl("get", "nodes", "-o", "wide"),
    /^NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION +CONTAINER-RUNTIME\n/,
  );
  const namespaces = await kubectl("get", "namespaces");
  assert.match(namespaces, /^NAME +STATUS +AGE\n/);
  for (const name of ["default", "kube-node-lease", "kube-public", "kube-system", "team"])
    assert.match(namespaces, new RegExp(`^${name} +Active +\\d+s$`, "m"));
});

void test("several kinds at once, and `all`", async () => {
  const text = await kubectl("get", "deploy,rs,svc");
  assert.match(text, /^deployment\.apps\/crew +1\/1/m);
  assert.match(text, /^replicaset\.apps\/crew-\w+ +1 +1 +1/m);
  assert.match(text, /^service\/kubernetes +ClusterIP/m);
  const all = await kubectl("get", "all", "-o", "name");
  assert.match(all, /^pod\/crew-.*\npod\/pod-a\npod\/pod-b\nservice\/kubernetes\ndeployment\.apps\/crew\nreplicaset\.apps\/crew-\w+\n$/);
});

void test("-o yaml and -o json give the object, names and jsonpath parts of it", async () => {
  const yaml = await kubectl("get", "pod", "pod-a", "-o", "yaml");
  assert.match(
    yaml,
    /^apiVersion: v1\nkind: Pod\nmetadata:\n {2}annotations:\n {4}kubectl\.kubernetes\.io\/last-applied-configuration: \|\n/,
  );
  assert.match(
    yaml,
    /^ {2}labels:\n {4}app: boat\n {4}tier: front\n {2}name: pod-a\n {2}namespace: default\n {2}resourceVersion: "\d+"\n/m,
  );
  assert.match(yaml, /^ {2}- args:|^ {2}- command:\n {4}- sleep\n {4}- "1000"\n {4}image: busybox:1\n/m);
  assert.match(yaml, /^status:\n {2}conditions:\n/m);
  const list = await kubectl.json<{ kind: string; apiVersion: string; items: { kind: string; metadata: { name: string } }[] }>(
    "get",
    "pods",
    "-l",
    "app=boat",
  );
  assert.deepEqual(
    [list.apiVersion, list.kind, list.items.map(({ kind, metadata }) => `${kind}/${metadata.name}`)],
    ["v1", "List", ["Pod/pod-a", "Pod/pod-b"]],
  );
  assert.equal(await kubectl("get", "pods", "-l", "app=boat", "-o", "jsonpath={.items[*].metadata.name}"), "pod-a pod-b");
  assert.equal(
    await kubectl("get", "pods", "-l", "app=boat", "-o", 'jsonpath={range .items[*]}{.metadata.name}={.status.phase}{"\\n"}{end}'),
    "pod-a=Running\npod-b=Running\n",
  );
  assert.equal(await kubectl("get", "pod", "pod-a", "-o", "name"), "pod/pod-a\n");
  assert.equal(await kubectl("get", "pod", "pod-a", "-o", "go-template={{.metadata.name}}"), "pod-a");
});

void test("-o custom-columns, -L and --show-labels", async () => {
  assert.equal(
    await kubectl("get", "pods", "-l", "app=boat", "-o", "custom-columns=WHO:.metadata.name,TIER:.metadata.labels.tier,NONE:.spec.nothing"),
    "WHO     TIER    NONE\npod-a   front   <none>\npod-b   back    <none>\n",
  );
  assert.match(await kubectl("get", "pod", "pod-a", "-L", "tier"), / AGE +TIER\npod-a .* front\n$/);
  assert.match(await kubectl("get", "pod", "pod-a", "--show-labels"), / AGE +LABELS\npod-a .* app=boat,tier=front\n$/);
});

void test("label selectors in all their forms", async () => {
  const names = async (...selection: string[]) =>
    (await kubectl("get", "pods", "-o", "name", ...selection)).trim().split("\n").filter(Boolean);
  assert.deepEqual(await names("-l", "app=boat,tier!=back"), ["pod/pod-a"]);
  assert.deepEqual(await names("-l", "tier in (back, other)"), ["pod/pod-b"]);
  assert.deepEqual(await names("-l", "app,!tier", "-n", "team"), ["pod/pod-c"]);
  assert.deepEqual(await names("-l", "app=boat", "-A"), ["pod/pod-a", "pod/pod-b", "pod/pod-c"]);
  assert.match(await kubectl.fails("get", "pods", "-l", "a=(b"), /unable to parse requirement|found '\('/);
});

void test("field selectors choose by phase, name, node; unknown fields are refused", async () => {
  const [node] = testCluster.cluster.nodes;
  assert.equal(
    await kubectl("get", "pods", "-l", "app=boat", "--field-selector", "metadata.name!=pod-a,status.phase=Running", "-o", "name"),
    "pod/pod-b\n",
  );
  assert.equal(
    (await kubectl("get", "pods", "-A", "--field-selector", `spec.nodeName=${node}`, "-o", "name")).trim().split("\n").length,
    4,
  );
  assert.deepEqual(await kubectl.run(["get", "pods", "--field-selector", "status.phase=Failed"]), {
    code: 0,
    stdout: "",
    stderr: "No resources found in default namespace.\n",
  });
  assert.match(
    await kubectl.fails("get", "pods", "--field-selector", "spec.colour=red"),
    /Error from server \(BadRequest\): Unable to find "\/v1, Resource=pods" that match label selector "", field selector "spec\.colour=red": .*field label not supported: spec\.colour/,
  );
});

void test("-A adds a column, --sort-by orders, --chunk-size reads in parts", async () => {
  assert.match(
    await kubectl("get", "pods", "-A", "-l", "app=boat"),
    /^NAMESPACE +NAME +READY .*\ndefault +pod-a .*\ndefault +pod-b .*\nteam +pod-c .*\n$/,
  );
  assert.equal(
    await kubectl("get", "pods", "-A", "-l", "app=boat", "--sort-by=.metadata.labels.tier", "-o", "jsonpath={.items[*].metadata.name}"),
    "pod-c pod-b pod-a",
  );
  assert.match(await kubectl("get", "pods", "-A", "-l", "app=boat", "--chunk-size=1"), /pod-a(.|\n)*pod-b(.|\n)*pod-c/);
});

void test("-w shows what is there and then every change", async () => {
  await using watch = kubectl.start("get", "configmaps", "-l", "watched", "-w");
  await kubectl("create", "configmap", "seen");
  await kubectl("label", "configmap", "seen", "watched=yes");
  await watch.printed(/^NAME +DATA +AGE\nseen +0 +\d+s\n/);
  await kubectl("patch", "configmap", "seen", "--type=merge", "-p", '{"data":{"a":"1","b":"2"}}');
  await watch.printed(/^seen +2 +\d+s$/m);
});

void test("-w --output-watch-events names additions, changes and removals", async () => {
  await using watch = kubectl.start("get", "configmap", "-l", "events", "--watch-only", "--output-watch-events");
  // The watch is open when a change arrives on it; until then try again.
  for (let attempt = 0; !watch.stdout().includes("ADDED"); attempt++) {
    assert.ok(attempt < 20, `nothing arrives: ${watch.stderr()}`);
    await kubectl("create", "configmap", `made-${attempt}`);
    await kubectl("label", "configmap", `made-${attempt}`, "events=yes");
  }
  const name = /ADDED +(made-\d+)/.exec(watch.stdout())?.[1] ?? "";
  await kubectl("annotate", "configmap", name, "a=b");
  await kubectl("delete", "configmap", name);
  await watch.printed(new RegExp(`^ADDED +${name} .*\\n(.*\\n)*MODIFIED +${name} .*\\n(.*\\n)*DELETED +${name} `, "m"));
});

void test("a watch of pods shows the way of a pod from pending to gone", async () => {
  // What is there already tells that the watch is open.
  await kubectl("apply", "-f", kubectl.file("ahead.json", idlePod("ahead", { app: "traveller" })));
  await using watch = kubectl.start("get", "pods", "-l", "app=traveller", "-w");
  await watch.printed(/^ahead /m);
  await kubectl("apply", "-f", kubectl.file("traveller.json", idlePod("traveller", { app: "traveller" })));
  await watch.printed(/traveller +1\/1 +Running/);
  await kubectl("delete", "pod", "traveller");
  const text = await watch.printed(/traveller +\S+ +(Terminating|Completed|Error)/);
  assert.match(
    text,
    /traveller +0\/1 +(Pending|ContainerCreating)(.|\n)*traveller +1\/1 +Running(.|\n)*traveller +\d\/1 +(Terminating|Completed|Error)/,
  );
});

void test("what does not exist", async () => {
  assert.equal(await kubectl.fails("get", "pod", "nobody"), 'Error from server (NotFound): pods "nobody" not found\n');
  assert.equal(await kubectl.fails("get", "boats"), 'error: the server doesn\'t have a resource type "boats"\n');
  assert.equal((await kubectl.run(["get", "pods", "-n", "empty"])).stderr, "No resources found in empty namespace.\n");
  const { code, stdout, stderr } = await kubectl.run(["get", "pod", "nobody", "--ignore-not-found"]);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
});
