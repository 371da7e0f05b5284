// Quotas: what is charged when objects are made, what comes back when they go, and that nothing is ever spent twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMap, LimitRange, Pod, type PodSpec, PersistentVolumeClaim, ResourceQuota, Secret, Service } from "#kinds/api/core-v1.gen.ts";
import { Lease } from "#kinds/api/coordination-v1.gen.ts";
import { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { resourceQuotaController } from "#kinds/core/resource-quota/controller.ts";
import { isForbidden, isNotFound } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";
import { startWorkloads, type WorkloadCluster } from "./workload-cluster.ts";

const NAMESPACE = "default";
const key = (name: string) => makeKey(NAMESPACE, name);

async function start() {
  const cluster = await startWorkloads(0, { controllers: [resourceQuotaController()] });
  return {
    cluster,
    async quota(name: string, spec: NonNullable<ResourceQuota["spec"]>) {
      await cluster.make(ResourceQuota, { metadata: { name, namespace: NAMESPACE }, spec });
      await cluster.eventually(
        `${name} has a status`,
        async () => (await cluster.client.get(ResourceQuota, key(name))).status?.used !== undefined,
      );
    },
    used: (name: string, expected: Record<string, string>) => usedIs(cluster, name, expected),
    async refused(make: Promise<unknown>, message: RegExp | string) {
      await assert.rejects(make, (error: Error) => {
        assert.ok(isForbidden(error), error.message);
        if (typeof message === "string") assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      });
    },
    pod: (name: string, spec: Partial<PodSpec> = {}, resources: PodSpec["containers"][0]["resources"] = {}) =>
      cluster.make(Pod, {
        metadata: { name, namespace: NAMESPACE },
        spec: { containers: [{ name: "c", image: "i", resources }], ...spec },
      }),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
    },
  };
}

async function usedIs(cluster: WorkloadCluster, name: string, expected: Record<string, string>): Promise<void> {
  let last: unknown;
  await cluster
    .eventually(`${name} is used as expected`, async () => {
      last = (await cluster.client.get(ResourceQuota, key(name))).status?.used;
      return Object.entries(expected).every(([resource, amount]) => (last as Record<string, string>)[resource] === amount);
    })
    .catch((error: unknown) => assert.deepEqual(last, expected, String(error)));
}

test("pods are charged when they are made and given back when they go", async () => {
  await using story = await start();
  const hard = { cpu: "1", memory: "500Mi", pods: "2", "requests.example.com/gpu": "2", "requests.ephemeral-storage": "50Gi" };
  await story.quota("q", { hard });
  await story.used("q", { cpu: "0", memory: "0", pods: "0", "requests.example.com/gpu": "0" });
  const gpu = { requests: { cpu: "500m", memory: "252Mi", "example.com/gpu": "2" }, limits: { "example.com/gpu": "2" } };
  await story.pod("a", {}, gpu);
  await story.used("q", { cpu: "500m", memory: "252Mi", pods: "1", "requests.example.com/gpu": "2" });
  await story.refused(
    story.pod("b", {}, { requests: { cpu: "600m", memory: "100Mi" } }),
    `pods "b" is forbidden: exceeded quota: q, requested: cpu=600m, used: cpu=500m, limited: cpu=1`,
  );
  await story.refused(story.pod("b"), `pods "b" is forbidden: failed quota: q: must specify cpu for: c; memory for: c`);
  await story.refused(
    story.pod("b", {}, gpu),
    /exceeded quota: q, requested: memory=252Mi,requests.example.com\/gpu=2, used: memory=252Mi,/,
  );
  await story.cluster.client.delete(Pod, key("a"), { gracePeriodSeconds: 0 });
  await story.used("q", { cpu: "0", memory: "0", pods: "0", "requests.example.com/gpu": "0" });
});

test("init containers, sidecars and what a pod says for itself count as they are scheduled", async () => {
  await using story = await start();
  await story.quota("q", { hard: { "requests.cpu": "10", "limits.cpu": "10", "requests.memory": "10Gi" } });
  const sized = (name: string, cpu: string, more: object = {}) => ({
    name,
    image: "i",
    resources: { requests: { cpu, memory: "1Gi" }, limits: { cpu } },
    ...more,
  });
  await story.pod("init", { initContainers: [sized("i", "3")], containers: [sized("c", "1")] });
  await story.used("q", { "requests.cpu": "3", "limits.cpu": "3", "requests.memory": "1Gi" });
  await story.pod("sidecar", { initContainers: [sized("s", "1", { restartPolicy: "Always" })], containers: [sized("c", "1")] });
  await story.used("q", { "requests.cpu": "5", "requests.memory": "3Gi" });
  await story.pod("whole", {
    resources: { requests: { cpu: "2", memory: "1Gi" }, limits: { cpu: "3" } },
    containers: [{ name: "c", image: "i" }],
  });
  await story.used("q", { "requests.cpu": "7", "limits.cpu": "8", "requests.memory": "4Gi" });
});

test("as many as fit are made, however many come at once", async () => {
  await using story = await start();
  await story.quota("few", { hard: { pods: "5" } });
  await story.quota("small", { hard: { "requests.cpu": "10" } });
  const attempts = await Promise.allSettled(
    Array.from({ length: 40 }, (_, index) => story.pod(`p${index}`, {}, { requests: { cpu: "100m" } })),
  );
  assert.equal(attempts.filter(({ status }) => status === "fulfilled").length, 5);
  await story.used("few", { pods: "5" });
  // What the other quota was charged for pods that were refused comes back.
  await story.used("small", { "requests.cpu": "500m" });
});

test("each scope takes its own pods", async () => {
  await using story = await start();
  await story.cluster.make(PriorityClass, { metadata: { name: "gold" }, value: 1000 });
  const hard = { pods: "5" };
  for (const scope of ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"]) {
    await story.quota(scope.toLowerCase(), { hard, scopes: [scope] });
  }
  const classed = (operator: string, values?: string[]) => ({
    hard,
    scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator, ...(values ? { values } : {}) }] },
  });
  await story.quota("in", classed("In", ["gold"]));
  await story.quota("not-in", classed("NotIn", ["gold"]));
  await story.quota("exists", classed("Exists"));
  await story.quota("none", classed("DoesNotExist"));
  const counts = async () => {
    const { items } = await story.cluster.client.list(ResourceQuota, { namespace: NAMESPACE });
    const counted = items.filter(({ status }) => status?.used?.["pods"] !== "0");
    return Object.fromEntries(counted.map(({ metadata, status }) => [metadata?.name, status?.used?.["pods"]]));
  };
  const term = { labelSelector: {}, topologyKey: "kubernetes.io/hostname", namespaces: ["other"] };
  const CASES: readonly { name: string; spec?: Partial<PodSpec>; cpu?: string; counted: string[] }[] = [
    { name: "plain", counted: ["besteffort", "none", "not-in", "notterminating"] },
    { name: "sized", cpu: "1", counted: ["none", "not-in", "notbesteffort", "notterminating"] },
    { name: "deadline", spec: { activeDeadlineSeconds: 60 }, counted: ["besteffort", "none", "not-in", "terminating"] },
    { name: "gold", spec: { priorityClassName: "gold" }, counted: ["besteffort", "exists", "in", "notterminating"] },
    {
      name: "far",
      spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
      counted: ["besteffort", "crossnamespacepodaffinity", "none", "not-in", "notterminating"],
    },
  ];
  for (const { name, spec, cpu, counted } of CASES) {
    await story.pod(name, spec, cpu === undefined ? {} : { requests: { cpu } });
    assert.deepEqual(await counts(), Object.fromEntries(counted.map((quota) => [quota, "1"])), name);
    await story.cluster.client.delete(Pod, key(name), { gracePeriodSeconds: 0 });
    await story.cluster.eventually("nothing is used", async () => Object.keys(await counts()).length === 0);
  }
});

test("objects of every kind are counted", async () => {
  await using story = await start();
  const { cluster } = story;
  await story.quota("q", {
    hard: {
      "count/configmaps": "1",
      configmaps: "5",
      secrets: "2",
      "count/leases.coordination.k8s.io": "1",
      "count/deployments.apps": "1",
      resourcequotas: "3",
    },
  });
  await story.used("q", { "count/configmaps": "0", "count/deployments.apps": "0", resourcequotas: "1" });
  await cluster.make(ConfigMap, { metadata: { name: "a", namespace: NAMESPACE } });
  await story.used("q", { "count/configmaps": "1", configmaps: "1" });
  await story.refused(
    cluster.make(ConfigMap, { metadata: { name: "b", namespace: NAMESPACE } }),
    `configmaps "b" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1`,
  );
  await cluster.make(Secret, { metadata: { name: "s", namespace: NAMESPACE } });
  await story.used("q", { secrets: "1" });
  await cluster.client.delete(Secret, key("s"));
  await story.used("q", { secrets: "0" });
  // Nobody caches leases: they are listed.
  const lease = (name: string) => cluster.make(Lease, { metadata: { name, namespace: NAMESPACE } });
  await lease("a");
  await story.refused(lease("b"), /exceeded quota: q, requested: count\/leases.coordination.k8s.io=1, used/);
  await cluster.client.delete(Lease, key("a"));
  await story.used("q", { "count/leases.coordination.k8s.io": "0" });
});

test("services and their node ports and load balancers", async () => {
  await using story = await start();
  const { cluster } = story;
  await story.quota("q", { hard: { services: "3", "services.nodeports": "2", "services.loadbalancers": "1" } });
  const make = (name: string, spec: object) => cluster.make(Service, { metadata: { name, namespace: NAMESPACE }, spec });
  await make("plain", { ports: [{ port: 80 }] });
  await make("np", { type: "NodePort", ports: [{ port: 80 }] });
  await story.used("q", { services: "2", "services.nodeports": "1", "services.loadbalancers": "0" });
  await make("lb", { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] });
  await story.used("q", { services: "3", "services.nodeports": "1", "services.loadbalancers": "1" });
  await story.refused(
    make("more", { ports: [{ port: 80 }] }),
    /exceeded quota: q, requested: services=1, used: services=3, limited: services=3/,
  );
  const plain = await cluster.client.get(Service, key("plain"));
  await story.refused(
    cluster.client.update(Service, { ...plain, spec: { ...plain.spec, type: "LoadBalancer" } }),
    /requested: services.loadbalancers=1, used: services.loadbalancers=1, limited: services.loadbalancers=1/,
  );
  await cluster.client.delete(Service, key("lb"));
  await story.used("q", { services: "2", "services.loadbalancers": "0" });
});

test("claims and their storage, in all and by class", async () => {
  await using story = await start();
  const { cluster } = story;
  const GOLD = "gold.storageclass.storage.k8s.io/";
  await story.quota("q", {
    hard: {
      persistentvolumeclaims: "2",
      "requests.storage": "3Gi",
      [`${GOLD}requests.storage`]: "1Gi",
      [`${GOLD}persistentvolumeclaims`]: "1",
    },
  });
  const make = (name: string, storage: string, storageClassName: string) =>
    cluster.make(PersistentVolumeClaim, {
      metadata: { name, namespace: NAMESPACE },
      spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage } } },
    });
  await make("a", "1Gi", "gold");
  await story.used("q", {
    persistentvolumeclaims: "1",
    "requests.storage": "1Gi",
    [`${GOLD}requests.storage`]: "1Gi",
    [`${GOLD}persistentvolumeclaims`]: "1",
  });
  await story.refused(
    make("b", "1Gi", "gold"),
    /exceeded quota: q, requested: gold\.storageclass\.storage\.k8s\.io\/persistentvolumeclaims=1,gold/,
  );
  await story.refused(
    make("b", "3Gi", "silver"),
    /requested: requests.storage=3Gi, used: requests.storage=1Gi, limited: requests.storage=3Gi/,
  );
  await make("b", "2Gi", "silver");
  await story.used("q", { persistentvolumeclaims: "2", "requests.storage": "3Gi" });
});

test("a quota that is changed is counted anew, and a dry run costs nothing", async () => {
  await using story = await start();
  const { cluster } = story;
  await story.quota("q", { hard: { pods: "5" } });
  await story.pod("a", {}, { requests: { cpu: "200m" } });
  await cluster.client.patch(ResourceQuota, key("q"), { spec: { hard: { pods: "1", "requests.cpu": "1" } } });
  await story.used("q", { pods: "1", "requests.cpu": "200m" });
  const { status } = await cluster.client.get(ResourceQuota, key("q"));
  assert.deepEqual(status?.hard, { pods: "1", "requests.cpu": "1" });
  await cluster.client.patch(ResourceQuota, key("q"), { spec: { hard: { pods: "2" } } });
  await cluster.eventually("the new limit", async () => (await cluster.client.get(ResourceQuota, key("q"))).status?.hard?.["pods"] === "2");
  const pod: Pod = {
    metadata: { name: "dry", namespace: NAMESPACE },
    spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu: "100m" } } }] },
  };
  await cluster.client.create(Pod, pod, { dryRun: true });
  await story.used("q", { pods: "1" });
});

test("a limit range gives defaults, which a quota then counts, and refuses what breaks it", async () => {
  await using story = await start();
  const { cluster } = story;
  await cluster.make(LimitRange, {
    metadata: { name: "l", namespace: NAMESPACE },
    spec: {
      limits: [
        {
          type: "Container",
          min: { cpu: "50m" },
          max: { cpu: "500m" },
          default: { cpu: "300m" },
          defaultRequest: { cpu: "100m" },
          maxLimitRequestRatio: { cpu: "4" },
        },
      ],
    },
  });
  await story.quota("q", { hard: { "requests.cpu": "1" } });
  const pod = await story.pod("a");
  assert.deepEqual(pod.spec?.containers[0]?.resources, { requests: { cpu: "100m" }, limits: { cpu: "300m" } });
  assert.equal(
    pod.metadata?.annotations?.["kubernetes.io/limit-ranger"],
    "LimitRanger plugin set: cpu request for container c; cpu limit for container c",
  );
  await story.used("q", { "requests.cpu": "100m" });
  const cases: [object, string][] = [
    [{ requests: { cpu: "10m" } }, "minimum cpu usage per Container is 50m, but request is 10m"],
    [{ limits: { cpu: "1" }, requests: { cpu: "400m" } }, "maximum cpu usage per Container is 500m, but limit is 1"],
    [
      { limits: { cpu: "500m" }, requests: { cpu: "100m" } },
      "cpu max limit to request ratio per Container is 4, but provided ratio is 5.000000",
    ],
  ];
  for (const [resources, cause] of cases) {
    await assert.rejects(story.pod("b", {}, resources), (error: Error) => error.message.includes(cause) || assert.fail(error.message));
  }
});

test("pods that come and go at random never are more than the quota lets be", async () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e6));
  let state = seed + 1;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  await using story = await start();
  const { cluster } = story;
  const LIMIT = 4;
  await story.quota("q", { hard: { pods: String(LIMIT) } });
  const pods = cluster.running.informers.informer(Pod);
  let most = 0;
  using _ = pods.subscribe(() => (most = Math.max(most, pods.list({ namespace: NAMESPACE }).length)));
  let made = 0;
  for (let round = 0; round < 60; round++) {
    const there = pods.list({ namespace: NAMESPACE });
    const writes: Promise<unknown>[] = [];
    for (const pod of there)
      if (random() < 0.3) writes.push(cluster.client.delete(Pod, key(pod.metadata?.name ?? ""), { gracePeriodSeconds: 0 }));
    for (let count = Math.floor(random() * 6); count > 0; count--) writes.push(story.pod(`p${made++}`));
    const settled = Promise.allSettled(writes);
    if (random() < 0.5) await cluster.clock.advance(Math.floor(random() * 400));
    for (const result of await settled) {
      if (result.status === "rejected") assert.ok(isForbidden(result.reason) || isNotFound(result.reason), String(result.reason));
    }
  }
  assert.ok(most <= LIMIT, `${most} pods at once, seed ${seed}`);
  await cluster.clock.advance(1000);
  await story.used("q", { pods: String(pods.list({ namespace: NAMESPACE }).length) });
});
