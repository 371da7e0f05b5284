// The JavaScript client that others use: every list there is, typed writes of many kinds, all forms of patch, and values that have types of their own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as k8s from "@kubernetes/client-node";
import { startTestCluster, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";

let testCluster: TestCluster;
let config: k8s.KubeConfig;
before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated", nodes: 0 });
  config = new k8s.KubeConfig();
  config.loadFromString(testCluster.cluster.kubeconfig);
});
after(() => testCluster[Symbol.asyncDispose]());

const namespace = "default";

/** The client's classes for what v1.36 serves by default. */
const APIS = {
  admissionregistration: k8s.AdmissionregistrationV1Api,
  apiextensions: k8s.ApiextensionsV1Api,
  apiregistration: k8s.ApiregistrationV1Api,
  apps: k8s.AppsV1Api,
  autoscaling1: k8s.AutoscalingV1Api,
  autoscaling: k8s.AutoscalingV2Api,
  batch: k8s.BatchV1Api,
  certificates: k8s.CertificatesV1Api,
  coordination: k8s.CoordinationV1Api,
  core: k8s.CoreV1Api,
  discovery: k8s.DiscoveryV1Api,
  events: k8s.EventsV1Api,
  flowcontrol: k8s.FlowcontrolApiserverV1Api,
  networking: k8s.NetworkingV1Api,
  node: k8s.NodeV1Api,
  policy: k8s.PolicyV1Api,
  rbac: k8s.RbacAuthorizationV1Api,
  resource: k8s.ResourceV1Api,
  scheduling: k8s.SchedulingV1Api,
  storage: k8s.StorageV1Api,
} as const;

type Call = (parameters: object) => Promise<k8s.KubernetesObject & { items?: unknown[] }>;
/** Generated clients as what they are: many functions of one shape. */
function callsOf(name: keyof typeof APIS): Readonly<Record<string, Call>> {
  const client = config.makeApiClient(APIS[name] as new (configuration: k8s.Configuration) => k8s.CoreV1Api);
  const calls: Record<string, Call> = {};
  for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(client)))
    calls[method] = (parameters) => (client as unknown as Record<string, Call>)[method]!(parameters);
  return calls;
}

void test("every list of every class, cluster-wide and in a namespace", async () => {
  const lists: [string, Promise<k8s.KubernetesObject & { items?: unknown[] }>][] = [];
  for (const name of Object.keys(APIS) as (keyof typeof APIS)[]) {
    for (const [method, call] of Object.entries(callsOf(name)))
      // TODO: ComponentStatus is not served yet.
      if (method.startsWith("list") && !method.endsWith("WithHttpInfo") && method !== "listComponentStatus")
        lists.push([`${name} ${method}`, call({ namespace })]);
  }
  assert.ok(lists.length > 90, `${lists.length} lists`);
  for (const [name, list] of lists) {
    const { kind, items, metadata } = await list.catch((error: unknown) => assert.fail(`${name}: ${String(error)}`));
    assert.ok(kind?.endsWith("List") && Array.isArray(items) && metadata?.resourceVersion, name);
  }
});

const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "a", image: "busybox:1" }] } };
const selector = { matchLabels: { app: "a" } };
const once = { ...template, spec: { ...template.spec, restartPolicy: "Never" } };
const role = { apiGroup: "rbac.authorization.k8s.io", name: "view" };

/** A kind, its class and what to write beside the name. */
const KINDS: readonly [keyof typeof APIS, kind: string, body: object, clusterWide?: "cluster-wide"][] = [
  ["core", "ConfigMap", { data: { a: "1" } }],
  ["core", "Secret", { stringData: { a: "1" } }],
  ["core", "Pod", template],
  ["core", "PodTemplate", { template }],
  ["core", "ReplicationController", { spec: { replicas: 0, selector: { app: "a" }, template } }],
  ["core", "Service", { spec: { ports: [{ port: 80 }] } }],
  ["core", "Endpoints", {}],
  ["core", "ServiceAccount", {}],
  ["core", "LimitRange", { spec: { limits: [{ type: "Container", max: { cpu: "8" } }] } }],
  ["core", "ResourceQuota", { spec: { hard: { "count/secrets": "50" } } }],
  ["core", "PersistentVolumeClaim", { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } }],
  ["core", "Namespace", {}, "cluster-wide"],
  ["core", "Node", {}, "cluster-wide"],
  [
    "core",
    "PersistentVolume",
    { spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/tmp" } } },
    "cluster-wide",
  ],
  ["apps", "Deployment", { spec: { replicas: 0, selector, template } }],
  ["apps", "ReplicaSet", { spec: { replicas: 0, selector, template } }],
  ["apps", "StatefulSet", { spec: { replicas: 0, selector, template, serviceName: "a" } }],
  ["apps", "DaemonSet", { spec: { selector, template } }],
  ["apps", "ControllerRevision", { revision: 1, data: { a: 1 } }],
  ["batch", "Job", { spec: { suspend: true, template: once } }],
  ["batch", "CronJob", { spec: { schedule: "@daily", suspend: true, jobTemplate: { spec: { template: once } } } }],
  [
    "autoscaling",
    "HorizontalPodAutoscaler",
    { spec: { maxReplicas: 2, scaleTargetRef: { kind: "Deployment", name: "a", apiVersion: "apps/v1" } } },
  ],
  [
    "autoscaling1",
    "HorizontalPodAutoscaler",
    { spec: { maxReplicas: 2, scaleTargetRef: { kind: "Deployment", name: "a", apiVersion: "apps/v1" } } },
  ],
  ["policy", "PodDisruptionBudget", { spec: { minAvailable: 1, selector } }],
  ["networking", "Ingress", { spec: { defaultBackend: { service: { name: "a", port: { number: 80 } } } } }],
  ["networking", "NetworkPolicy", { spec: { podSelector: {} } }],
  ["networking", "IngressClass", { spec: { controller: "example.com/a" } }, "cluster-wide"],
  ["discovery", "EndpointSlice", { addressType: "IPv4", endpoints: [] }],
  ["coordination", "Lease", { spec: { holderIdentity: "a" } }],
  ["rbac", "Role", { rules: [] }],
  ["rbac", "RoleBinding", { roleRef: { ...role, kind: "ClusterRole" } }],
  ["rbac", "ClusterRole", { rules: [] }, "cluster-wide"],
  ["rbac", "ClusterRoleBinding", { roleRef: { ...role, kind: "ClusterRole" } }, "cluster-wide"],
  ["scheduling", "PriorityClass", { value: 10 }, "cluster-wide"],
  ["storage", "StorageClass", { provisioner: "example.com/a" }, "cluster-wide"],
  ["storage", "CSIDriver", { spec: {} }, "cluster-wide"],
  ["node", "RuntimeClass", { handler: "a" }, "cluster-wide"],
  ["resource", "DeviceClass", { spec: {} }, "cluster-wide"],
  ["admissionregistration", "ValidatingWebhookConfiguration", { webhooks: [] }, "cluster-wide"],
  [
    "flowcontrol",
    "PriorityLevelConfiguration",
    { spec: { type: "Limited", limited: { limitResponse: { type: "Reject" } } } },
    "cluster-wide",
  ],
];

void test("create, read, replace, patch and delete of many kinds", async () => {
  for (const [api, kind, body, clusterWide] of KINDS) {
    const calls = callsOf(api);
    const suffix = clusterWide ? kind : `Namespaced${kind}`;
    const name = `typed-${kind.toLowerCase()}`;
    const at = clusterWide ? { name } : { name, namespace };
    const step = async (method: string, parameters: object) => {
      const call = calls[`${method}${suffix}`];
      assert.ok(call, `${method}${suffix}`);
      return call(parameters).catch((error: unknown) => assert.fail(`${method}${suffix}: ${String(error)}`));
    };
    const made = await step("create", { ...(clusterWide ? {} : { namespace }), body: { ...body, metadata: { name } } });
    assert.deepEqual([made.kind, made.metadata?.name, made.metadata?.creationTimestamp instanceof Date], [kind, name, true]);
    // Controllers write too: read again when one was faster.
    const replaced = await until(`${kind} replaced`, async () => {
      const read = await step("read", at);
      assert.equal(read.metadata?.uid, made.metadata?.uid);
      if (read.metadata) read.metadata.labels = { step: "replaced" };
      return await calls[`replace${suffix}`]?.({ ...at, body: read });
    });
    assert.equal(replaced.metadata?.labels?.["step"], "replaced", kind);
    const patched = await step("patch", { ...at, body: [{ op: "add", path: "/metadata/labels/more", value: "yes" }] });
    assert.deepEqual(patched.metadata?.labels, { ...replaced.metadata?.labels, more: "yes" }, kind);
    await step("delete", { ...at, gracePeriodSeconds: 0, propagationPolicy: "Background" });
  }
});

void test("patches of every form", async () => {
  const apps = config.makeApiClient(k8s.AppsV1Api);
  const name = "patched";
  await apps.createNamespacedDeployment({ namespace, body: { metadata: { name }, spec: { replicas: 0, selector, template } } });
  const patch = (type: k8s.PatchStrategy, body: unknown, more: object = {}) =>
    apps.patchNamespacedDeployment({ name, namespace, body, ...more }, k8s.setHeaderOptions("Content-Type", type));
  const merged = await patch(k8s.PatchStrategy.MergePatch, { metadata: { labels: { a: "1" } } });
  assert.deepEqual(merged.metadata?.labels, { a: "1" });
  const strategic = await patch(k8s.PatchStrategy.StrategicMergePatch, {
    spec: { template: { spec: { containers: [{ name: "b", image: "busybox:2" }] } } },
  });
  assert.deepEqual(
    strategic.spec?.template.spec?.containers.map((container) => container.name),
    ["b", "a"],
  );
  const json = await patch(k8s.PatchStrategy.JsonPatch, [{ op: "remove", path: "/spec/template/spec/containers/0" }]);
  assert.equal(json.spec?.template.spec?.containers.length, 1);
  const configuration = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec: { paused: true, replicas: 5 } };
  const conflict = await patch(k8s.PatchStrategy.ServerSideApply, configuration, { fieldManager: "mine" }).catch(
    (error: unknown) => error as k8s.ApiException<string>,
  );
  assert.ok(conflict instanceof k8s.ApiException && conflict.code === 409);
  assert.match(String(conflict.body), /Apply failed with 1 conflict: conflict with \\"[^"]+\\" using apps\/v1: \.spec\.replicas/);
  const applied = await patch(k8s.PatchStrategy.ServerSideApply, configuration, { fieldManager: "mine", force: true });
  assert.deepEqual([applied.spec?.paused, applied.spec?.replicas], [true, 5]);
  const owner = applied.metadata?.managedFields?.find(({ manager }) => manager === "mine");
  assert.deepEqual([owner?.operation, owner?.fieldsV1], ["Apply", { "f:spec": { "f:paused": {}, "f:replicas": {} } }]);
  assert.ok(owner?.time instanceof Date);
  const scale = await apps.replaceNamespacedDeploymentScale({
    name,
    namespace,
    body: { metadata: { name, namespace }, spec: { replicas: 0 } },
  });
  assert.deepEqual([scale.kind, scale.spec?.replicas, scale.status?.selector], ["Scale", 0, "app=a"]);
  await apps.deleteNamespacedDeployment({ name, namespace });
});

void test("dates, times in microseconds, numbers or strings, quantities and bytes come back as they were meant", async () => {
  const coordination = config.makeApiClient(k8s.CoordinationV1Api);
  const renewTime = new k8s.V1MicroTime("2026-01-02T03:04:05.678Z");
  const lease = await coordination.createNamespacedLease({
    namespace,
    body: { metadata: { name: "timed" }, spec: { renewTime, acquireTime: renewTime } },
  });
  // What its types call a date, the client leaves as text.
  assert.equal(String(lease.spec?.renewTime), "2026-01-02T03:04:05.678000Z");
  assert.ok(Math.abs(Date.now() - Number(lease.metadata?.creationTimestamp)) < 60_000);

  const core = config.makeApiClient(k8s.CoreV1Api);
  const ports = [
    { name: "a", port: 80, targetPort: "web" },
    { name: "b", port: 81, targetPort: 8081 },
  ];
  const service = await core.createNamespacedService({ namespace, body: { metadata: { name: "ported" }, spec: { ports } } });
  assert.deepEqual(
    service.spec?.ports?.map(({ targetPort }) => targetPort),
    ["web", 8081],
  );
  const policy = config.makeApiClient(k8s.PolicyV1Api);
  for (const minAvailable of [2, "50%"]) {
    const name = `budget-${typeof minAvailable}`;
    const budget = await policy.createNamespacedPodDisruptionBudget({
      namespace,
      body: { metadata: { name }, spec: { minAvailable, selector } },
    });
    assert.equal(budget.spec?.minAvailable, minAvailable);
  }
  const requests = { cpu: "0.5", memory: "1024Mi", "example.com/boats": "3e3" };
  const limits = { "example.com/boats": "3000" };
  const pod = await core.createNamespacedPod({
    namespace,
    body: { metadata: { name: "quantities" }, spec: { containers: [{ name: "a", image: "busybox:1", resources: { requests, limits } }] } },
  });
  assert.deepEqual(pod.spec?.containers[0]?.resources?.requests, { cpu: "500m", memory: "1Gi", "example.com/boats": "3e3" });
  const bytes = Buffer.from([0, 255, 128]).toString("base64");
  const map = await core.createNamespacedConfigMap({
    namespace,
    body: { metadata: { name: "bytes" }, binaryData: { a: bytes }, immutable: true },
  });
  assert.deepEqual([map.binaryData, map.immutable, map.data], [{ a: bytes }, true, undefined]);
});

void test("objects of any kind, as tools that know no kind write them", async () => {
  const objects = k8s.KubernetesObjectApi.makeApiClient(config);
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "any", namespace }, data: { a: "1" } };
  const made: k8s.V1ConfigMap = await objects.create(object);
  assert.equal(made.data?.["a"], "1");
  const patched: k8s.V1ConfigMap = await objects.patch(
    { ...object, data: { b: "2" } },
    undefined,
    undefined,
    "mine",
    undefined,
    k8s.PatchStrategy.MergePatch,
  );
  assert.deepEqual(patched.data, { a: "1", b: "2" });
  const dry: k8s.V1ConfigMap = await objects.patch(
    { ...object, data: { a: "3" } },
    undefined,
    "All",
    "mine",
    true,
    k8s.PatchStrategy.ServerSideApply,
  );
  assert.equal(dry.data?.["a"], "3");
  const read: k8s.V1ConfigMap = await objects.read({ ...object, metadata: { name: "any", namespace } });
  assert.deepEqual(read.data, { a: "1", b: "2" });
  read.data = { c: "3" };
  const replaced: k8s.V1ConfigMap = await objects.replace(read);
  assert.deepEqual(replaced.data, { c: "3" });
  const list = await objects.list("v1", "ConfigMap", namespace, undefined, undefined, undefined, "metadata.name=any");
  assert.deepEqual(
    list.items.map(({ metadata }) => metadata?.name),
    ["any"],
  );
  const status = await objects.delete({ ...object, metadata: { name: "any", namespace } });
  assert.equal(status.status, "Success");
  await assert.rejects(
    objects.read({ ...object, metadata: { name: "any", namespace } }),
    (error) => error instanceof k8s.ApiException && error.code === 404,
  );
});

void test("questions about access: reviews, tokens, evictions, bindings", async () => {
  const authorization = config.makeApiClient(k8s.AuthorizationV1Api);
  const review = await authorization.createSelfSubjectAccessReview({
    body: { spec: { resourceAttributes: { verb: "delete", resource: "nodes" } } },
  });
  assert.equal(review.status?.allowed, true);
  const other = await authorization.createSubjectAccessReview({
    body: { spec: { user: "ann", resourceAttributes: { verb: "delete", resource: "nodes" } } },
  });
  assert.deepEqual([other.status?.allowed, other.status?.denied], [false, undefined]);
  const rules = await authorization.createSelfSubjectRulesReview({ body: { spec: { namespace } } });
  assert.ok(rules.status?.resourceRules.some(({ verbs }) => verbs.includes("*")));
  const core = config.makeApiClient(k8s.CoreV1Api);
  const token = await core.createNamespacedServiceAccountToken({
    name: "default",
    namespace,
    body: { spec: { audiences: [], expirationSeconds: 600 } },
  });
  assert.ok(token.status && token.status.expirationTimestamp instanceof Date);
  const authentication = config.makeApiClient(k8s.AuthenticationV1Api);
  const known = await authentication.createTokenReview({ body: { spec: { token: token.status.token ?? "" } } });
  assert.deepEqual([known.status?.authenticated, known.status?.user?.username], [true, "system:serviceaccount:default:default"]);
  await core.createNamespacedPod({ namespace, body: { metadata: { name: "evicted" }, spec: template.spec } });
  await core.createNamespacedPodEviction({ name: "evicted", namespace, body: { metadata: { name: "evicted" } } });
  await assert.rejects(
    core.readNamespacedPod({ name: "evicted", namespace }),
    (error) => error instanceof k8s.ApiException && error.code === 404,
  );
});
