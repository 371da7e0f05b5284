import assert from "node:assert/strict";
import { test } from "node:test";
import { type BuiltinServer, startBuiltinServer } from "#harness/builtin-server.ts";
import type { Pod, PodSpec } from "#kinds/api/core-v1.gen.ts";

const PODS = "/api/v1/namespaces/default/pods";
const MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const spec = (changes: Partial<PodSpec> = {}): PodSpec => ({ containers: [{ name: "c", image: "i" }], ...changes });
const create = async (api: BuiltinServer, podSpec: PodSpec, metadata: Pod["metadata"] = {}) => {
  const answer = await api.call("POST", PODS, { metadata: { name: "p", ...metadata }, spec: podSpec });
  if (answer.status === 201) await api.call("DELETE", `${PODS}/${answer.object.metadata?.name}?gracePeriodSeconds=0`);
  return { ...answer, pod: answer.object as Pod };
};

test("NamespaceLifecycle", async (t) => {
  await using api = await startBuiltinServer({ namespaces: ["default", "kube-system", "kube-public", "shop"] });
  const configMaps = "/api/v1/namespaces/shop/configmaps";
  await t.test("nothing is made in a namespace that is not there", async () => {
    const { status, object } = await api.call("POST", "/api/v1/namespaces/nowhere/configmaps", { metadata: { name: "c" } });
    assert.deepEqual([status, object.reason, object.message], [404, "NotFound", `namespaces "nowhere" not found`]);
  });
  for (const name of ["default", "kube-system", "kube-public"]) {
    await t.test(`${name} cannot be deleted`, async () => {
      const { status, object } = await api.call("DELETE", `/api/v1/namespaces/${name}`);
      assert.deepEqual([status, object.message], [403, `namespaces "${name}" is forbidden: this namespace may not be deleted`]);
    });
  }
  await t.test("a namespace going away takes nothing new, but lets what is there be changed and deleted", async () => {
    assert.equal((await api.call("POST", configMaps, { metadata: { name: "old" } })).status, 201);
    assert.equal((await api.call("DELETE", "/api/v1/namespaces/shop")).status, 200);
    const { status, object } = await api.call("POST", configMaps, { metadata: { name: "new" } });
    assert.equal(status, 403);
    assert.equal(
      object.message,
      `configmaps "new" is forbidden: unable to create new content in namespace shop because it is being terminated`,
    );
    assert.deepEqual((object["details"] as { causes: unknown }).causes, [
      { reason: "NamespaceTerminating", message: "namespace shop is being terminated", field: "metadata.namespace" },
    ]);
    const unnamed = await api.call("POST", configMaps, { metadata: { generateName: "g-" } });
    assert.match(unnamed.object.message ?? "", /^configmaps "g-[^"]*" is forbidden: unable to create/);
    assert.equal((await api.call("PATCH", `${configMaps}/old`, { data: { a: "b" } })).status, 200);
    assert.equal((await api.call("DELETE", `${configMaps}/old`)).status, 200);
  });
});

test("ServiceAccount", async (t) => {
  await using api = await startBuiltinServer();
  const accounts = "/api/v1/namespaces/default/serviceaccounts";
  await api.call("POST", accounts, { metadata: { name: "quiet" }, automountServiceAccountToken: false });
  await api.call("POST", accounts, { metadata: { name: "puller" }, imagePullSecrets: [{ name: "registry" }] });
  await api.call("POST", accounts, {
    metadata: { name: "strict", annotations: { "kubernetes.io/enforce-mountable-secrets": "true" } },
    secrets: [{ name: "mine" }],
  });
  const mounts = (pod: Pod) => pod.spec?.containers?.[0]?.volumeMounts?.filter((mount) => mount.mountPath === MOUNT) ?? [];

  await t.test("a pod without account gets the default one, and finds its token, the CA and the namespace in a volume", async () => {
    const { pod } = await create(api, spec({ initContainers: [{ name: "i", image: "i" }] }));
    assert.deepEqual([pod.spec?.serviceAccountName, pod.spec?.serviceAccount], ["default", "default"]);
    const volume = pod.spec?.volumes?.[0];
    assert.match(volume?.name ?? "", /^kube-api-access-[a-z0-9]{5}$/);
    const mount = { name: volume?.name, readOnly: true, mountPath: MOUNT };
    assert.deepEqual(mounts(pod), [mount]);
    assert.deepEqual(pod.spec?.initContainers?.[0]?.volumeMounts, [mount]);
    assert.deepEqual(volume?.projected, {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] } },
      ],
    });
  });
  const AUTOMOUNT: readonly { name: string; podSpec: PodSpec; mounted: boolean }[] = [
    { name: "the account says no", podSpec: spec({ serviceAccountName: "quiet" }), mounted: false },
    {
      name: "the account says no and the pod yes",
      podSpec: spec({ serviceAccountName: "quiet", automountServiceAccountToken: true }),
      mounted: true,
    },
    { name: "the pod says no", podSpec: spec({ automountServiceAccountToken: false }), mounted: false },
  ];
  for (const { name, podSpec, mounted } of AUTOMOUNT) {
    await t.test(`when ${name} the token is ${mounted ? "" : "not "}mounted`, async () => {
      const { pod } = await create(api, podSpec);
      assert.equal(mounts(pod).length, mounted ? 1 : 0);
      assert.equal(pod.spec?.volumes?.length ?? 0, mounted ? 1 : 0);
    });
  }
  await t.test("a container's own mount at that path stays, and no volume is made for nobody", async () => {
    const own = spec({
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [{ name: "c", image: "i", volumeMounts: [{ name: "v", mountPath: MOUNT }] }],
    });
    const { pod } = await create(api, own);
    assert.deepEqual(
      mounts(pod).map((mount) => mount.name),
      ["v"],
    );
    assert.deepEqual(
      pod.spec?.volumes?.map((volume) => volume.name),
      ["v"],
    );
  });
  await t.test("pull secrets come from the account unless the pod has its own", async () => {
    const inherited = await create(api, spec({ serviceAccountName: "puller" }));
    assert.deepEqual(inherited.pod.spec?.imagePullSecrets, [{ name: "registry" }]);
    const own = await create(api, spec({ serviceAccountName: "puller", imagePullSecrets: [{ name: "mine" }] }));
    assert.deepEqual(own.pod.spec?.imagePullSecrets, [{ name: "mine" }]);
  });
  const REFUSALS: readonly { name: string; podSpec: PodSpec; metadata?: Pod["metadata"]; cause: string }[] = [
    {
      name: "an account that is not there",
      podSpec: spec({ serviceAccountName: "gone" }),
      cause: `error looking up service account default/gone: serviceaccount "gone" not found`,
    },
    {
      name: "a secret volume its strict account does not list",
      podSpec: spec({ serviceAccountName: "strict", volumes: [{ name: "v", secret: { secretName: "other" } }] }),
      cause: `volume with secret.secretName="other" is not allowed because service account strict does not reference that secret`,
    },
    {
      name: "a secret in its environment its strict account does not list",
      podSpec: spec({
        serviceAccountName: "strict",
        containers: [{ name: "c", image: "i", env: [{ name: "E", valueFrom: { secretKeyRef: { name: "other", key: "k" } } }] }],
      }),
      cause: `container c with envVar E referencing secret.secretName="other" is not allowed because service account strict does not reference that secret`,
    },
    {
      name: "an account though it mirrors a node's own pod",
      podSpec: spec({ serviceAccountName: "default" }),
      metadata: { annotations: { "kubernetes.io/config.mirror": "x" } },
      cause: "a mirror pod may not reference service accounts",
    },
  ];
  for (const { name, podSpec, metadata, cause } of REFUSALS) {
    await t.test(`a pod with ${name} is refused`, async () => {
      const { status, object } = await create(api, podSpec, metadata);
      assert.deepEqual([status, object.message], [403, `pods "p" is forbidden: ${cause}`]);
    });
  }
  await t.test("a pod that comes before its namespace's default account waits for it", async () => {
    await api.call("POST", "/api/v1/namespaces", { metadata: { name: "young" } });
    const early = api.call("POST", "/api/v1/namespaces/young/pods", { metadata: { name: "p" }, spec: spec() });
    await api.call("POST", "/api/v1/namespaces/young/serviceaccounts", { metadata: { name: "default" } });
    assert.equal((await early).status, 201);
  });
  await t.test("but not for long", async () => {
    await api.call("POST", "/api/v1/namespaces", { metadata: { name: "orphan" } });
    const early = api.call("POST", "/api/v1/namespaces/orphan/pods", { metadata: { name: "p" }, spec: spec() });
    await api.clock.advance(2000);
    const { status, object } = await early;
    assert.deepEqual(
      [status, object.message],
      [403, `pods "p" is forbidden: error looking up service account orphan/default: serviceaccount "default" not found`],
    );
  });
});

test("Priority", async (t) => {
  await using api = await startBuiltinServer();
  const classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
  await api.until(classes, ({ object }) => object.items?.length === 2);
  await api.call("POST", classes, { metadata: { name: "high" }, value: 1000 });
  await api.call("POST", classes, { metadata: { name: "polite" }, value: 500, preemptionPolicy: "Never" });
  const CASES: readonly { name: string; podSpec: PodSpec; priority?: number; policy?: string; cause?: string }[] = [
    { name: "no class", podSpec: spec(), priority: 0, policy: "PreemptLowerPriority" },
    { name: "a class", podSpec: spec({ priorityClassName: "high" }), priority: 1000, policy: "PreemptLowerPriority" },
    { name: "a class that never preempts", podSpec: spec({ priorityClassName: "polite" }), priority: 500, policy: "Never" },
    {
      name: "a system class",
      podSpec: spec({ priorityClassName: "system-node-critical" }),
      priority: 2_000_001_000,
      policy: "PreemptLowerPriority",
    },
    {
      name: "the right number",
      podSpec: spec({ priorityClassName: "high", priority: 1000 }),
      priority: 1000,
      policy: "PreemptLowerPriority",
    },
    {
      name: "the wrong number",
      podSpec: spec({ priorityClassName: "high", priority: 7 }),
      cause:
        "the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name",
    },
    {
      name: "the wrong policy",
      podSpec: spec({ priorityClassName: "polite", preemptionPolicy: "PreemptLowerPriority" }),
      cause:
        "the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name",
    },
    { name: "a class that is not there", podSpec: spec({ priorityClassName: "gone" }), cause: "no PriorityClass with name gone was found" },
  ];
  for (const { name, podSpec, priority, policy, cause } of CASES) {
    await t.test(`a pod with ${name}`, async () => {
      const { status, object, pod } = await create(api, podSpec);
      if (cause === undefined) {
        assert.equal(status, 201, `${object.message}`);
        assert.deepEqual([pod.spec?.priority, pod.spec?.preemptionPolicy], [priority, policy]);
      } else assert.deepEqual([status, object.message], [403, `pods "p" is forbidden: ${cause}`]);
    });
  }
  await t.test("the default class counts for pods without one, and there is one only", async () => {
    assert.equal((await api.call("POST", classes, { metadata: { name: "usual" }, value: 10, globalDefault: true })).status, 201);
    const { pod } = await create(api, spec());
    assert.deepEqual([pod.spec?.priorityClassName, pod.spec?.priority], ["usual", 10]);
    const { status, object } = await api.call("POST", classes, { metadata: { name: "second" }, value: 11, globalDefault: true });
    assert.deepEqual(
      [status, object.message],
      [
        403,
        `priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass usual is already marked as default. Only one default can exist`,
      ],
    );
    assert.equal((await api.call("PATCH", `${classes}/usual`, { description: "x" })).status, 200);
  });
});

test("DefaultTolerationSeconds", async (t) => {
  await using api = await startBuiltinServer();
  const tolerations = async (given?: PodSpec["tolerations"]) =>
    (await create(api, spec(given ? { tolerations: given } : {}))).pod.spec?.tolerations?.map(
      (one) => `${one.key ?? ""}:${one.effect ?? ""}:${one.tolerationSeconds ?? ""}`,
    );
  const notReady = "node.kubernetes.io/not-ready:NoExecute:300";
  const unreachable = "node.kubernetes.io/unreachable:NoExecute:300";
  const CASES: readonly { name: string; given?: NonNullable<PodSpec["tolerations"]>; expected: string[] }[] = [
    { name: "none", expected: [notReady, unreachable] },
    {
      name: "one of the two",
      given: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 }],
      expected: ["node.kubernetes.io/not-ready:NoExecute:5", unreachable],
    },
    { name: "one for everything", given: [{ operator: "Exists" }], expected: ["::"] },
    {
      name: "one for another effect",
      given: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoSchedule" }],
      expected: ["node.kubernetes.io/not-ready:NoSchedule:", notReady, unreachable],
    },
  ];
  for (const { name, given, expected } of CASES) {
    await t.test(`a pod with ${name}`, async () => assert.deepEqual(await tolerations(given), expected));
  }
});

test("TaintNodesByCondition: a new node is not ready until it says so, and is tainted once", async () => {
  await using api = await startBuiltinServer();
  const taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };
  const plain = await api.call("POST", "/api/v1/nodes", { metadata: { name: "n1" } });
  assert.deepEqual((plain.object["spec"] as { taints: unknown }).taints, [taint]);
  const tainted = await api.call("POST", "/api/v1/nodes", {
    metadata: { name: "n2" },
    spec: { taints: [taint, { key: "a", effect: "NoExecute" }] },
  });
  assert.deepEqual((tainted.object["spec"] as { taints: unknown }).taints, [taint, { key: "a", effect: "NoExecute" }]);
});
