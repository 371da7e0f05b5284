// kubectl cordon, drain, uncordon and taint: taking a node out of service without harm to what a budget protects.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { until } from "#harness/until.ts";
import { idleDeployment, idlePod } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;
let first: string;
let second: string;

before(async () => {
  testCluster = await startTestCluster({ nodes: 2 });
  kubectl = testCluster.kubectl;
  [first = "", second = ""] = testCluster.cluster.nodes;
});
after(() => testCluster[Symbol.asyncDispose]());

const nodesOf = async (app: string) =>
  (await kubectl("get", "pods", "-l", `app=${app}`, "-o", "jsonpath={.items[*].spec.nodeName}")).split(" ").filter(Boolean);

void test("cordon keeps new pods off a node, uncordon lets them on again", async () => {
  assert.equal(await kubectl("cordon", first), `node/${first} cordoned\n`);
  assert.equal(await kubectl("cordon", first), `node/${first} already cordoned\n`);
  assert.match(await kubectl("get", "node", first, "--no-headers"), / Ready,SchedulingDisabled /);
  assert.match(
    await kubectl("describe", "node", first),
    /^Taints: +node\.kubernetes\.io\/unschedulable:NoSchedule\nUnschedulable: +true$/m,
  );
  await kubectl("apply", "-f", kubectl.file("all.json", idleDeployment("elsewhere", 4)));
  await kubectl("rollout", "status", "deployment/elsewhere", "--timeout=20s");
  assert.deepEqual(await nodesOf("elsewhere"), [second, second, second, second]);
  assert.equal(await kubectl("uncordon", first), `node/${first} uncordoned\n`);
  assert.match(await kubectl("get", "node", first, "--no-headers"), / Ready +</);
  await kubectl("delete", "deployment", "elsewhere");
});

void test("drain moves pods within their disruption budget and says which it evicted", async () => {
  await kubectl("apply", "-f", kubectl.file("guarded.json", idleDeployment("guarded", 4)));
  await kubectl("create", "poddisruptionbudget", "guarded", "--selector=app=guarded", "--min-available=3");
  await kubectl("rollout", "status", "deployment/guarded", "--timeout=20s");
  await until(
    "the budget knows the pods",
    async () => (await kubectl("get", "pdb", "guarded", "-o", "jsonpath={.status.disruptionsAllowed}")) === "1",
  );
  const here = (await nodesOf("guarded")).filter((name) => name === first).length;
  assert.ok(here > 0, "pods are spread over both nodes");
  let fewest = 4;
  let watching = true;
  const watched = (async () => {
    while (watching) {
      const { status } = await testCluster.client.get(Deployment, "default/guarded");
      fewest = Math.min(fewest, status?.readyReplicas ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const { code, stdout } = await kubectl.run(["drain", first, "--ignore-daemonsets", "--timeout=40s"], { timeoutMs: 60_000 });
  watching = false;
  await watched;
  assert.equal(code, 0, stdout);
  assert.match(stdout, new RegExp(`^node/${first} cordoned\n`));
  assert.equal(stdout.match(/^pod\/guarded-\w+-\w+ evicted$/gm)?.length, here);
  assert.match(stdout, new RegExp(`node/${first} drained\n$`));
  assert.ok(fewest >= 3, `never fewer than the budget wants; it was ${fewest}`);
  await until("all run on the other node", async () => {
    const names = await nodesOf("guarded");
    return names.length === 4 && names.every((name) => name === second);
  });
  await kubectl("uncordon", first);
});

void test("a budget that allows nothing makes drain wait, and an eviction answer 429", async () => {
  await kubectl("apply", "-f", kubectl.file("rigid.json", idleDeployment("rigid", 2)));
  await kubectl("create", "poddisruptionbudget", "rigid", "--selector=app=rigid", "--max-unavailable=0");
  await kubectl("rollout", "status", "deployment/rigid", "--timeout=20s");
  const [name = ""] = (await kubectl("get", "pods", "-l", "app=rigid", "-o", "jsonpath={.items[*].metadata.name}")).split(" ");
  await until(
    "the budget knows the pods",
    async () => (await kubectl("get", "pdb", "rigid", "-o", "jsonpath={.status.expectedPods}")) === "2",
  );
  const node = await kubectl("get", "pod", name, "-o", "jsonpath={.spec.nodeName}");
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "default" } };
  const file = kubectl.file("eviction.json", eviction);
  assert.match(
    await kubectl.fails("create", "--raw", `/api/v1/namespaces/default/pods/${name}/eviction`, "-f", file),
    /Error from server \(TooManyRequests\): Cannot evict pod as it would violate the pod's disruption budget\./,
  );
  const { code, stderr } = await kubectl.run(["drain", node, "--ignore-daemonsets", "--pod-selector=app=rigid", "--timeout=1s"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /error when evicting pods\/"rigid-\w+-\w+" -n "default" \(will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\./,
  );
  assert.equal(await kubectl("get", "pod", name, "-o", "jsonpath={.metadata.deletionTimestamp}"), "", "the pod was left alone");
  await kubectl("uncordon", node);
});

void test("drain refuses pods that nobody would start again, unless forced", async () => {
  await kubectl("apply", "-f", kubectl.file("lone.json", idlePod("lone", { app: "lone" })));
  await kubectl("wait", "pod/lone", "--for=condition=Ready", "--timeout=20s");
  const node = await kubectl("get", "pod", "lone", "-o", "jsonpath={.spec.nodeName}");
  assert.match(
    await kubectl.fails("drain", node, "--pod-selector=app=lone"),
    /cannot delete Pods that declare no controller \(use --force to override\): default\/lone/,
  );
  const { code, stdout, stderr } = await kubectl.run(["drain", node, "--pod-selector=app=lone", "--force"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Warning: deleting Pods that declare no controller: default\/lone/);
  assert.match(stdout, /^pod\/lone evicted$/m);
  assert.match(await kubectl.fails("get", "pod", "lone"), /NotFound/);
  await kubectl("uncordon", node);
});

void test("a taint keeps pods away that do not tolerate it, and NoExecute drives them off", async () => {
  assert.equal(await kubectl("taint", "node", first, "team=blue:NoSchedule"), `node/${first} tainted\n`);
  await kubectl("apply", "-f", kubectl.file("shy.json", idleDeployment("shy", 3)));
  await kubectl("rollout", "status", "deployment/shy", "--timeout=20s");
  assert.deepEqual(await nodesOf("shy"), [second, second, second]);
  assert.equal(await kubectl("taint", "node", first, "team-"), `node/${first} untainted\n`);
  await kubectl("taint", "node", second, "fire=yes:NoExecute");
  await until("all have moved", async () => {
    const names = await nodesOf("shy");
    return names.length === 3 && names.every((name) => name === first);
  });
  await kubectl("taint", "node", second, "fire-");
});
