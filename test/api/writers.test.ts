// What depends on who writes, beyond the right to write the object at all; and warnings that need more than the object.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { UserInfo } from "#apiserver/http.ts";
import { startBuiltinServer } from "#harness/builtin-server.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const RESOURCE = "/apis/resource.k8s.io/v1/namespaces/shop";
const WRITER: UserInfo = { name: "writer", groups: ["system:authenticated"] };
const RULES = [
  { verbs: ["create", "update", "patch"], apiGroups: ["admissionregistration.k8s.io"], resources: ["*"] },
  { verbs: ["create"], apiGroups: ["resource.k8s.io"], resources: ["resourceclaims"] },
  { verbs: ["update"], apiGroups: ["resource.k8s.io"], resources: ["resourceclaims/status"] },
];

async function start() {
  const api = await startBuiltinServer({ namespaces: ["shop"] });
  await api.call("POST", `${RBAC}/clusterroles`, { metadata: { name: "writer" }, rules: RULES });
  const grant = (name: string) =>
    api.call("POST", `${RBAC}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { kind: "ClusterRole", name },
      subjects: [{ kind: "User", name: "writer" }],
    });
  await grant("writer");
  return { api, grant };
}

test("a policy may only take parameters that its writer may read", async () => {
  const { api, grant } = await start();
  await using _ = api;
  const path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
  const policy = {
    metadata: { name: "p" },
    spec: {
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      matchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }] },
      validations: [{ expression: "true" }],
    },
  };
  const refused = await api.callAs(WRITER, "POST", path, policy);
  assert.equal(refused.status, 422);
  assert.match(
    refused.object.message ?? "",
    /spec\.paramKind: Forbidden: user &\{writer {2}\[system:authenticated\] map\[\]\} must have "get" permission on all objects of the referenced paramKind \(kind=ConfigMap, apiVersion=v1\)$/,
  );
  await api.call("POST", `${RBAC}/clusterroles`, {
    metadata: { name: "reader" },
    rules: [{ verbs: ["get"], apiGroups: [""], resources: ["configmaps"] }],
  });
  await grant("reader");
  assert.equal((await api.callAs(WRITER, "POST", path, policy)).status, 201);
});

test("access to devices as an administrator needs a marked namespace", async () => {
  const { api } = await start();
  await using _ = api;
  const claim = {
    metadata: { name: "c" },
    spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu", adminAccess: true } }] } },
  };
  const refused = await api.callAs(WRITER, "POST", `${RESOURCE}/resourceclaims`, claim);
  assert.equal(refused.status, 422);
  assert.match(refused.object.message ?? "", /requests\[0\]\.adminAccess: Forbidden: admin access to devices requires the/);
  await api.call("PATCH", "/api/v1/namespaces/shop", { metadata: { labels: { "resource.kubernetes.io/admin-access": "true" } } });
  assert.equal((await api.callAs(WRITER, "POST", `${RESOURCE}/resourceclaims`, claim)).status, 201);
});

test("the parts of a claim's status belong to those who may write that part", async () => {
  const { api } = await start();
  await using _ = api;
  const claim = { metadata: { name: "c" }, spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] } } };
  const { object } = await api.callAs(WRITER, "POST", `${RESOURCE}/resourceclaims`, claim);
  const devices = { results: [{ request: "r", driver: "d.example.com", pool: "p", device: "x" }] };
  const allocated = { ...object, status: { allocation: { devices } } };
  const refused = await api.callAs(WRITER, "PUT", `${RESOURCE}/resourceclaims/c/status`, allocated);
  assert.equal(refused.status, 422);
  assert.match(refused.object.message ?? "", /requires resource="resourceclaims\/binding", verb="update" permission/);
  assert.equal((await api.call("PUT", `${RESOURCE}/resourceclaims/c/status`, allocated)).status, 200);
});

test("the server warns of TLS secrets that hold no pair", async () => {
  const { api } = await start();
  await using _ = api;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const warning = async (name: string, certificate: string, key: string) => {
    const secret = { metadata: { name }, type: "kubernetes.io/tls", stringData: { "tls.crt": certificate, "tls.key": key } };
    return (await api.call("POST", "/api/v1/namespaces/shop/secrets", secret)).headers["warning"];
  };
  assert.match((await warning("a", "x", pem)) ?? "", /failed to find any PEM data in certificate input/);
  assert.match((await warning("b", pem, pem)) ?? "", /PEM inputs may have been switched/);
});

test("component statuses and the flow schemas' conditions are there", async () => {
  const { api } = await start();
  await using _ = api;
  const { object } = await api.until("/api/v1/componentstatuses", ({ object: { items = [] } }) => items.length === 3);
  assert.deepEqual(
    object.items?.map(({ metadata }) => metadata?.name),
    ["controller-manager", "etcd-0", "scheduler"],
  );
  const flows = "/apis/flowcontrol.apiserver.k8s.io/v1";
  const dangling = (status: string) => (answer: { object: object }) => JSON.stringify(answer.object).includes(`"status":"${status}"`);
  await api.until(`${flows}/flowschemas/catch-all`, dangling("False"));
  await api.call("POST", `${flows}/flowschemas`, { metadata: { name: "f" }, spec: { priorityLevelConfiguration: { name: "nowhere" } } });
  await api.until(`${flows}/flowschemas/f`, dangling("True"));
});
