// Plugins that fill in classes, look after storage, and hold nodes to their own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type BuiltinServer, startBuiltinServer } from "#harness/builtin-server.ts";
import type { AnyObject } from "#meta/object.ts";

const V1 = "/api/v1/namespaces/default";
const PODS = `${V1}/pods`;
const CLAIMS = `${V1}/persistentvolumeclaims`;

const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  metadata: { name, ...metadata },
  spec: { containers: [{ name: "c", image: "i" }], ...spec },
});
const refused = async (answer: ReturnType<BuiltinServer["call"]>, message: string) => {
  const { status, object } = await answer;
  assert.deepEqual([status, object.message], [403, message]);
};
const specOf = (object: AnyObject) => object["spec"] as Record<string, unknown>;

test("DefaultStorageClass and StorageObjectInUseProtection", async () => {
  await using api = await startBuiltinServer();
  const claim = (name: string, more: object = {}) => ({
    metadata: { name },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...more },
  });
  const none = await api.call("POST", CLAIMS, claim("none"));
  assert.equal(specOf(none.object)["storageClassName"], undefined);
  assert.deepEqual(none.object.metadata?.finalizers, ["kubernetes.io/pvc-protection"]);
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  for (const name of ["older", "newer"]) {
    await api.call("POST", "/apis/storage.k8s.io/v1/storageclasses", { metadata: { name, annotations }, provisioner: "p" });
    await api.clock.advance(2000);
  }
  assert.equal(specOf((await api.call("POST", CLAIMS, claim("any"))).object)["storageClassName"], "newer");
  assert.equal(specOf((await api.call("POST", CLAIMS, claim("empty", { storageClassName: "" }))).object)["storageClassName"], "");
});

test("PersistentVolumeClaimResize", async () => {
  await using api = await startBuiltinServer();
  const classes = "/apis/storage.k8s.io/v1/storageclasses";
  await api.call("POST", classes, { metadata: { name: "fixed" }, provisioner: "p" });
  await api.call("POST", classes, { metadata: { name: "elastic" }, provisioner: "p", allowVolumeExpansion: true });
  const bound = async (name: string) => {
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, storageClassName: name, volumeName: "v" };
    await api.call("POST", CLAIMS, { metadata: { name }, spec });
    return api.call("PATCH", `${CLAIMS}/${name}/status`, { status: { phase: "Bound", capacity: { storage: "1Gi" } } });
  };
  const grow = (name: string) => api.call("PATCH", `${CLAIMS}/${name}`, { spec: { resources: { requests: { storage: "2Gi" } } } });
  await bound("fixed");
  await refused(
    grow("fixed"),
    `persistentvolumeclaims "fixed" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize`,
  );
  await bound("elastic");
  assert.equal((await grow("elastic")).status, 200);
});

test("DefaultIngressClass", async () => {
  await using api = await startBuiltinServer();
  const annotations = { "ingressclass.kubernetes.io/is-default-class": "true" };
  await api.call("POST", "/apis/networking.k8s.io/v1/ingressclasses", {
    metadata: { name: "main", annotations },
    spec: { controller: "a.b/c" },
  });
  const ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
  const spec = { defaultBackend: { service: { name: "s", port: { number: 80 } } } };
  assert.equal(specOf((await api.call("POST", ingresses, { metadata: { name: "a" }, spec })).object)["ingressClassName"], "main");
  const old = { name: "b", annotations: { "kubernetes.io/ingress.class": "old" } };
  assert.equal(specOf((await api.call("POST", ingresses, { metadata: old, spec })).object)["ingressClassName"], undefined);
});

test("RuntimeClass", async () => {
  await using api = await startBuiltinServer();
  await api.call("POST", "/apis/node.k8s.io/v1/runtimeclasses", {
    metadata: { name: "sandboxed" },
    handler: "h",
    overhead: { podFixed: { cpu: "100m" } },
    scheduling: { nodeSelector: { kind: "big" }, tolerations: [{ key: "sandbox", operator: "Exists" }] },
  });
  const { object } = await api.call("POST", PODS, pod("a", { runtimeClassName: "sandboxed", nodeSelector: { own: "x" } }));
  const { overhead, nodeSelector, tolerations } = specOf(object);
  assert.deepEqual([overhead, nodeSelector], [{ cpu: "100m" }, { own: "x", kind: "big" }]);
  assert.ok((tolerations as { key?: string }[]).some(({ key }) => key === "sandbox"));
  await refused(
    api.call("POST", PODS, pod("b", { runtimeClassName: "none" })),
    `pods "b" is forbidden: pod rejected: RuntimeClass "none" not found`,
  );
  await refused(
    api.call("POST", PODS, pod("b", { overhead: { cpu: "1" } })),
    `pods "b" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead`,
  );
  await refused(
    api.call("POST", PODS, pod("b", { runtimeClassName: "sandboxed", overhead: { cpu: "1" } })),
    `pods "b" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`,
  );
  await refused(
    api.call("POST", PODS, pod("b", { runtimeClassName: "sandboxed", nodeSelector: { kind: "small" } })),
    `pods "b" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[kind] = big; pod.spec.nodeSelector[kind] = small`,
  );
});

test("PodTopologyLabels", async () => {
  await using api = await startBuiltinServer();
  const labels = { "topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", other: "o" };
  await api.call("POST", "/api/v1/nodes", { metadata: { name: "n1", labels } });
  await api.call("POST", PODS, pod("a"));
  const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: "a" }, target: { kind: "Node", name: "n1" } };
  assert.equal((await api.call("POST", `${PODS}/a/binding`, binding)).status, 201);
  const expected = { "topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r" };
  assert.deepEqual((await api.call("GET", `${PODS}/a`)).object.metadata?.labels, expected);
  const { object } = await api.call("POST", PODS, pod("b", { nodeName: "n1" }));
  assert.deepEqual(object.metadata?.labels, expected);
});

test("LimitRanger: pods as a whole, claims, and several breaches at once", async () => {
  await using api = await startBuiltinServer();
  const range = (name: string, limits: object[]) => api.call("POST", `${V1}/limitranges`, { metadata: { name }, spec: { limits } });
  await range("claims", [{ type: "PersistentVolumeClaim", min: { storage: "2Gi" }, max: { storage: "5Gi" } }]);
  const claim = (storage: string) =>
    api.call("POST", CLAIMS, { metadata: { name: "c" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } } });
  const text = `persistentvolumeclaims "c" is forbidden: `;
  await refused(claim("1Gi"), `${text}minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi`);
  await refused(claim("6Gi"), `${text}maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi`);
  await range("pods", [{ type: "Pod", max: { cpu: "1" } }]);
  const sized = (cpu: string) => ({ name: `c${cpu}`, image: "i", resources: { limits: { cpu } } });
  await refused(
    api.call("POST", PODS, pod("a", { containers: [sized("700m"), sized("600m")] })),
    `pods "a" is forbidden: maximum cpu usage per Pod is 1, but limit is 1300m`,
  );
  await refused(api.call("POST", PODS, pod("a")), `pods "a" is forbidden: maximum cpu usage per Pod is 1.  No limit is specified`);
  await range("a-few", [{ type: "Container", min: { cpu: "800m" }, maxLimitRequestRatio: { cpu: "2" } }]);
  const small = { name: "c", image: "i", resources: { limits: { cpu: "900m" }, requests: { cpu: "300m" } } };
  await refused(
    api.call("POST", PODS, pod("a", { containers: [small] })),
    `pods "a" is forbidden: [minimum cpu usage per Container is 800m, but request is 300m, cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000]`,
  );
});

test("NodeRestriction", async (t) => {
  await using api = await startBuiltinServer({ namespaces: ["default", "kube-node-lease", "kube-system"] });
  const node = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
  const as = (method: string, path: string, body?: unknown) => api.callAs(node, method, path, body);
  for (const name of ["n1", "n2"]) await api.call("POST", "/api/v1/nodes", { metadata: { name } });
  await api.call("POST", PODS, pod("mine", { nodeName: "n1" }));
  await api.call("POST", PODS, pod("theirs", { nodeName: "n2" }));
  const CASES: readonly { name: string; call: readonly [string, string, unknown?]; message: string }[] = [
    {
      name: "another node",
      call: ["PATCH", "/api/v1/nodes/n2", { metadata: { labels: { a: "b" } } }],
      message: `nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"`,
    },
    {
      name: "its taints",
      call: ["PATCH", "/api/v1/nodes/n1", { spec: { taints: [] } }],
      message: `nodes "n1" is forbidden: node "n1" is not allowed to modify taints`,
    },
    {
      name: "labels that are not for nodes",
      call: ["PATCH", "/api/v1/nodes/n1", { metadata: { labels: { "node-restriction.kubernetes.io/x": "1", "kubernetes.io/role": "r" } } }],
      message: `nodes "n1" is forbidden: is not allowed to modify labels: kubernetes.io/role, node-restriction.kubernetes.io/x`,
    },
    {
      name: "a pod of its own making",
      call: ["POST", PODS, pod("p", { nodeName: "n1" })],
      message: `pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods`,
    },
    {
      name: "others' pods",
      call: ["DELETE", `${PODS}/theirs`],
      message: `pods "theirs" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself`,
    },
    {
      name: "others' pods' status",
      call: ["PATCH", `${PODS}/theirs/status`, { status: { phase: "Failed" } }],
      message: `pods "theirs" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself`,
    },
    {
      name: "a token for nobody",
      call: ["POST", `${V1}/serviceaccounts/default/token`, { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} }],
      message: `serviceaccounts "default" is forbidden: node requested token not bound to a pod`,
    },
    {
      name: "another's lease",
      call: ["POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", { metadata: { name: "n2" } }],
      message: `leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node`,
    },
  ];
  for (const { name, call, message } of CASES) {
    await t.test(`a node may not write ${name}`, async () => refused(as(call[0], call[1], call[2]), message));
  }
  await t.test("it writes what is its own", async () => {
    assert.equal((await as("PATCH", "/api/v1/nodes/n1", { metadata: { labels: { "kubernetes.io/os": "linux", free: "1" } } })).status, 200);
    assert.equal((await as("PATCH", `${PODS}/mine/status`, { status: { phase: "Running" } })).status, 200);
    assert.equal((await as("DELETE", `${PODS}/mine`)).status, 200);
  });
});
