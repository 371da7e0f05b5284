// kubectl rollout and scale on StatefulSets and DaemonSets, on simulated nodes; and once with pods that run.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Kubectl, startTestCluster, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated", nodes: 3 });
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

function workload(kind: "StatefulSet" | "DaemonSet", name: string, spec: object = {}): object {
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: { name, annotations: { "kubernetes.io/change-cause": "first" } },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 2, containers: [{ name: "idle", image: "busybox:1", command: ["sleep", "1000"] }] },
      },
      ...(kind === "StatefulSet" ? { serviceName: name, replicas: 3 } : {}),
      ...spec,
    },
  };
}

const apply = (name: string, manifest: object, cli = kubectl) => cli("apply", "-f", cli.file(`${name}.json`, manifest));
const images = (app: string) => kubectl("get", "pods", "-l", `app=${app}`, "-o", "jsonpath={.items[*].spec.containers[0].image}");
const rolledOut = (what: string) => kubectl("rollout", "status", what, "--timeout=30s");

/** Three pods with this image, and no others. */
const allAre = (app: string, image: string) =>
  until(`all of ${app} are ${image}`, async () => (await images(app)) === `${image} ${image} ${image}`);

/** kubectl takes a set with a partition, and the default is one of 0, for a phased roll out. */
const COMPLETE =
  /^(Waiting for (\d pods to be ready|partitioned roll out to finish: \d out of 3 new pods have been updated)\.\.\.\n)*partitioned roll out complete: 3 new pods have been updated\.\.\.\n$/;

void test("StatefulSet: status, set image, history, undo", async () => {
  await apply("db", workload("StatefulSet", "db"));
  assert.match(await rolledOut("statefulset/db"), COMPLETE);
  assert.match(await kubectl("get", "statefulset", "db", "--no-headers"), /^db +3\/3 +/);
  await kubectl("set", "image", "statefulset/db", "idle=busybox:2");
  await kubectl("annotate", "statefulset/db", "kubernetes.io/change-cause=second", "--overwrite");
  assert.match(await rolledOut("statefulset/db"), COMPLETE);
  await allAre("db", "busybox:2");
  const history = await kubectl("rollout", "history", "statefulset/db");
  assert.match(history, /^statefulset\.apps\/db \nREVISION {2}CHANGE-CAUSE\n1 +first\n2 +(first|second)\n\n$/);
  const shown = await kubectl("rollout", "history", "statefulset/db", "--revision=1");
  assert.match(shown, /^statefulset\.apps\/db with revision #1\nPod Template:\n(.|\n)* {4}Image:\s+busybox:1\n/);
  assert.equal(await kubectl("rollout", "undo", "statefulset/db"), "statefulset.apps/db rolled back\n");
  await rolledOut("statefulset/db");
  await allAre("db", "busybox:1");
  assert.match(await kubectl("rollout", "history", "statefulset/db"), /CHANGE-CAUSE\n2 .*\n3 .*\n\n$/);
  assert.match(
    await kubectl("rollout", "undo", "statefulset/db", "--to-revision=3"),
    /skipped rollback \(current template already matches revision 3\)/,
  );
  assert.match(
    await kubectl.fails("rollout", "undo", "statefulset/db", "--to-revision=9"),
    /unable to find specified revision 9 in history/,
  );
  assert.match(await kubectl("get", "controllerrevisions", "-l", "app=db", "--no-headers"), /^db-\S+ +statefulset\.apps\/db +\d/m);
});

void test("StatefulSet: scale, restart, partition; pause is not for it", async () => {
  await apply("kv", workload("StatefulSet", "kv", { podManagementPolicy: "Parallel" }));
  await rolledOut("statefulset/kv");
  assert.equal(await kubectl("scale", "statefulset/kv", "--replicas=1"), "statefulset.apps/kv scaled\n");
  await kubectl("wait", "statefulset/kv", "--for=jsonpath={.status.replicas}=1", "--timeout=20s");
  await kubectl("scale", "statefulset/kv", "--current-replicas=1", "--replicas=3");
  await rolledOut("statefulset/kv");
  const uids = () => kubectl("get", "pods", "-l", "app=kv", "-o", "jsonpath={.items[*].metadata.uid}");
  const old = (await uids()).split(" ");
  assert.equal(await kubectl("rollout", "restart", "statefulset/kv"), "statefulset.apps/kv restarted\n");
  await rolledOut("statefulset/kv");
  const now = (await uids()).split(" ");
  assert.ok(now.length === 3 && now.every((uid) => !old.includes(uid)));
  await kubectl("patch", "statefulset", "kv", "-p", '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}');
  await kubectl("set", "image", "statefulset/kv", "idle=busybox:2");
  assert.match(await rolledOut("statefulset/kv"), /partitioned roll out complete: 1 new pods have been updated\.\.\.\n$/);
  assert.equal(await images("kv"), "busybox:1 busybox:1 busybox:2");
  assert.match(await kubectl.fails("rollout", "pause", "statefulset/kv"), /statefulsets\.apps "kv" pausing is not supported/);
});

void test("DaemonSet: status, set image, history, undo, restart", async () => {
  const together = { updateStrategy: { rollingUpdate: { maxUnavailable: "100%" } }, minReadySeconds: 1 };
  await apply("agent", workload("DaemonSet", "agent", together));
  assert.match(await rolledOut("daemonset/agent"), /daemon set "agent" successfully rolled out\n$/);
  assert.match(await kubectl("get", "daemonset", "agent", "--no-headers"), /^agent +3 +3 +3 +3 +3 +<none> +/);
  await kubectl("set", "image", "daemonset/agent", "idle=busybox:2");
  assert.match(
    await rolledOut("daemonset/agent"),
    /^(Waiting for daemon set "agent" rollout to finish: [0-2] (out of 3 new pods have been updated|of 3 updated pods are available)\.\.\.\n|Waiting for daemon set spec update to be observed\.\.\.\n)+daemon set "agent" successfully rolled out\n$/,
  );
  await allAre("agent", "busybox:2");
  assert.match(
    await kubectl("rollout", "history", "daemonset/agent"),
    /^daemonset\.apps\/agent \nREVISION {2}CHANGE-CAUSE\n1 +first\n2 +first\n\n$/,
  );
  const shown = await kubectl("rollout", "history", "daemonset/agent", "--revision=2");
  assert.match(shown, /^daemonset\.apps\/agent with revision #2\nPod Template:\n(.|\n)* {4}Image:\s+busybox:2\n/);
  assert.equal(await kubectl("rollout", "undo", "daemonset/agent", "--to-revision=1"), "daemonset.apps/agent rolled back\n");
  await rolledOut("daemonset/agent");
  await allAre("agent", "busybox:1");
  assert.match(await kubectl("rollout", "history", "daemonset/agent"), /CHANGE-CAUSE\n2 +first\n3 +first\n\n$/);
  assert.equal(await kubectl("rollout", "restart", "daemonset/agent"), "daemonset.apps/agent restarted\n");
  await rolledOut("daemonset/agent");
  assert.match(await kubectl.fails("scale", "daemonset/agent", "--replicas=1"), /could not find the requested resource|cannot scale/);
  const described = await kubectl("describe", "daemonset", "agent");
  assert.match(described, /Desired Number of Nodes Scheduled: 3\n/);
  assert.match(described, /Normal +SuccessfulCreate +\S+( \(x\d+ over \S+\))? +daemonset-controller +Created pod: agent-/);
});

void test("describe and cascading deletion of a StatefulSet: orphans stay and are adopted again", async () => {
  await apply("keep", workload("StatefulSet", "keep"));
  await rolledOut("statefulset/keep");
  assert.match(
    await kubectl("describe", "statefulset", "keep"),
    /Normal +SuccessfulCreate +\S+ +statefulset-controller +Create Pod keep-2 in StatefulSet keep successful/,
  );
  const uids = () => kubectl("get", "pods", "-l", "app=keep", "-o", "jsonpath={.items[*].metadata.uid}");
  const before = await uids();
  await kubectl("delete", "statefulset", "keep", "--cascade=orphan");
  assert.equal(await uids(), before);
  await apply("keep", workload("StatefulSet", "keep"));
  await rolledOut("statefulset/keep");
  assert.equal(await uids(), before);
  await kubectl("delete", "statefulset", "keep");
  await until("its pods are gone", async () => (await uids()) === "");
});

void test("claims of a StatefulSet go as its retention policy says, with no more rights than the controller has", async () => {
  const claims = {
    replicas: 1,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Delete" },
    volumeClaimTemplates: [
      { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
    ],
  };
  await apply("disk", workload("StatefulSet", "disk", claims));
  const owner = () => kubectl("get", "pvc", "data-disk-0", "-o", "jsonpath={.metadata.ownerReferences[*].kind}");
  await until("the set owns the claim", async () => (await owner()) === "StatefulSet");
  await kubectl("scale", "statefulset/disk", "--replicas=0");
  await until("the claim went with its pod", async () => (await kubectl("get", "pvc", "-o", "name")) === "");
  await kubectl("scale", "statefulset/disk", "--replicas=1");
  await until("the set owns another claim", async () => (await owner()) === "StatefulSet");
  await kubectl("delete", "statefulset", "disk");
  await until("it went with the set", async () => (await kubectl("get", "pvc", "-o", "name")) === "");
});

void test("on nodes that run programs: pods of both kinds, with their names", async () => {
  await using real = await startTestCluster();
  const print = { name: "idle", image: "busybox:1", command: ["sh", "-c", "hostname; sleep 1000"] };
  const template = (app: string) => ({
    template: { metadata: { labels: { app } }, spec: { terminationGracePeriodSeconds: 1, containers: [print] } },
  });
  await apply("db", workload("StatefulSet", "db", { replicas: 2, ...template("db") }), real.kubectl);
  await apply("agent", workload("DaemonSet", "agent", template("agent")), real.kubectl);
  await real.kubectl("rollout", "status", "statefulset/db", "--timeout=20s");
  await real.kubectl("rollout", "status", "daemonset/agent", "--timeout=20s");
  assert.equal((await real.kubectl("get", "pods", "-o", "name")).trim().split("\n").length, 3);
  await real.kubectl("scale", "statefulset/db", "--replicas=0");
  await until("none is left", async () => (await real.kubectl("get", "pods", "-l", "app=db", "-o", "name")) === "");
});
