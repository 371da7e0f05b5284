// Who may do what: kubectl auth, impersonation, and a kubeconfig with a ServiceAccount's token.

import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { idlePod } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

/** A kubeconfig whose only credential is the token. */
function tokenKubeconfig(name: string, token: string): string {
  return kubectl.file(name, {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "kobune",
        cluster: { server: testCluster.cluster.url, "certificate-authority-data": Buffer.from(testCluster.cluster.ca).toString("base64") },
      },
    ],
    users: [{ name: "robot", user: { token } }],
    contexts: [{ name: "robot", context: { cluster: "kobune", user: "robot" } }],
    "current-context": "robot",
  });
}

void test("whoami: the administrator, somebody impersonated, a ServiceAccount", async () => {
  assert.match(
    await kubectl("auth", "whoami"),
    /^ATTRIBUTE +VALUE\nUsername +kubernetes-admin\nGroups +\[system:masters system:authenticated\]\nExtra: authentication\.kubernetes\.io\/credential-id +\[X509SHA256=[0-9a-f]{64}\]\n$/,
  );
  assert.match(await kubectl("auth", "whoami", "--as=jane", "--as-group=crew"), /^Username +jane\nGroups +\[crew system:authenticated\]$/m);
  const { stdout } = await kubectl.run(["auth", "whoami"], {
    kubeconfig: tokenKubeconfig("whoami", (await kubectl("create", "token", "default")).trim()),
  });
  assert.match(stdout, /^Username +system:serviceaccount:default:default$/m);
  assert.match(stdout, /^Groups +\[system:serviceaccounts system:serviceaccounts:default system:authenticated\]$/m);
});

void test("can-i answers by word and exit code", async () => {
  assert.deepEqual(await kubectl.run(["auth", "can-i", "create", "pods"]), { code: 0, stdout: "yes\n", stderr: "" });
  const refused = await kubectl.run(["auth", "can-i", "create", "pods", "--as=nobody"]);
  assert.deepEqual([refused.code, refused.stdout], [1, "no\n"]);
  const nonResource = await kubectl.run(["auth", "can-i", "get", "/metrics", "--as=nobody"]);
  assert.deepEqual([nonResource.code, nonResource.stdout], [1, "no\n"]);
  assert.equal(await kubectl("auth", "can-i", "get", "/version", "--as=nobody"), "yes\n");
});

void test("a ServiceAccount that may only read pods of its namespace", async () => {
  await kubectl("create", "serviceaccount", "reader");
  await kubectl("create", "role", "pod-reader", "--verb=get,list,watch", "--resource=pods");
  await kubectl("create", "rolebinding", "reader-reads", "--role=pod-reader", "--serviceaccount=default:reader");
  await kubectl("apply", "-f", kubectl.file("pod.json", idlePod("seen")));
  const kubeconfig = tokenKubeconfig("reader", (await kubectl("create", "token", "reader")).trim());
  const asReader = (...args: string[]) => kubectl.run(args, { kubeconfig });

  assert.equal((await asReader("get", "pods", "-o", "name")).stdout, "pod/seen\n");
  assert.equal((await asReader("auth", "can-i", "list", "pods")).stdout, "yes\n");
  assert.equal((await asReader("auth", "can-i", "delete", "pods")).stdout, "no\n");
  const list = (await asReader("auth", "can-i", "--list")).stdout;
  assert.match(list, /^Resources +Non-Resource URLs +Resource Names +Verbs\n/);
  assert.match(list, /^pods +\[\] +\[\] +\[get list watch\]$/m);
  assert.match(list, /^selfsubjectaccessreviews\.authorization\.k8s\.io +\[\] +\[\] +\[create\]$/m);
  const forbidden = 'User "system:serviceaccount:default:reader" cannot';
  assert.equal(
    (await asReader("delete", "pod", "seen")).stderr,
    `Error from server (Forbidden): pods "seen" is forbidden: ${forbidden} delete resource "pods" in API group "" in the namespace "default"\n`,
  );
  assert.equal(
    (await asReader("get", "pods", "-n", "kube-system")).stderr,
    `Error from server (Forbidden): pods is forbidden: ${forbidden} list resource "pods" in API group "" in the namespace "kube-system"\n`,
  );
  assert.equal(
    (await asReader("get", "nodes")).stderr,
    `Error from server (Forbidden): nodes is forbidden: ${forbidden} list resource "nodes" in API group "" at the cluster scope\n`,
  );
  assert.match((await asReader("run", "mine", "--image=a")).stderr, /pods is forbidden: User ".*" cannot create resource "pods"/);
  assert.equal(await kubectl("get", "pod", "seen", "-o", "name"), "pod/seen\n", "it is still there");

  // Taking the binding away takes the right away from the token that is out there.
  await kubectl("delete", "rolebinding", "reader-reads");
  await until("the right is gone", async () => (await asReader("get", "pods")).code === 1);
});

void test("a token ends with its ServiceAccount; a wrong one is no one's", async () => {
  await kubectl("create", "serviceaccount", "short-lived");
  // Never used before: a good token is believed for some seconds, here as upstream.
  const kubeconfig = tokenKubeconfig("short", (await kubectl("create", "token", "short-lived")).trim());
  await kubectl("delete", "serviceaccount", "short-lived");
  assert.match((await kubectl.run(["auth", "whoami"], { kubeconfig })).stderr, /You must be logged in to the server|Unauthorized/);
  const wrong = await kubectl.run(["get", "pods"], { kubeconfig: tokenKubeconfig("wrong", "not.a.token") });
  assert.match(wrong.stderr, /error: You must be logged in to the server \(Unauthorized\)/);
});

void test("anonymous callers may see whether the server is well, and its version, and nothing else", async () => {
  // kubectl itself asks for a user name when it has no credentials.
  const get = async (path: string) => {
    const { url, ca } = testCluster.cluster;
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      request(`${url}${path}`, { ca, agent: false }, resolve).on("error", reject).end(),
    );
    return { status: response.statusCode, text: (await response.setEncoding("utf8").toArray()).join("") };
  };
  assert.deepEqual(await get("/readyz"), { status: 200, text: "ok" });
  assert.match((await get("/version")).text, /"gitVersion"/);
  const namespaces = await get("/api/v1/namespaces");
  assert.equal(namespaces.status, 403);
  assert.match(
    namespaces.text,
    /namespaces is forbidden: User \\"system:anonymous\\" cannot list resource \\"namespaces\\" in API group \\"\\" at the cluster scope/,
  );
  assert.match((await get("/metrics")).text, /forbidden: User \\"system:anonymous\\" cannot get path \\"\/metrics\\"/);
});

void test("nobody gives rights they do not have", async () => {
  await kubectl("create", "clusterrole", "role-writer", "--verb=create,get", "--resource=roles.rbac.authorization.k8s.io");
  await kubectl("create", "clusterrolebinding", "jane-writes-roles", "--clusterrole=role-writer", "--user=jane");
  assert.match(
    await kubectl.fails("create", "role", "too-much", "--verb=*", "--resource=secrets", "--as=jane"),
    /roles\.rbac\.authorization\.k8s\.io "too-much" is forbidden: user "jane" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["\*"\]\}/,
  );
  assert.match(await kubectl.fails("get", "role", "too-much"), /NotFound/);
});

void test("auth reconcile writes the roles of a file", async () => {
  const role = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "reconciled", namespace: "default" },
    rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }],
  };
  const stdout = await kubectl("auth", "reconcile", "-f", kubectl.file("role.json", role));
  assert.match(stdout, /^role\.rbac\.authorization\.k8s\.io\/reconciled reconciled\n/);
});
