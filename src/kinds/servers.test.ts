import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserInfo } from "#apiserver/http.ts";
import { startBuiltinServer } from "#harness/builtin-server.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, "system:authenticated"] });
const account = (namespace: string, name: string): UserInfo =>
  user(`system:serviceaccount:${namespace}:${name}`, "system:serviceaccounts", `system:serviceaccounts:${namespace}`);

const IDENTITIES: Readonly<Record<string, UserInfo>> = {
  master: user("root", "system:masters"),
  admin: user("amy"),
  editor: user("ed"),
  viewer: user("vi"),
  account: account("shop", "bot"),
  stranger: user("sam"),
  anonymous: { name: "system:anonymous", groups: ["system:unauthenticated"] },
  node: user("system:node:n1", "system:nodes"),
  falseNode: user("someone", "system:nodes"),
  scheduler: user("system:kube-scheduler"),
  deployer: account("kube-system", "deployment-controller"),
};
const SETUP: readonly [path: string, body: object][] = [
  ["/api/v1/namespaces/shop/configmaps", { metadata: { name: "c" } }],
  ["/api/v1/namespaces/shop/secrets", { metadata: { name: "s" } }],
  ...(["admin", "edit", "view"] as const).map((role, index): [string, object] => [
    `${RBAC}/namespaces/shop/rolebindings`,
    {
      metadata: { name: role },
      roleRef: { kind: "ClusterRole", name: role },
      subjects: [{ kind: "User", name: ["amy", "ed", "vi"][index] }],
    },
  ]),
  [
    `${RBAC}/namespaces/shop/roles`,
    { metadata: { name: "bot" }, rules: [{ verbs: ["get"], apiGroups: [""], resources: ["secrets"], resourceNames: ["s"] }] },
  ],
  [
    `${RBAC}/namespaces/shop/rolebindings`,
    { metadata: { name: "bot" }, roleRef: { kind: "Role", name: "bot" }, subjects: [{ kind: "ServiceAccount", name: "bot" }] },
  ],
];
const POD = { metadata: { generateName: "p-" }, spec: { containers: [{ name: "c", image: "i" }] } };
/** What is done, and by whom it may be done; everybody else gets a 403. */
const MATRIX: readonly [method: string, path: string, body: object | undefined, allowed: string][] = [
  ["GET", "/api/v1/namespaces/shop/pods", undefined, "master admin editor viewer node scheduler deployer"],
  ["GET", "/api/v1/pods", undefined, "master node scheduler deployer"],
  // Nodes may by their role, and are held by NodeRestriction to mirrors of their own pods.
  ["POST", "/api/v1/namespaces/shop/pods?dryRun=All", POD, "master admin editor"],
  ["GET", "/api/v1/namespaces/shop/secrets", undefined, "master admin editor node"],
  ["GET", "/api/v1/namespaces/shop/secrets/s", undefined, "master admin editor account node"],
  ["GET", "/api/v1/namespaces/shop/configmaps/c", undefined, "master admin editor viewer node"],
  ["PATCH", "/api/v1/namespaces/shop/configmaps/c?dryRun=All", { data: { a: "b" } }, "master admin editor"],
  ["GET", "/api/v1/namespaces/default/configmaps", undefined, "master node"],
  ["GET", "/api/v1/namespaces", undefined, "master scheduler"],
  ["GET", "/api/v1/namespaces/shop", undefined, "master admin editor viewer scheduler"],
  ["GET", "/api/v1/nodes", undefined, "master node scheduler"],
  ["GET", `${RBAC}/namespaces/shop/roles`, undefined, "master admin"],
  ["GET", `${RBAC}/clusterroles`, undefined, "master"],
  ["GET", "/apis/apps/v1/namespaces/shop/deployments", undefined, "master admin editor viewer deployer"],
  ["GET", "/.well-known/openid-configuration", undefined, "master account deployer"],
  [
    "POST",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    { spec: { nonResourceAttributes: { verb: "get", path: "/" } } },
    "master admin editor viewer account stranger node falseNode scheduler deployer",
  ],
];

test("who may do what with the default roles", async (t) => {
  await using api = await startBuiltinServer({ namespaces: ["default", "shop"] });
  for (const [path, body] of SETUP) assert.equal((await api.call("POST", path, body)).status, 201, path);
  for (const [method, path, body, allowed] of MATRIX) {
    await t.test(`${method} ${path} is for ${allowed} alone`, async () => {
      const may: string[] = [];
      for (const [name, identity] of Object.entries(IDENTITIES)) {
        const { status, object } = await api.callAs(identity, method, path, body);
        if (status === 403) continue;
        assert.ok(status < 300, `${name}: ${status} ${object.message}`);
        may.push(name);
      }
      assert.deepEqual(may.toSorted(), allowed.split(" ").toSorted());
    });
  }
});

test("nobody grants what he lacks, unless he may bind or escalate", async () => {
  await using api = await startBuiltinServer({ namespaces: ["shop"] });
  const amy = user("amy");
  await api.call("POST", `${RBAC}/namespaces/shop/rolebindings`, {
    metadata: { name: "admin" },
    roleRef: { kind: "ClusterRole", name: "admin" },
    subjects: [{ kind: "User", name: "amy" }],
  });
  const roles = `${RBAC}/namespaces/shop/roles`;
  const bindings = `${RBAC}/namespaces/shop/rolebindings`;
  const role = (name: string, verbs: string[], resources: string[]) => ({
    metadata: { name },
    rules: [{ verbs, apiGroups: [""], resources }],
  });
  const bind = (name: string, reference: string) => ({
    metadata: { name },
    roleRef: { kind: "ClusterRole", name: reference },
    subjects: [{ kind: "User", name: "bob" }],
  });
  assert.equal((await api.callAs(amy, "POST", roles, role("ok", ["get", "delete"], ["pods"]))).status, 201);
  const refused = await api.callAs(amy, "POST", roles, role("more", ["get", "proxy"], ["nodes", "pods"]));
  assert.equal(refused.status, 403);
  assert.equal(
    refused.object.message,
    `roles.rbac.authorization.k8s.io "more" is forbidden: user "amy" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n` +
      `{APIGroups:[""], Resources:["nodes"], Verbs:["get" "proxy"]}\n{APIGroups:[""], Resources:["pods"], Verbs:["proxy"]}`,
  );
  const widened = await api.callAs(amy, "PATCH", `${roles}/ok`, { rules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }] });
  assert.equal(widened.status, 403);
  assert.equal((await api.callAs(amy, "PATCH", `${roles}/ok`, { metadata: { labels: { a: "b" } } })).status, 200);

  assert.equal((await api.callAs(amy, "POST", bindings, bind("view", "view"))).status, 201);
  assert.equal((await api.callAs(amy, "POST", bindings, bind("root", "cluster-admin"))).status, 403);
  const nowhere = await api.callAs(amy, "POST", bindings, bind("nowhere", "nowhere"));
  assert.deepEqual([nowhere.status, nowhere.object.message], [404, `clusterrole.rbac.authorization.k8s.io "nowhere" not found`]);

  await api.call("POST", `${RBAC}/clusterroles`, {
    metadata: { name: "granter" },
    rules: [
      { verbs: ["bind"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["clusterroles"], resourceNames: ["cluster-admin"] },
      { verbs: ["escalate"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"] },
    ],
  });
  await api.call("POST", `${RBAC}/clusterrolebindings`, { ...bind("granter", "granter"), subjects: [{ kind: "User", name: "amy" }] });
  const granter = await api.callAs(amy, "POST", bindings, bind("root", "cluster-admin"));
  assert.equal(granter.status, 201, `${granter.object.message}`);
  assert.equal((await api.callAs(amy, "POST", roles, role("more", ["get"], ["nodes"]))).status, 201);
});

test("credentials: certificate, token, none, wrong ones", async () => {
  await using api = await startBuiltinServer();
  const whoami = async (request: Parameters<typeof api.send>[2]) => {
    const { status, object } = await api.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", request, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "SelfSubjectReview",
    });
    const info = (object["status"] as { userInfo?: { username?: string; groups?: string[] } } | undefined)?.userInfo;
    return [status, info?.username, info?.groups];
  };
  assert.deepEqual(await whoami({ peerCertificate: { commonName: "ann", organizations: ["devs"] } }), [
    201,
    "ann",
    ["devs", "system:authenticated"],
  ]);
  const issued = await api.call("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {});
  const { token } = issued.object["status"] as { token: string };
  assert.deepEqual(await whoami({ headers: { authorization: `Bearer ${token}` } }), [
    201,
    "system:serviceaccount:default:default",
    ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
  ]);
  assert.deepEqual((await whoami({}))[0], 403);
  assert.deepEqual((await whoami({ headers: { authorization: "Bearer nonsense" } }))[0], 401);
  await api.call("DELETE", "/api/v1/namespaces/default/serviceaccounts/default");
  await api.clock.advance(11_000);
  assert.deepEqual((await whoami({ headers: { authorization: `Bearer ${token}` } }))[0], 401);
});

test("acting as somebody else counts only for those who may", async () => {
  await using api = await startBuiltinServer();
  const as = { "impersonate-user": "bob" };
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const { object } = await api.callAs(user("root", "system:masters"), "POST", path, {}, as);
  assert.deepEqual((object["status"] as { userInfo: unknown }).userInfo, { username: "bob", groups: ["system:authenticated"] });
  const refused = await api.callAs(user("amy"), "POST", path, {}, as);
  assert.equal(
    refused.object.message,
    `users "bob" is forbidden: User "amy" cannot impersonate resource "users" in API group "" at the cluster scope`,
  );
});

test("access reviews answer for oneself, for others, and for a namespace", async () => {
  await using api = await startBuiltinServer();
  const review = async (
    kind: string,
    spec: object,
    who = user("root", "system:masters"),
    path = `/apis/authorization.k8s.io/v1/${kind}`,
  ) => {
    const { status, object } = await api.callAs(who, "POST", path, { spec });
    return status === 201 ? object["status"] : object.message;
  };
  const pods = { resourceAttributes: { verb: "list", resource: "pods", namespace: "default" } };
  assert.deepEqual(await review("selfsubjectaccessreviews", pods), { allowed: true });
  assert.deepEqual(await review("selfsubjectaccessreviews", pods, user("amy")), { allowed: false });
  assert.deepEqual(await review("subjectaccessreviews", { ...pods, user: "system:kube-scheduler" }), {
    allowed: true,
    reason: `RBAC: allowed by ClusterRoleBinding "system:kube-scheduler" of ClusterRole "system:kube-scheduler" to User "system:kube-scheduler"`,
  });
  assert.deepEqual(
    await review("subjectaccessreviews", { nonResourceAttributes: { verb: "get", path: "/healthz" }, groups: ["system:unauthenticated"] }),
    {
      allowed: true,
      reason: `RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer" to Group "system:unauthenticated"`,
    },
  );
  assert.match(
    String(await review("subjectaccessreviews", pods)),
    /spec\.user: Invalid value: "": at least one of user or group must be specified/,
  );
  assert.match(
    String(await review("selfsubjectaccessreviews", {})),
    /exactly one of nonResourceAttributes or resourceAttributes must be specified/,
  );
  const local = "/apis/authorization.k8s.io/v1/namespaces/kube-system/localsubjectaccessreviews";
  assert.match(String(await review("", { ...pods, user: "x" }, undefined, local)), /must match metadata\.namespace/);
});

const TOKEN_REQUESTS: readonly { name: string; spec: object; status: number; message?: RegExp }[] = [
  { name: "defaults", spec: {}, status: 201 },
  {
    name: "less than ten minutes",
    spec: { expirationSeconds: 599 },
    status: 422,
    message: /spec\.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/,
  },
  { name: "longer than 2^32 seconds", spec: { expirationSeconds: 2 ** 32 + 1 }, status: 422, message: /larger than 2\^32 seconds/ },
  { name: "its own pod", spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "own" } }, status: 201 },
  {
    name: "another account's pod",
    spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "other" } },
    status: 400,
    message: /^cannot bind token for serviceaccount "default" to pod running with different serviceaccount name\.$/,
  },
  {
    name: "a pod that is not there",
    spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "gone" } },
    status: 404,
    message: /^pods "gone" not found$/,
  },
  {
    name: "a pod of another uid",
    spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "own", uid: "x" } },
    status: 409,
    message: /the UID in the bound object reference \(x\) does not match the UID in record/,
  },
  {
    name: "a config map",
    spec: { boundObjectRef: { apiVersion: "v1", kind: "ConfigMap", name: "c" } },
    status: 400,
    message: /^cannot bind token to object of type \/v1, Kind=ConfigMap$/,
  },
];
test("tokens are made as asked for", async (t) => {
  await using api = await startBuiltinServer();
  await api.call("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "b" } });
  const spec = { containers: [{ name: "c", image: "i" }] };
  await api.call("POST", "/api/v1/namespaces/default/pods", { metadata: { name: "own" }, spec });
  await api.call("POST", "/api/v1/namespaces/default/pods", { metadata: { name: "other" }, spec: { ...spec, serviceAccountName: "b" } });
  const path = "/api/v1/namespaces/default/serviceaccounts/default/token";
  for (const { name, spec: asked, status, message } of TOKEN_REQUESTS) {
    await t.test(`bound to ${name}`, async () => {
      const answer = await api.call("POST", path, { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: asked });
      assert.equal(answer.status, status, `${answer.object.message}`);
      if (message) assert.match(answer.object.message ?? "", message);
    });
  }
  await t.test("a pod's own token lasts a year, but says the hour it was asked for", async () => {
    const bound = { apiVersion: "v1", kind: "Pod", name: "own" };
    const { object } = await api.call("POST", path, { spec: { expirationSeconds: 3607, boundObjectRef: bound } });
    const { token, expirationTimestamp } = object["status"] as { token: string; expirationTimestamp: string };
    const now = api.clock.now();
    assert.equal(Date.parse(expirationTimestamp), now + 3607_000);
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    assert.equal(claims.exp, now / 1000 + 365 * 24 * 3600);
    assert.equal(claims["kubernetes.io"].warnafter, now / 1000 + 3607);
  });
  await t.test("a review tells whose it is, and for whom", async () => {
    const { object } = await api.call("POST", path, { spec: { audiences: ["vault"] } });
    const { token } = object["status"] as { token: string };
    const review = async (audiences?: string[]) =>
      (await api.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token, ...(audiences ? { audiences } : {}) } }))
        .object["status"] as {
        authenticated?: boolean;
        error?: string;
        audiences?: string[];
      };
    assert.deepEqual((await review(["vault", "x"])).audiences, ["vault"]);
    assert.equal((await review(["vault"])).authenticated, true);
    const refused = await review();
    assert.equal(refused.authenticated, undefined);
    assert.match(refused.error ?? "", /token audiences \["vault"\] is invalid for the target audiences/);
  });
});
