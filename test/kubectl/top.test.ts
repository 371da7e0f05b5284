// kubectl top, autoscale and what it shows of an autoscaler; and where the numbers come from.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { createMetricsServer } from "#metrics/metrics-server.ts";
import { type Clock, realClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { parseLabelSelector } from "#meta/selectors.ts";
import { createInformerSet } from "#reconcile/informer.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
  const pod = (name: string, ...commands: string[]) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: commands.map((command, index) => ({ name: `c${index}`, image: "busybox", command: ["sh", "-c", command] })),
    },
  });
  // About a third of a CPU, so that other tests have some, too.
  const busy = "while true; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.1; done";
  await kubectl(
    "apply",
    "-f",
    kubectl.file("busy.json", pod("busy", busy, "sleep 1000")),
    "-f",
    kubectl.file("idle.json", pod("idle", "sleep 1000")),
  );
  await kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=20s");
  // The first rate of a container needs a second of its life.
  await until("both pods are measured", async () => (await kubectl("top", "pods", "--no-headers")).trim().split("\n").length === 2, 40_000);
});
after(() => testCluster[Symbol.asyncDispose]());

/** Millicores that a line of `top` tells. */
const millis = (line: string) => Number(/ (\d+)m /.exec(line)?.[1]);

void test("top nodes tells CPU and memory, absolute and of what there is", async () => {
  const [head = "", line = ""] = (await kubectl("top", "nodes")).split("\n");
  assert.match(head, /^NAME +CPU\(cores\) +CPU\(%\) +MEMORY\(bytes\) +MEMORY\(%\) *$/);
  assert.match(line, /^kobune +\d+m +\d+% +\d+Mi +\d+% *$/);
  assert.match(await kubectl("top", "node", "kobune", "--no-headers"), /^kobune /);
});

void test("top pods: by selector, by container, sorted, summed", async () => {
  const [first = "", second = ""] = (await kubectl("top", "pods", "--sort-by=cpu", "--no-headers")).trim().split("\n");
  assert.match(first, /^busy /);
  assert.match(second, /^idle /);
  assert.ok(millis(first) > 50 && millis(second) < 20, `${first}\n${second}`);
  const containers = await kubectl("top", "pods", "--containers", "-l", "app=busy", "--no-headers");
  assert.match(containers, /^busy +c[01] +\d+m +\d+Mi *\nbusy +c[01] +\d+m +\d+Mi *\n$/);
  const summed = await kubectl("top", "pods", "--sum");
  assert.match(summed, /\n +_+ +_+ *\n +\d+m +\d+Mi *\n$/);
  assert.match(await kubectl("top", "pod", "busy", "--no-headers"), /^busy +\d+m/);
  assert.match(await kubectl("top", "pods", "-A", "--field-selector=metadata.name=idle", "--no-headers"), /^default +idle +\d+m/);
  assert.match(await kubectl("top", "pods", "-l", "app=none").catch((error: Error) => error.message), /^$|No resources found/);
  assert.match(await kubectl.fails("top", "pod", "nobody"), /Error from server \(NotFound\): pods "default\/nobody" not found/);
});

void test("the API is discovered, read as tables, and read-only", async () => {
  const resources = await kubectl("api-resources", "--api-group=metrics.k8s.io", "--no-headers", "-o", "wide");
  assert.match(
    resources,
    /^nodes +metrics\.k8s\.io\/v1beta1 +false +NodeMetrics +get,list *\npods +metrics\.k8s\.io\/v1beta1 +true +PodMetrics +get,list *\n$/,
  );
  assert.match(
    await kubectl("get", "pods.metrics.k8s.io"),
    /^NAME +CPU +MEMORY +WINDOW\nbusy +\d+n? +\d+Ki +[\d.]+s\nidle +\d+n? +\d+Ki +[\d.]+s\n$/,
  );
  assert.match(await kubectl("get", "podmetrics", "busy", "-o", "jsonpath={.containers[*].name}"), /^c0 c1$/);
  assert.match(
    await kubectl.fails("delete", "pods.metrics.k8s.io", "busy"),
    /delete is not supported on resources of kind "pods\.metrics\.k8s\.io"/,
  );
  assert.match(await kubectl.fails("get", "pods.metrics.k8s.io", "--field-selector=spec.nodeName=kobune"), /is not a known field selector/);
});

void test("whoever may view may read usage", async () => {
  await kubectl("create", "serviceaccount", "viewer");
  await kubectl("create", "rolebinding", "viewer", "--clusterrole=view", "--serviceaccount=default:viewer");
  const as = ["--as=system:serviceaccount:default:viewer"];
  assert.match(await kubectl("top", "pods", "--no-headers", ...as), /^busy /);
  assert.match(
    await kubectl.fails("top", "nodes", ...as),
    /nodes\.metrics\.k8s\.io is forbidden: User "system:serviceaccount:default:viewer" cannot list resource "nodes" in API group "metrics\.k8s\.io" at the cluster scope/,
  );
});

void test("a metrics server elsewhere reads the node through the API, as its account may", async () => {
  const { cluster } = testCluster;
  const account = { name: "system:serviceaccount:kube-system:metrics-server", groups: ["system:serviceaccounts"] };
  const client = cluster.clientFor(account);
  const tools = { client, clock: cluster.clock, log: silentLogger };
  await using informers = createInformerSet({ ...tools, random: Math.random });
  const server = createMetricsServer({ ...tools, informers });
  await informers.synced();
  const measured = await server.source.pods("default", parseLabelSelector("app=busy"));
  await server.stop();
  const [busy] = measured;
  assert.deepEqual(
    busy?.containers.map(({ name }) => name),
    ["c0", "c1"],
  );
  assert.match(busy.window, /^1(\.\d+)?s$/);
});

/** Time that runs fast, for what is to be seen only after half a minute. */
function fastClock(times: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * times,
    after: (delayMs, callback) => realClock.after(delayMs / times, callback),
    sleep: (delayMs, signal) => realClock.sleep(delayMs / times, signal),
  };
}

void test("autoscale, get hpa and describe hpa", async () => {
  await using fast = await startTestCluster({ runtime: "simulated", clock: fastClock(15) });
  const { kubectl, client } = fast;
  const labels = { app: "web" };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { "kobune.dev/cpu": "3m" } },
        spec: {
          containers: [{ name: "c", image: "web:1", resources: { requests: { cpu: "10m" } } }],
        },
      },
    },
  };
  await kubectl("apply", "-f", kubectl.file("web.json", deployment));
  assert.equal(
    await kubectl("autoscale", "deployment", "web", "--min=2", "--max=4", "--cpu=80%"),
    "horizontalpodautoscaler.autoscaling/web autoscaled\n",
  );
  assert.match(await kubectl("get", "hpa", "--no-headers"), /^web +Deployment\/web +cpu: <unknown>\/80% +2 +4 +0 +\d+s\n$/);
  // A first run is due after 15 seconds, and measures after the next 15.
  await until(
    "it is measured",
    async () => /^web +Deployment\/web +cpu: 30%\/80% +2 +4 +2 /.test(await kubectl("get", "hpa", "--no-headers")),
    50_000,
  );
  const text = await kubectl("describe", "hpa", "web");
  assert.match(text, /resource cpu on pods {2}\(as a percentage of request\): {2}30% \(3m\) \/ 80%\n/);
  assert.match(text, /Deployment pods: +2 current \/ 2 desired\n/);
  assert.match(text, /ScalingActive +True +ValidMetricFound /);
  assert.match(
    text,
    /Normal +SuccessfulRescale +\S+ +horizontal-pod-autoscaler +New size: 2; reason: Current number of replicas below Spec\.MinReplicas\n/,
  );
  assert.equal((await client.list(Pod, { namespace: "default", labelSelector: "app=web" })).items.length, 2);
});
