// kubectl wait in all its forms, kubectl events, and --watch of both.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { idleDeployment, idlePod } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated" });
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

const wait = (...args: string[]) => kubectl("wait", "--timeout=20s", ...args);

void test("for conditions, one and several, met and not", async () => {
  await kubectl("apply", "-f", kubectl.file("crew.json", idleDeployment("crew", 1)));
  assert.equal(await wait("deployment/crew", "--for=condition=Available"), "deployment.apps/crew condition met\n");
  assert.equal(
    await wait("deployment/crew", "--for=condition=progressing=true", "--for=condition=Available=True"),
    "deployment.apps/crew condition met\n".repeat(2),
  );
  assert.equal(await wait("deployment", "--all", "--for=condition=Available"), "deployment.apps/crew condition met\n");
  assert.equal(
    await kubectl.fails("wait", "deployment/crew", "--for=condition=Sunk", "--timeout=100ms"),
    "error: timed out waiting for the condition on deployments/crew\n",
  );
  assert.equal(
    await kubectl.fails("wait", "deployment/crew", "--for=condition=Available=false", "--timeout=0"),
    "error: condition not met for deployments/crew\n",
  );
  assert.equal(
    await kubectl.fails("wait", "deployment/nobody", "--for=condition=Available"),
    'Error from server (NotFound): deployments.apps "nobody" not found\n',
  );
  assert.equal(await kubectl.fails("wait", "pods", "-l", "app=nobody", "--for=condition=Ready"), "error: no matching resources found\n");
});

void test("for values by JSONPath, with and without a value", async () => {
  assert.equal(await wait("deployment/crew", "--for=jsonpath={.status.readyReplicas}=1"), "deployment.apps/crew condition met\n");
  assert.equal(await wait("deployment/crew", "--for=jsonpath={.status.replicas}"), "deployment.apps/crew condition met\n");
  assert.equal(
    await wait("deployment/crew", '--for=jsonpath=spec.template.spec.containers[?(@.name=="idle")].image=busybox:1'),
    "deployment.apps/crew condition met\n",
  );
  const waiting = wait("deployment/crew", "--for=jsonpath={.metadata.labels.signal}=go");
  await kubectl("label", "deployment", "crew", "signal=go");
  assert.equal(await waiting, "deployment.apps/crew condition met\n");
  assert.match(
    await kubectl.fails("wait", "deployment/crew", "--for=jsonpath={.a", "--timeout=1s"),
    /error: unexpected path string, expected a 'name1\.name2'/,
  );
});

void test("for what does not exist yet, and for what goes", async () => {
  const creation = wait("configmap/later", "--for=create");
  const selected = wait("configmap", "-l", "late=yes", "--for=create", "--for=jsonpath={.data.a}=1");
  await kubectl("create", "configmap", "later", "--from-literal=a=1");
  await kubectl("label", "configmap", "later", "late=yes");
  assert.equal(await creation, "configmap/later condition met\n");
  assert.equal(await selected, "configmap/later condition met\n".repeat(2));
  const deletion = wait("configmap/later", "--for=delete");
  // A kubectl that comes when it is gone already has nothing to say.
  await until("kubectl watches the object", async () =>
    /^apiserver_longrunning_requests\{.*resource="configmaps",scope="resource",.*\} [1-9]/m.test(await kubectl("get", "--raw", "/metrics")),
  );
  await kubectl("delete", "configmap", "later");
  assert.equal(await deletion, "configmap/later condition met\n");
  assert.equal((await kubectl.run(["wait", "configmap/later", "--for=delete"])).code, 0, "gone already");
});

void test("events: of an object, by type, in order, all namespaces, and as they come", async () => {
  await kubectl(
    "apply",
    "-f",
    kubectl.file("lost.json", { ...idlePod("lost"), spec: { nodeSelector: { a: "b" }, containers: [{ name: "a", image: "b" }] } }),
  );
  await wait("pod/lost", "--for=condition=PodScheduled=False");
  const events = ["events", "--for=pod/lost"];
  await using watch = kubectl.start(...events, "--watch");
  await watch.printed(/FailedScheduling/);
  assert.match(
    await kubectl(...events),
    /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\S+.* +Warning +FailedScheduling +Pod\/lost +0\/1 nodes are available: /,
  );
  assert.doesNotMatch(await kubectl(...events, "--no-headers"), /LAST SEEN/);
  const none = await kubectl.run([...events, "--types=Normal"]);
  assert.equal(none.stdout + none.stderr, "No events found in default namespace.\n");
  assert.match(await kubectl("events", "--types=Warning", "-A"), /^NAMESPACE +LAST SEEN .*\n(.*\n)*default +.* Pod\/lost /);
  const { items } = JSON.parse(await kubectl(...events, "-o", "json")) as {
    items: { reason: string; involvedObject: { kind: string; name: string } }[];
  };
  assert.deepEqual([items[0]?.reason, items[0]?.involvedObject.kind, items[0]?.involvedObject.name], ["FailedScheduling", "Pod", "lost"]);
  assert.match(
    await kubectl("get", "events", "--field-selector=involvedObject.name=lost,type=Warning", "-o", "wide"),
    /^LAST SEEN +TYPE +REASON +OBJECT +SUBOBJECT +SOURCE +MESSAGE +FIRST SEEN +COUNT +NAME\n/,
  );
  // The same one by the other group's version.
  assert.equal(
    await kubectl(
      "get",
      "events.events.k8s.io",
      "--field-selector=regarding.name=lost,reason=FailedScheduling",
      "-o",
      "jsonpath={.items[0].regarding.name} {.items[0].note}",
    ),
    await kubectl(
      "get",
      "events",
      "--field-selector=involvedObject.name=lost,reason=FailedScheduling",
      "-o",
      "jsonpath={.items[0].involvedObject.name} {.items[0].message}",
    ),
  );
});
