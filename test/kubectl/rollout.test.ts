// kubectl scale, set image and rollout: the life of a Deployment.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { until } from "#harness/until.ts";
import { idleDeployment, webDeployment } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

/** Deploys and waits until all is as asked for. */
async function deploy(manifest: object): Promise<void> {
  const { metadata } = manifest as { metadata: { name: string } };
  await kubectl("apply", "-f", kubectl.file(`${metadata.name}.json`, manifest));
  await kubectl("rollout", "status", `deployment/${metadata.name}`, "--timeout=20s");
}

const images = (name: string) => kubectl("get", "pods", "-l", `app=${name}`, "-o", "jsonpath={.items[*].spec.containers[0].image}");

void test("rollout status counts until all replicas of the new version serve", async () => {
  await kubectl("apply", "-f", kubectl.file("web.json", webDeployment("web", { replicas: 3 })));
  const text = await kubectl("rollout", "status", "deployment/web", "--timeout=20s");
  assert.match(
    text,
    /^(Waiting for deployment "web" rollout to finish: [0-2] of 3 updated replicas are available\.\.\.\n)+deployment "web" successfully rolled out\n$/,
  );
  assert.match(await kubectl("get", "deployment", "web", "--no-headers"), /^web +3\/3 +3 +3 +/);
});

void test("scale up and down; with a condition only if it holds", async () => {
  await deploy(idleDeployment("scaled", 1));
  assert.equal(await kubectl("scale", "deployment/scaled", "--replicas=3"), "deployment.apps/scaled scaled\n");
  await kubectl("wait", "deployment/scaled", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=20s");
  assert.match(
    await kubectl.fails("scale", "deployment/scaled", "--current-replicas=2", "--replicas=4"),
    /error: Expected replicas to be 2, was 3/,
  );
  await kubectl("scale", "deployment/scaled", "--current-replicas=3", "--replicas=0");
  await until("all pods are gone", async () => (await kubectl("get", "pods", "-l", "app=scaled", "-o", "name")) === "");
  const [replicaSet = ""] = (await kubectl("get", "rs", "-l", "app=scaled", "-o", "name")).trim().split("\n");
  assert.match(await kubectl("get", replicaSet, "--no-headers"), / 0 +0 +0 +\d+s\n$/);
});

void test("set image rolls to a new version, and rollout undo back", async () => {
  await deploy(idleDeployment("ship", 2));
  await kubectl("annotate", "deployment/ship", "kubernetes.io/change-cause=first");
  assert.equal(await kubectl("set", "image", "deployment/ship", "idle=busybox:2"), "deployment.apps/ship image updated\n");
  await kubectl("rollout", "status", "deployment/ship", "--timeout=20s");
  await kubectl("annotate", "deployment/ship", "kubernetes.io/change-cause=second", "--overwrite");
  await until("old pods are gone", async () => (await images("ship")) === "busybox:2 busybox:2");
  await until("causes are recorded", async () => {
    const history = await kubectl("rollout", "history", "deployment/ship");
    assert.equal(history, "deployment.apps/ship \nREVISION  CHANGE-CAUSE\n1         first\n2         second\n\n");
    return true;
  });
  const revision = await kubectl("rollout", "history", "deployment/ship", "--revision=1");
  assert.match(revision, /^deployment\.apps\/ship with revision #1\nPod Template:\n(.|\n)* {4}Image:\s+busybox:1\n/);

  const undone = await kubectl("rollout", "undo", "deployment/ship");
  assert.equal(undone, "deployment.apps/ship rolled back\n");
  await kubectl("rollout", "status", "deployment/ship", "--timeout=20s");
  await until("the pods are the first version's", async () => (await images("ship")) === "busybox:1 busybox:1");
  assert.equal(
    (await kubectl("get", "rs", "-l", "app=ship", "-o", "name")).trim().split("\n").length,
    2,
    "the first version's set came back",
  );
  assert.match(await kubectl("rollout", "history", "deployment/ship"), /REVISION {2}CHANGE-CAUSE\n2 +second\n3 +first\n/);

  assert.match(
    await kubectl.fails("rollout", "undo", "deployment/ship", "--to-revision=9"),
    /error: unable to find specified revision 9 in history/,
  );
  await kubectl("rollout", "undo", "deployment/ship", "--to-revision=2");
  await until("the pods are the second version's", async () => (await images("ship")) === "busybox:2 busybox:2");
});

void test("a paused Deployment gathers changes and rolls them out together when resumed", async () => {
  await deploy(idleDeployment("calm", 1));
  assert.equal(await kubectl("rollout", "pause", "deployment/calm"), "deployment.apps/calm paused\n");
  assert.match(await kubectl.fails("rollout", "pause", "deployment/calm"), /deployments\.apps "calm" is already paused/);
  await kubectl("set", "image", "deployment/calm", "idle=busybox:2");
  await kubectl("set", "env", "deployment/calm", "A=1");
  await until("the controller has seen it", async () => {
    const { metadata, status } = await kubectl.json<{
      metadata: { generation: number };
      status: { observedGeneration: number; conditions: { type: string; reason: string }[] };
    }>("get", "deployment", "calm");
    assert.equal(status.conditions.find(({ type }) => type === "Progressing")?.reason, "DeploymentPaused");
    return status.observedGeneration === metadata.generation;
  });
  assert.equal(await images("calm"), "busybox:1");
  assert.match(
    await kubectl.fails("rollout", "undo", "deployment/calm", "--to-revision=1"),
    /you cannot rollback a paused deployment; resume it first/,
  );
  assert.match(
    await kubectl.fails("rollout", "restart", "deployment/calm"),
    /can't restart paused deployment \(run rollout resume first\)/,
  );
  assert.equal(await kubectl("rollout", "resume", "deployment/calm"), "deployment.apps/calm resumed\n");
  await kubectl("rollout", "status", "deployment/calm", "--timeout=20s");
  await until("the new pod is alone", async () => (await images("calm")) === "busybox:2");
  assert.equal((await kubectl("get", "rs", "-l", "app=calm", "-o", "name")).trim().split("\n").length, 2, "one rollout for both changes");
});

void test("rollout restart replaces every pod", async () => {
  await deploy(idleDeployment("again", 2));
  const names = async () => (await kubectl("get", "pods", "-l", "app=again", "-o", "jsonpath={.items[*].metadata.name}")).split(" ");
  const before = await names();
  assert.equal(await kubectl("rollout", "restart", "deployment/again"), "deployment.apps/again restarted\n");
  await kubectl("rollout", "status", "deployment/again", "--timeout=20s");
  await until("none of the pods before is left", async () => (await names()).every((name) => !before.includes(name)));
  assert.match(
    await kubectl("get", "deployment", "again", "-o", "jsonpath={.spec.template.metadata.annotations}"),
    /^\{"kubectl\.kubernetes\.io\/restartedAt":"\d{4}-/,
  );
});

void test("a rolling update keeps within maxUnavailable and maxSurge", async () => {
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
  await deploy(webDeployment("strict", { replicas: 3, strategy }));
  const seen: { replicas: number; available: number }[] = [];
  const watching = new AbortController();
  const watched = (async () => {
    const options = { namespace: "default", fieldSelector: "metadata.name=strict", signal: watching.signal };
    for await (const event of testCluster.client.watch(Deployment, options)) {
      if (event.type === "BOOKMARK") continue;
      const { status } = event.object;
      seen.push({ replicas: status?.replicas ?? 0, available: status?.availableReplicas ?? 0 });
    }
  })();
  await kubectl("set", "env", "deployment/strict", "VERSION=v2");
  await kubectl("rollout", "status", "deployment/strict", "--timeout=30s");
  watching.abort();
  await watched;
  assert.ok(seen.length > 3, "the rollout was watched");
  assert.ok(Math.min(...seen.map(({ available }) => available)) >= 3, JSON.stringify(seen));
  assert.ok(Math.max(...seen.map(({ replicas }) => replicas)) <= 4, JSON.stringify(seen));
});

void test("Recreate ends all old pods before the first new one", async () => {
  await deploy(idleDeployment("anew", 2));
  await kubectl("patch", "deployment", "anew", "--type=merge", "-p", '{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}');
  await using watch = kubectl.start(
    "get",
    "pods",
    "-l",
    "app=anew",
    "-w",
    "-o",
    'jsonpath={.spec.containers[0].image} {.status.phase} {.metadata.deletionTimestamp}{"\\n"}',
  );
  await watch.printed(/busybox:1 Running \n(.*\n)*busybox:1 Running \n/);
  await kubectl("set", "image", "deployment/anew", "idle=busybox:2");
  await kubectl("rollout", "status", "deployment/anew", "--timeout=20s");
  const lines = (await watch.printed(/busybox:2 Running/)).split("\n");
  const firstNew = lines.findIndex((line) => line.startsWith("busybox:2"));
  assert.ok(firstNew > 0 && !lines.slice(firstNew).some((line) => line.startsWith("busybox:1 Running")), lines.join("\n"));
});

void test("rollout status fails when the Deployment is past its deadline", async () => {
  const stuck = idleDeployment("stuck", 1) as { spec: { template: { spec: { containers: object[] } } } };
  Object.assign(stuck.spec, { progressDeadlineSeconds: 1 });
  Object.assign(stuck.spec.template.spec.containers[0]!, { resources: { requests: { cpu: "900" } } });
  await kubectl("apply", "-f", kubectl.file("stuck.json", stuck));
  const stderr = await kubectl.fails("rollout", "status", "deployment/stuck", "--timeout=20s");
  assert.match(stderr, /^error: deployment "stuck" exceeded its progress deadline\n$/);
});
