// kubectl create, run and expose: objects from the command line.

import assert from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { webDeployment } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

/** On a connection of its own, so that each request may reach another pod. */
async function get(url: string): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request(url, { agent: false }, resolve).on("error", reject).end(),
  );
  return (await response.setEncoding("utf8").toArray()).join("");
}

const path = (object: string, expression: string) => kubectl("get", object, "-o", `jsonpath=${expression}`);

void test("create deployment, and the same again", async () => {
  assert.equal(
    await kubectl("create", "deployment", "made", "--image=busybox:1", "--replicas=2", "--", "sleep", "1000"),
    "deployment.apps/made created\n",
  );
  await kubectl("rollout", "status", "deployment/made", "--timeout=20s");
  assert.equal(
    await path("deployment/made", "{.spec.replicas} {.spec.selector.matchLabels} {.spec.template.spec.containers[0].command}"),
    '2 {"app":"made"} ["sleep","1000"]',
  );
  assert.equal(
    await kubectl.fails("create", "deployment", "made", "--image=busybox:1"),
    'error: failed to create deployment: deployments.apps "made" already exists\n',
  );
});

void test("create service of each type", async () => {
  assert.equal(await kubectl("create", "service", "clusterip", "inner", "--tcp=80:8080"), "service/inner created\n");
  assert.match(
    await path("service/inner", "{.spec.type} {.spec.clusterIP} {.spec.ports[0].targetPort}"),
    /^ClusterIP 127\.\d+\.\d+\.\d+ 8080$/,
  );
  await kubectl("create", "service", "nodeport", "outer", "--tcp=80");
  assert.match(await kubectl("get", "service", "outer", "--no-headers"), /^outer +NodePort +127\.[\d.]+ +<none> +80:3[0-2]\d{3}\/TCP +/);
  await kubectl("create", "service", "clusterip", "headless", "--clusterip=None", "--tcp=80");
  assert.match(await kubectl("get", "service", "headless", "--no-headers"), /^headless +ClusterIP +None +<none> +80\/TCP +/);
  await kubectl("create", "service", "externalname", "away", "--external-name=example.com");
  assert.match(await kubectl("get", "service", "away", "--no-headers"), /^away +ExternalName +<none> +example\.com +<none> +/);
});

void test("create configmap and secrets from literals and files", async () => {
  const file = kubectl.file("key.txt", "from a file\n");
  await kubectl("create", "configmap", "settings", "--from-literal=a=1", `--from-file=${file}`, `--from-file=other=${file}`);
  assert.equal(await path("configmap/settings", "{.data}"), '{"a":"1","key.txt":"from a file\\n","other":"from a file\\n"}');
  assert.match(await kubectl("get", "configmap", "settings"), /^NAME +DATA +AGE\nsettings +3 +\d+s\n$/);
  await kubectl("create", "secret", "generic", "password", "--from-literal=p=s3cret");
  assert.match(await kubectl("get", "secret", "password"), /^NAME +TYPE +DATA +AGE\npassword +Opaque +1 +\d+s\n$/);
  assert.equal(await path("secret/password", "{.data.p}"), Buffer.from("s3cret").toString("base64"));
  await kubectl("create", "secret", "docker-registry", "pull", "--docker-server=r.example", "--docker-username=u", "--docker-password=p");
  assert.equal(await path("secret/pull", "{.type}"), "kubernetes.io/dockerconfigjson");
  assert.match(await kubectl("describe", "secret", "password"), /^Type: +Opaque\n\nData\n====\np: +6 bytes\n$/m);
});

void test("create namespace, serviceaccount, token, role, bindings, budget, priority class", async () => {
  const said: [string[], string][] = [
    [["namespace", "team"], "namespace/team created\n"],
    [["serviceaccount", "robot"], "serviceaccount/robot created\n"],
    [["role", "reader", "--verb=get,list", "--resource=pods,deployments.apps"], "role.rbac.authorization.k8s.io/reader created\n"],
    [
      ["rolebinding", "robot-reads", "--role=reader", "--serviceaccount=default:robot"],
      "rolebinding.rbac.authorization.k8s.io/robot-reads created\n",
    ],
    [["clusterrole", "nodes", "--verb=get", "--resource=nodes"], "clusterrole.rbac.authorization.k8s.io/nodes created\n"],
    [
      ["clusterrolebinding", "bob-nodes", "--clusterrole=nodes", "--user=bob"],
      "clusterrolebinding.rbac.authorization.k8s.io/bob-nodes created\n",
    ],
    [["poddisruptionbudget", "keep", "--selector=app=made", "--min-available=1"], "poddisruptionbudget.policy/keep created\n"],
    [["priorityclass", "urgent", "--value=1000"], "priorityclass.scheduling.k8s.io/urgent created\n"],
    [["quota", "few", "-n", "team", "--hard=pods=3"], "resourcequota/few created\n"],
    [["ingress", "door", "--rule=example.com/=inner:80"], "ingress.networking.k8s.io/door created\n"],
    [["job", "once", "--image=busybox:1", "--", "true"], "job.batch/once created\n"],
    [["cronjob", "often", "--image=busybox:1", "--schedule=*/5 * * * *", "--", "true"], "cronjob.batch/often created\n"],
  ];
  for (const [args, answer] of said) assert.equal(await kubectl("create", ...args), answer);
  assert.equal(
    await path("role/reader", "{.rules}"),
    '[{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]},{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get","list"]}]',
  );
  assert.match(
    await kubectl("get", "pdb", "keep"),
    /^NAME +MIN AVAILABLE +MAX UNAVAILABLE +ALLOWED DISRUPTIONS +AGE\nkeep +1 +N\/A +\d+ +\d+s\n$/,
  );
  const token = await kubectl("create", "token", "robot", "--duration=10m");
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { sub: string; exp: number; iat: number };
  assert.deepEqual([claims.sub, claims.exp - claims.iat], ["system:serviceaccount:default:robot", 600]);
});

void test("run starts a pod, also one that tells its output and goes away", async () => {
  assert.equal(await kubectl("run", "box", "--image=busybox:1", "--labels=a=b", "--env=X=1", "--", "sleep", "1000"), "pod/box created\n");
  assert.equal(
    await path("pod/box", "{.metadata.labels} {.spec.containers[0].args} {.spec.containers[0].env[0].name}"),
    '{"a":"b"} ["sleep","1000"] X',
  );
  assert.equal(await kubectl("run", "dry", "--image=busybox:1", "--dry-run=client", "-o", "jsonpath={.kind}"), "Pod");
});

void test("expose a Deployment: its Service answers from outside with the pods' words", async () => {
  await kubectl("apply", "-f", kubectl.file("web.json", webDeployment("web", { version: "v7" })));
  assert.equal(await kubectl("expose", "deployment", "web", "--port=80", "--target-port=http"), "service/web exposed\n");
  await kubectl("rollout", "status", "deployment/web", "--timeout=20s");
  const pods = (await path("pods", '{range .items[?(@.metadata.labels.app=="web")]}{.metadata.name} {end}')).trim().split(" ").sort();
  assert.equal(pods.length, 2);
  const address = await path("service/web", "{.spec.clusterIP}");
  const answered = new Set<string>();
  await until("both pods have answered", async () => {
    const text = await get(`http://${address}`);
    assert.match(text, /^v7 /);
    answered.add(text.trim().slice(3));
    return answered.size === 2;
  });
  assert.deepEqual([...answered].sort(), pods);
  assert.match(
    await kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "--no-headers"),
    /^web-\w+ +IPv4 +8080 +127\.[\d.]+,127\.[\d.]+ +/,
  );
  assert.match(await kubectl.fails("expose", "deployment", "web", "--port=80"), /services "web" already exists/);
  await kubectl("expose", "deployment", "web", "--port=80", "--target-port=http", "--name=web-outside", "--type=NodePort");
  const port = await path("service/web-outside", "{.spec.ports[0].nodePort}");
  await until("the node port answers", async () => (await get(`http://127.0.0.1:${port}`)).startsWith("v7 "));
});

void test("create refuses wrong input as upstream does", async () => {
  assert.match(
    await kubectl.fails("create", "configmap", "UPPER"),
    /^error: failed to create configmap: ConfigMap "UPPER" is invalid: metadata\.name: Invalid value: "UPPER": a lowercase RFC 1123 subdomain/,
  );
  assert.equal(
    await kubectl.fails("create", "configmap", "a", "-n", "nowhere"),
    'error: failed to create configmap: namespaces "nowhere" not found\n',
  );
  assert.match(
    await kubectl.fails("create", "service", "nodeport", "low", "--tcp=80", "--node-port=80"),
    /provided port is not in the valid range\. The range of valid ports is 30000-32767/,
  );
});
