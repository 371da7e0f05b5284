// Every `kubectl create <kind>`: what it prints, what becomes of it on the server, and that the server takes what kubectl makes of itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated", nodes: 0 });
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

const create = (...args: string[]) => kubectl("create", ...args);
const path = (object: string, expression: string) => kubectl("get", object, "-o", `jsonpath=${expression}`);
/** Both dry runs, which make nothing, and the real one. */
async function made(said: string, ...args: string[]): Promise<void> {
  for (const [flag, what] of [
    ["--dry-run=client", "dry run"],
    ["--dry-run=server", "server dry run"],
  ] as const)
    assert.equal(await create(flag, ...args), `${said} created (${what})\n`);
  assert.equal(await create(...args), `${said} created\n`);
}

void test("configmap: literals, files, folders, env files, binary data, --append-hash", async () => {
  kubectl.file("folder/one", "1");
  kubectl.file("folder/two", "2");
  const env = kubectl.file("settings.env", "# a comment\nA=1\n\nB=two words\n");
  await made("configmap/folder", "configmap", "folder", "--from-file=folder");
  assert.equal(await path("configmap/folder", "{.data}"), '{"one":"1","two":"2"}');
  await create("configmap", "env", `--from-env-file=${env}`);
  assert.equal(await path("configmap/env", "{.data}"), '{"A":"1","B":"two words"}');
  const binary = kubectl.file("binary", "");
  const { writeFileSync } = await import("node:fs");
  writeFileSync(binary, Uint8Array.of(0xff, 0xfe, 0));
  await create("configmap", "binary", `--from-file=${binary}`);
  assert.equal(await path("configmap/binary", "{.binaryData}{.data}"), '{"binary":"//4A"}');
  assert.match(await create("configmap", "hashed", "--from-literal=a=b", "--append-hash"), /^configmap\/hashed-[a-z0-9]{10} created\n$/);
  assert.match(
    await kubectl.fails("create", "configmap", "twice", "--from-literal=a=1", "--from-literal=a=2"),
    /error: cannot add key "a", another key by that name already exists in Data for ConfigMap "twice"/,
  );
  assert.match(await kubectl.fails("create", "configmap", "bad", "--from-literal=a/b=1"), /"a\/b" is not a valid key name for a ConfigMap/);
});

void test("secret of each type", async () => {
  await made("secret/generic", "secret", "generic", "generic", "--from-literal=key-1=value1", "--type=test-type");
  assert.equal(await path("secret/generic", "{.type} {.data.key-1}"), "test-type dmFsdWUx");
  await made(
    "secret/pull",
    "secret",
    "docker-registry",
    "pull",
    "--docker-username=u",
    "--docker-password=p",
    "--docker-email=u@example.com",
  );
  const config = JSON.parse(Buffer.from(await path("secret/pull", "{.data.\\.dockerconfigjson}"), "base64").toString()) as object;
  assert.deepEqual(config, {
    auths: {
      "https://index.docker.io/v1/": { username: "u", password: "p", email: "u@example.com", auth: Buffer.from("u:p").toString("base64") },
    },
  });
  const { ensureCertificates } = await import("#apiserver/auth/certificates.ts");
  const { certificate, key } = (await ensureCertificates(undefined, { clock: testCluster.cluster.clock })).serving;
  const files = [`--cert=${kubectl.file("tls.crt", certificate)}`, `--key=${kubectl.file("tls.key", key)}`];
  await made("secret/tls", "secret", "tls", "tls", ...files);
  assert.equal(await path("secret/tls", "{.type}"), "kubernetes.io/tls");
  assert.equal(Buffer.from(await path("secret/tls", "{.data.tls\\.crt}"), "base64").toString(), certificate);
  assert.match(
    await kubectl.fails("create", "secret", "generic", "wrong", "--type=kubernetes.io/tls"),
    /Secret "wrong" is invalid: \[?data\[tls\.crt\]: Required value/,
  );
});

void test("service of each type", async () => {
  await made("service/inner", "service", "clusterip", "inner", "--tcp=80:8080", "--tcp=443:web");
  assert.equal(
    await path("service/inner", "{.spec.ports}"),
    '[{"name":"80-8080","port":80,"protocol":"TCP","targetPort":8080},{"name":"443-web","port":443,"protocol":"TCP","targetPort":"web"}]',
  );
  await made("service/outer", "service", "nodeport", "outer", "--tcp=80", "--node-port=30123");
  assert.equal(await path("service/outer", "{.spec.ports[0].nodePort} {.spec.externalTrafficPolicy}"), "30123 Cluster");
  assert.match(
    await kubectl.fails("create", "service", "nodeport", "again", "--tcp=80", "--node-port=30123"),
    /Service "again" is invalid: spec\.ports\[0\]\.nodePort: Invalid value: 30123: provided port is already allocated/,
  );
  await made("service/balanced", "service", "loadbalancer", "balanced", "--tcp=80");
  assert.match(await kubectl("get", "service", "balanced", "--no-headers"), /^balanced +LoadBalancer +[\d.]+ +<pending> +80:\d+\/TCP /);
  await made("service/away", "service", "externalname", "away", "--external-name=example.com");
  assert.equal(await path("service/away", "{.spec.type} {.spec.externalName}"), "ExternalName example.com");
});

void test("ingress: rules, TLS, class, default backend, annotations", async () => {
  await made(
    "ingress.networking.k8s.io/door",
    "ingress",
    "door",
    "--class=outer",
    "--rule=a.example.com/path*=inner:443,tls=cert",
    "--rule=b.example.com/=inner:web",
    "--default-backend=inner:80",
    "--annotation=a.example.com/b=c",
  );
  const { spec, metadata } = await kubectl.json<{ spec: unknown; metadata: { annotations: unknown } }>("get", "ingress", "door");
  const backend = (port: object) => ({ service: { name: "inner", port } });
  assert.deepEqual(spec, {
    ingressClassName: "outer",
    defaultBackend: backend({ number: 80 }),
    rules: [
      { host: "a.example.com", http: { paths: [{ path: "/path", pathType: "Prefix", backend: backend({ number: 443 }) }] } },
      { host: "b.example.com", http: { paths: [{ path: "/", pathType: "Exact", backend: backend({ name: "web" }) }] } },
    ],
    tls: [{ hosts: ["a.example.com"], secretName: "cert" }],
  });
  assert.deepEqual(metadata.annotations, { "a.example.com/b": "c" });
});

void test("quota, budget, priority class, service account, namespace", async () => {
  await made("namespace/team", "namespace", "team");
  await made("resourcequota/few", "quota", "few", "-n", "team", "--hard=cpu=1,memory=1G,pods=2", "--scopes=NotTerminating");
  assert.equal(
    await kubectl("get", "quota", "few", "-n", "team", "-o", "jsonpath={.spec}"),
    '{"hard":{"cpu":"1","memory":"1G","pods":"2"},"scopes":["NotTerminating"]}',
  );
  assert.match(
    await kubectl.fails("create", "quota", "wrong", "--hard=cpu=1", "--scopes=Nonsense"),
    /spec\.scopes: Invalid value: \["Nonsense"\]: unsupported scope/,
  );
  await made("poddisruptionbudget.policy/keep", "pdb", "keep", "--selector=app=rails", "--max-unavailable=50%");
  assert.equal(await path("pdb/keep", "{.spec}"), '{"maxUnavailable":"50%","selector":{"matchLabels":{"app":"rails"}}}');
  assert.match(
    await kubectl.fails("create", "pdb", "both", "--selector=a=b", "--max-unavailable=1", "--min-available=1"),
    /min-available and max-unavailable cannot be both specified/,
  );
  await made(
    "priorityclass.scheduling.k8s.io/urgent",
    "priorityclass",
    "urgent",
    "--value=1000",
    "--description=first",
    "--global-default",
    "--preemption-policy=Never",
  );
  assert.equal(await path("priorityclass/urgent", "{.value} {.description} {.globalDefault} {.preemptionPolicy}"), "1000 first true Never");
  assert.match(
    await kubectl.fails("create", "priorityclass", "second", "--value=1", "--global-default"),
    /PriorityClass "second" is invalid|already exists|PriorityClass .* is already marked as default|global default/i,
  );
  await kubectl("delete", "priorityclass", "urgent");
  await made("serviceaccount/robot", "serviceaccount", "robot");
});

void test("roles and bindings: verbs, resources, names, addresses, aggregation, subjects", async () => {
  const rbac = "rbac.authorization.k8s.io";
  await made(
    `role.${rbac}/reader`,
    "role",
    "reader",
    "--verb=get",
    "--verb=list",
    "--resource=pods,replicasets.apps",
    "--resource=pods/log",
  );
  assert.equal(
    await path("role/reader", "{.rules}"),
    '[{"apiGroups":[""],"resources":["pods","pods/log"],"verbs":["get","list"]},{"apiGroups":["apps"],"resources":["replicasets"],"verbs":["get","list"]}]',
  );
  await made(`clusterrole.${rbac}/one`, "clusterrole", "one", "--verb=get", "--resource=pods", "--resource-name=a", "--resource-name=b");
  assert.equal(
    await path("clusterrole/one", "{.rules}"),
    '[{"apiGroups":[""],"resourceNames":["a","b"],"resources":["pods"],"verbs":["get"]}]',
  );
  await made(`clusterrole.${rbac}/urls`, "clusterrole", "urls", "--verb=get", "--non-resource-url=/logs/*,/healthz");
  assert.equal(await path("clusterrole/urls", "{.rules}"), '[{"nonResourceURLs":["/logs/*","/healthz"],"verbs":["get"]}]');
  await made(`clusterrole.${rbac}/sum`, "clusterrole", "sum", "--aggregation-rule=to=sum");
  assert.equal(await path("clusterrole/sum", "{.aggregationRule}"), '{"clusterRoleSelectors":[{"matchLabels":{"to":"sum"}}]}');
  await made(
    `rolebinding.${rbac}/reads`,
    "rolebinding",
    "reads",
    "--role=reader",
    "--user=ann",
    "--group=crew",
    "--serviceaccount=team:robot",
  );
  const ref = { apiGroup: rbac };
  assert.deepEqual(JSON.parse(await path("rolebinding/reads", "{.subjects}")), [
    { ...ref, kind: "User", name: "ann" },
    { ...ref, kind: "Group", name: "crew" },
    { kind: "ServiceAccount", name: "robot", namespace: "team" },
  ]);
  await made(`clusterrolebinding.${rbac}/all`, "clusterrolebinding", "all", "--clusterrole=view", "--user=ann");
  assert.equal(
    await kubectl("set", "subject", "clusterrolebinding", "all", "--group=crew"),
    `clusterrolebinding.${rbac}/all subjects updated\n`,
  );
  assert.equal(await path("clusterrolebinding/all", "{.subjects[*].name}"), "ann crew");
  assert.match(
    await kubectl.fails("create", "role", "r", "--verb=get", "--resource=boats"),
    /the server doesn't have a resource type "boats"/,
  );
});

void test("deployment, job, job of a cronjob, cronjob", async () => {
  await made("deployment.apps/many", "deployment", "many", "--image=registry.k8s.io/nginx:1", "--image=busybox:2", "--replicas=0");
  assert.equal(await path("deployment/many", "{.spec.template.spec.containers[*].name}"), "nginx busybox");
  await made("job.batch/once", "job", "once", "--image=busybox:1", "--", "echo", "a b");
  assert.equal(
    await path("job/once", "{.spec.template.spec.containers[0].command} {.spec.template.spec.restartPolicy}"),
    '["echo","a b"] Never',
  );
  await made("cronjob.batch/often", "cronjob", "often", "--image=busybox:1", "--schedule=*/5 * * * *", "--restart=Never", "--", "date");
  await made("job.batch/now", "job", "now", "--from=cronjob/often");
  assert.equal(
    await path("job/now", "{.metadata.annotations} {.metadata.ownerReferences[0].kind} {.spec.template.spec.containers[0].command}"),
    '{"cronjob.kubernetes.io/instantiate":"manual"} CronJob ["date"]',
  );
  assert.match(
    await kubectl.fails("create", "cronjob", "wrong", "--image=a", "--schedule=often"),
    /CronJob\.batch "wrong" is invalid: spec\.schedule: Invalid value: "often": expected exactly 5 fields, found 1: \[often\]/,
  );
});

void test("token: durations, audiences, bound objects", async () => {
  const claims = async (...args: string[]) =>
    JSON.parse(Buffer.from((await create("token", "default", ...args)).split(".")[1] ?? "", "base64url").toString()) as {
      aud: string[];
      exp: number;
      iat: number;
      "kubernetes.io": { secret?: { name: string } };
    };
  const plain = await claims();
  assert.equal(plain.exp - plain.iat, 3600);
  assert.deepEqual((await claims("--audience=a", "--audience=b")).aud, ["a", "b"]);
  await create("secret", "generic", "bound");
  const bound = await claims("--bound-object-kind=Secret", "--bound-object-name=bound");
  assert.equal(bound["kubernetes.io"].secret?.name, "bound");
  assert.match(
    await kubectl.fails("create", "token", "default", "--duration=1m"),
    /spec\.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes/,
  );
  assert.match(await kubectl.fails("create", "token", "nobody"), /serviceaccounts "nobody" not found/);
});

void test("expose, autoscale, run: generators outside create", async () => {
  assert.equal(await kubectl("run", "box", "--image=busybox:1", "--port=80", "--expose"), "service/box created\npod/box created\n");
  assert.equal(await path("service/box", "{.spec.selector} {.spec.ports[0].port}"), '{"run":"box"} 80');
  assert.equal(
    await kubectl("expose", "pod", "box", "--name=again", "--port=81", "--protocol=UDP", "--session-affinity=ClientIP"),
    "service/again exposed\n",
  );
  assert.equal(
    await path("service/again", "{.spec.ports[0]} {.spec.sessionAffinity} {.spec.sessionAffinityConfig.clientIP.timeoutSeconds}"),
    '{"port":81,"protocol":"UDP","targetPort":81} ClientIP 10800',
  );
  assert.equal(
    await kubectl("autoscale", "deployment", "many", "--min=2", "--max=5", "--cpu=70%"),
    "horizontalpodautoscaler.autoscaling/many autoscaled\n",
  );
  assert.equal(
    await path("hpa/many", "{.spec.minReplicas} {.spec.maxReplicas} {.spec.metrics[0].resource.target.averageUtilization}"),
    "2 5 70",
  );
  assert.equal(await path("horizontalpodautoscalers.v1.autoscaling/many", "{.spec.targetCPUUtilizationPercentage}"), "70");
  assert.match(
    await kubectl("get", "hpa", "many"),
    /^NAME +REFERENCE +TARGETS +MINPODS +MAXPODS +REPLICAS +AGE\nmany +Deployment\/many +cpu: <unknown>\/70% +2 +5 +0 +\d+s\n$/,
  );
  assert.match(await kubectl.fails("run", "NOT", "--image=a"), /metadata\.name: Invalid value: "NOT"/);
  assert.match(await kubectl.fails("expose", "node", "nobody", "--port=80"), /cannot expose a Node|nodes "nobody" not found/);
});

void test("create --edit, --raw, -o and --save-config", async () => {
  const editor = kubectl.file("editor.sh", "#!/bin/sh\nsed -i 's/name: raw/name: edited/' $1\n");
  const file = kubectl.file("raw.json", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "raw" } });
  const edited = await kubectl.run(["create", "--edit", "-f", file], { env: { EDITOR: `sh ${editor}` } });
  assert.deepEqual([edited.stdout, edited.code], ["configmap/edited created\n", 0]);
  const raw = JSON.parse(await create("--raw", "/api/v1/namespaces/default/configmaps", "-f", file)) as { metadata: { uid?: string } };
  assert.ok(raw.metadata.uid);
  assert.match(
    await kubectl.fails("create", "--raw", "/api/v1/namespaces", "-f", file),
    /Error from server \(BadRequest\): ConfigMap in version "v1" cannot be handled as a Namespace: /,
  );
  assert.match(
    await kubectl.fails("create", "--raw", "/api/v1/namespaces", "-f", file, "--edit"),
    /error: --raw and --edit are mutually exclusive/,
  );
  assert.equal(
    await kubectl("replace", "--raw", "/api/v1/namespaces/default/configmaps/raw", "-f", file).then(
      (text) => (JSON.parse(text) as { kind: string }).kind,
    ),
    "ConfigMap",
  );
  assert.equal(
    (JSON.parse(await kubectl("delete", "--raw", "/api/v1/namespaces/default/configmaps/raw")) as { status: string }).status,
    "Success",
  );
});
