// Identities from outside: certificates that the cluster signs, and tokens that lie in Secrets.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import { makeCertificateRequest, type RequestSubject } from "#harness/certificate-request.ts";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated", nodes: 0 });
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

const API_CLIENT = "kubernetes.io/kube-apiserver-client";
const CLIENT_USAGES = ["digital signature", "client auth"];

async function ask(name: string, signerName: string, subject: RequestSubject, spec: object = {}) {
  const { pem, key } = makeCertificateRequest(subject);
  const request = Buffer.from(pem).toString("base64");
  const csr = {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name },
    spec: { request, signerName, usages: CLIENT_USAGES, ...spec },
  };
  await kubectl("create", "-f", kubectl.file(`${name}.json`, csr));
  return key;
}

const certificateOf = (name: string) =>
  until(`${name} is signed`, async () => {
    const text = await kubectl("get", "csr", name, "-o", "jsonpath={.status.certificate}");
    assert.notEqual(text, "");
    return Buffer.from(text, "base64").toString();
  });

void test("an approved request becomes a certificate that the API server knows its user by", async () => {
  const key = await ask("ann", API_CLIENT, { commonName: "ann", organizations: ["crew"] }, { expirationSeconds: 3600 });
  await kubectl("certificate", "approve", "ann");
  const certificate = await certificateOf("ann");
  const parsed = new X509Certificate(certificate);
  assert.equal(parsed.subject, "O=crew\nCN=ann");
  assert.equal(parsed.ca, false);
  assert.deepEqual(parsed.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  assert.equal(parsed.validToDate.getTime() - parsed.validFromDate.getTime(), 3900_000, "an hour from now, and five minutes before");
  const config = JSON.parse(await kubectl("config", "view", "--raw", "-o", "json")) as { users: object[] };
  const pem = key.export({ type: "pkcs8", format: "pem" }).toString();
  const user = {
    "client-certificate-data": Buffer.from(certificate).toString("base64"),
    "client-key-data": Buffer.from(pem).toString("base64"),
  };
  const [first] = config.users as { user: object }[];
  assert.ok(first);
  first.user = user;
  const kubeconfig = kubectl.file("ann.kubeconfig", config);
  const { stdout, stderr } = await kubectl.run(["auth", "whoami", "-o", "jsonpath={.status.userInfo}"], { kubeconfig });
  const { username, groups } = JSON.parse(stdout || "{}") as { username: string; groups: string[] };
  assert.deepEqual([username, groups], ["ann", ["crew", "system:authenticated"]], stderr);
});

void test("a node's request is approved by itself, and has its names", async () => {
  await kubectl(
    "create",
    "clusterrolebinding",
    "nodes-ask",
    "--clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient",
    "--group=system:masters",
  );
  const node = { commonName: "system:node:n1", organizations: ["system:nodes"] };
  await ask("client", "kubernetes.io/kube-apiserver-client-kubelet", node);
  assert.match(new X509Certificate(await certificateOf("client")).subject, /CN=system:node:n1/);
  assert.match(await kubectl("get", "csr", "client", "-o", "jsonpath={.status.conditions[*].reason}"), /AutoApproved/);
  await ask(
    "serving",
    "kubernetes.io/kubelet-serving",
    { ...node, dnsNames: ["n1"], ipAddresses: ["127.0.0.9"] },
    { usages: ["digital signature", "server auth"] },
  );
  await kubectl("certificate", "approve", "serving");
  assert.equal(new X509Certificate(await certificateOf("serving")).subjectAltName, "DNS:n1, IP Address:127.0.0.9");
});

void test("what a signer may not sign fails and says why", async () => {
  await ask(
    "stray",
    "kubernetes.io/kubelet-serving",
    { commonName: "system:node:n1", organizations: ["system:nodes"] },
    { usages: ["digital signature", "server auth"] },
  );
  await kubectl("certificate", "approve", "stray");
  await until("it fails", async () => {
    const text = await kubectl("get", "csr", "stray", "-o", `jsonpath={.status.conditions[?(@.type=="Failed")].message}`);
    assert.equal(text, "DNS or IP subjectAltName is required");
    return true;
  });
});

void test("a Secret for an account is filled with a token that works until the Secret or the account goes", async () => {
  await kubectl("create", "serviceaccount", "robot");
  const secret = (name: string, account: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, annotations: { "kubernetes.io/service-account.name": account } },
    type: "kubernetes.io/service-account-token",
  });
  await kubectl("create", "-f", kubectl.file("token.json", secret("robot-token", "robot")));
  const token = await until("the token is there", async () => {
    const { data, metadata } = await kubectl.json<{ data?: Record<string, string>; metadata: { annotations: Record<string, string> } }>(
      "get",
      "secret",
      "robot-token",
    );
    assert.ok(data?.["token"]);
    assert.deepEqual(Object.keys(data).toSorted(), ["ca.crt", "namespace", "token"]);
    assert.equal(Buffer.from(data["namespace"] ?? "", "base64").toString(), "default");
    assert.notEqual(metadata.annotations["kubernetes.io/service-account.uid"], undefined);
    return Buffer.from(data["token"], "base64").toString();
  });
  const whoAmI = () =>
    kubectl.run(["auth", "whoami", "--token", token, "-o", "jsonpath={.status.userInfo.username}"], { kubeconfig: bare });
  const config = JSON.parse(await kubectl("config", "view", "--raw", "-o", "json")) as { users: { user: object }[] };
  for (const one of config.users) one.user = {};
  const bare = kubectl.file("bare.kubeconfig", config);
  assert.equal((await whoAmI()).stdout, "system:serviceaccount:default:robot");
  await until("its use is noted", async () => {
    assert.match(
      await kubectl("get", "secret", "robot-token", "-o", "jsonpath={.metadata.labels}"),
      /"kubernetes.io\/legacy-token-last-used":"\d{4}-\d\d-\d\d"/,
    );
    return true;
  });
  await kubectl("delete", "serviceaccount", "robot");
  await until("the Secret goes with its account", async () => {
    assert.match(await kubectl.fails("get", "secret", "robot-token"), /not found/);
    return true;
  });
  assert.match((await whoAmI()).stderr, /Unauthorized|must be logged in/);
});

void test("a Secret for an account that is not there goes", async () => {
  const orphan = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "orphan", annotations: { "kubernetes.io/service-account.name": "nobody" } },
    type: "kubernetes.io/service-account-token",
  };
  await kubectl("create", "-f", kubectl.file("orphan.json", orphan));
  await until("it is gone", async () => {
    assert.match(await kubectl.fails("get", "secret", "orphan"), /not found/);
    return true;
  });
});
