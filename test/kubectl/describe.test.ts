// kubectl describe and events: what a person reads when they want to know why.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { idlePod, scriptPod, webDeployment } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
  await kubectl("apply", "-f", kubectl.file("web.json", webDeployment("web")));
  await kubectl("expose", "deployment", "web", "--port=80", "--target-port=http");
  await kubectl("rollout", "status", "deployment/web", "--timeout=20s");
});
after(() => testCluster[Symbol.asyncDispose]());

void test("describe deployment: replicas, strategy, template, conditions, replica sets, events", async () => {
  const text = await kubectl("describe", "deployment", "web");
  for (const line of [
    /^Name: +web$/m,
    /^Annotations: +deployment\.kubernetes\.io\/revision: 1$/m,
    /^Selector: +app=web$/m,
    /^Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable$/m,
    /^StrategyType: +RollingUpdate$/m,
    /^RollingUpdateStrategy: +25% max unavailable, 25% max surge$/m,
    /^ {3}web:\n {4}Image: +node:26\n {4}Port: +8080\/TCP \(http\)$/m,
    /^ {4}Readiness: +http-get http:\/\/:http\/ delay=0s timeout=1s period=1s #success=1 #failure=3$/m,
    /^ {2}Available +True +MinimumReplicasAvailable$/m,
    /^ {2}Progressing +True +NewReplicaSetAvailable$/m,
    /^NewReplicaSet: +web-\w+ \(2\/2 replicas created\)$/m,
    /^ {2}Normal +ScalingReplicaSet +\d+s +deployment-controller +Scaled up replica set web-\w+ from 0 to 2$/m,
  ])
    assert.match(text, line);
});

void test("describe pod: where it runs, its containers, conditions, volumes and events", async () => {
  const [node] = testCluster.cluster.nodes;
  const name = await kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}");
  const seen = /^ {2}Normal +Started +\d+s +kubelet +spec\.containers\{web\}: Container started$/m;
  const text = await until("events of the pod", async () => {
    const answer = await kubectl("describe", "pod", name);
    return seen.test(answer) ? answer : undefined;
  });
  for (const line of [
    new RegExp(`^Node: +${node}/127\\.`, "m"),
    /^Status: +Running\nIP: +127\./m,
    /^Controlled By: +ReplicaSet\/web-\w+$/m,
    /^ {4}State: +Running\n {6}Started: +\w{3}, \d\d \w{3} \d{4} /m,
    /^ {4}Ready: +True\n {4}Restart Count: +0$/m,
    /^ {6}VERSION: +v1$/m,
    /^ {6}\/var\/run\/secrets\/kubernetes\.io\/serviceaccount from kube-api-access-\w+ \(ro\)$/m,
    /^ {2}Ready +True *$/m,
    /^ {4}Type: +Projected /m,
    /^QoS Class: +BestEffort$/m,
    /^Tolerations: +node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s$/m,
    new RegExp(`^ {2}Normal +Scheduled +\\d+s +default-scheduler +Successfully assigned default/${name} to ${node}$`, "m"),
    /^ {2}Normal +Pulled +\d+s +kubelet +/m,
    /^ {2}Normal +Created +\d+s +kubelet +/m,
  ])
    assert.match(text, line);
});

void test("describe pod tells why a container failed", async () => {
  await kubectl("apply", "-f", kubectl.file("failing.json", scriptPod("failing", "printf 'out of rice' > /dev/termination-log; exit 3")));
  await kubectl("wait", "pod/failing", "--for=jsonpath={.status.phase}=Failed", "--timeout=10s");
  const text = await kubectl("describe", "pod", "failing");
  assert.match(text, /^Status: +Failed$/m);
  assert.match(text, /^ {4}State: +Terminated\n {6}Reason: +Error\n {6}Message: +out of rice\n {6}Exit Code: +3$/m);
});

void test("describe pod tells why a pod has no node", async () => {
  const greedy = { ...idlePod("greedy"), spec: { containers: [{ name: "a", image: "b", resources: { requests: { cpu: "900" } } }] } };
  await kubectl("apply", "-f", kubectl.file("greedy.json", greedy));
  const text = await until("the scheduler says why", async () => {
    const answer = await kubectl("describe", "pod", "greedy");
    return answer.includes("FailedScheduling") ? answer : undefined;
  });
  assert.match(text, /^Status: +Pending$/m);
  assert.match(text, /^ {2}PodScheduled +False *$/m);
  assert.match(text, /Warning +FailedScheduling +\d+s.* default-scheduler +0\/1 nodes are available: 1 Insufficient cpu\./);
});

void test("describe service: addresses, ports, endpoints", async () => {
  const text = await kubectl("describe", "service", "web");
  for (const line of [
    /^Selector: +app=web\nType: +ClusterIP\nIP Family Policy: +SingleStack\nIP Families: +IPv4\nIP: +127\./m,
    /^Port: +<unset> +80\/TCP\nTargetPort: +http\/TCP\nEndpoints: +127\.[\d.]+:8080,127\.[\d.]+:8080$/m,
    /^Session Affinity: +None$/m,
  ])
    assert.match(text, line);
});

void test("describe node: conditions, capacity, pods and what they ask for", async () => {
  const [node = ""] = testCluster.cluster.nodes;
  const text = await kubectl("describe", "node", node);
  for (const line of [
    new RegExp(`^Name: +${node}$`, "m"),
    /^Taints: +<none>\nUnschedulable: +false$/m,
    new RegExp(`^ {2}HolderIdentity: +${node}$`, "m"),
    /^ {2}Ready +True .* KubeletReady +kubelet is posting ready status$/m,
    /^ {2}MemoryPressure +False .* KubeletHasSufficientMemory /m,
    /^ {2}InternalIP: +127\./m,
    /^Capacity:\n {2}cpu: +\d+\n/m,
    /^Allocatable:\n {2}cpu: +\d+\n/m,
    /^ {2}Kubelet Version: +v1\.36\./m,
    /^Non-terminated Pods: +\(\d+ in total\)$/m,
    /^ {2}default +web-\w+-\w+ +0 \(0%\)/m,
    /^Allocated resources:\n/m,
    /^ {2}Normal +RegisteredNode +\d+s +node-controller +Node \S+ event: Registered Node \S+ in Controller$/m,
  ])
    assert.match(text, line);
});

void test("describe of other kinds does not fail", async () => {
  for (const kind of [
    "namespace/default",
    "serviceaccount/default",
    "configmap/kube-root-ca.crt",
    "clusterrole/view",
    "replicaset",
    "endpoints/web",
  ])
    assert.match(await kubectl("describe", kind), /^Name: +\S+/, kind);
  assert.match(await kubectl("describe", "endpointslices"), /AddressType: +IPv4/);
});

void test("get events and events --for show what happened to an object", async () => {
  const list = await kubectl("get", "events");
  assert.match(list, /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/);
  assert.match(list, /^\d+s +Normal +ScalingReplicaSet +deployment\/web +Scaled up replica set web-\w+ from 0 to 2$/m);
  assert.match(list, /^\d+s +Normal +SuccessfulCreate +replicaset\/web-\w+ +Created pod: web-\w+-\w+$/m);
  const own = await kubectl("events", "--for", "deployment/web");
  assert.match(own, /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\d+s +Normal +ScalingReplicaSet +Deployment\/web +Scaled up/);
  assert.match(
    await kubectl("get", "events", "--field-selector", "involvedObject.kind=ReplicaSet,reason=SuccessfulCreate", "-o", "name"),
    /^event\/web-/,
  );
});
