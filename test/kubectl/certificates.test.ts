// Certificate requests: kubectl certificate approve and deny, and what a signer writes.

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

/** Of `O=crew, CN=ann`, signed with a key that nobody kept. */
const REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIHXMH8CAQAwHTENMAsGA1UECgwEY3JldzEMMAoGA1UEAwwDYW5uMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAELDK7GWqgIOwrdrD0pdtnzuD9x5d+rJl/8Q1DSk8D
otL8zQqeJULckw6Cb6jIqOKl7qdaL6LjESr5AFp9EMhXiaAAMAoGCCqGSM49BAMC
A0gAMEUCICkpbXuH6MrscmQweQX6W/OWiTR109HniwF58U6QaaRXAiEA+HAzixlK
SvUB9AeAAimSQpT1bpmsvkEspRYASFfNSBU=
-----END CERTIFICATE REQUEST-----
`;

const signingRequest = (name: string, spec: object = {}) => ({
  apiVersion: "certificates.k8s.io/v1",
  kind: "CertificateSigningRequest",
  metadata: { name },
  spec: {
    request: Buffer.from(REQUEST).toString("base64"),
    signerName: "example.com/boats",
    usages: ["client auth", "digital signature"],
    expirationSeconds: 3600,
    ...spec,
  },
});
const conditions = (name: string) =>
  kubectl("get", "csr", name, "-o", "jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}{end}");

void test("a request knows who asked, waits, and is approved", async () => {
  const file = kubectl.file("ann.json", signingRequest("ann"));
  assert.equal(await kubectl("create", "-f", file), "certificatesigningrequest.certificates.k8s.io/ann created\n");
  assert.equal(
    await kubectl("get", "csr", "ann", "-o", "jsonpath={.spec.username} {.spec.groups}"),
    'kubernetes-admin ["system:masters","system:authenticated"]',
  );
  assert.match(
    await kubectl("get", "csr", "ann"),
    /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION\nann +\d+s +example\.com\/boats +kubernetes-admin +60m +Pending\n$/,
  );
  assert.equal(await kubectl("certificate", "approve", "ann"), "certificatesigningrequest.certificates.k8s.io/ann approved\n");
  assert.equal(await conditions("ann"), "Approved=True KubectlApprove");
  assert.match(await kubectl("get", "csr", "ann", "--no-headers"), / Approved\n$/);
  assert.match(
    await kubectl("describe", "csr", "ann"),
    /^Requesting User: +kubernetes-admin\nSigner: +example\.com\/boats\n(.*\n)*Status: +Approved\nSubject:\n {9}Common Name: +ann\n/m,
  );
  assert.match(await kubectl.fails("certificate", "deny", "ann"), /error: certificate signing request "ann" is already Approved/);
});

void test("a request is denied by file, and stays what it is", async () => {
  const file = kubectl.file("bob.json", signingRequest("bob"));
  await kubectl("create", "-f", file);
  assert.equal(await kubectl("certificate", "deny", "-f", file), "certificatesigningrequest.certificates.k8s.io/bob denied\n");
  assert.equal(await conditions("bob"), "Denied=True KubectlDeny");
  assert.match(await kubectl("get", "csr", "bob", "--no-headers"), / Denied\n$/);
  kubectl.file("bob.json", signingRequest("bob", { usages: ["server auth"] }));
  await kubectl("replace", "-f", file);
  assert.equal(
    await kubectl("get", "csr", "bob", "-o", "jsonpath={.spec.usages}"),
    '["client auth","digital signature"]',
    "what was asked for stays",
  );
  const status = {
    status: {
      conditions: [
        { type: "Denied", status: "True" },
        { type: "Approved", status: "True" },
      ],
    },
  };
  assert.match(
    await kubectl.fails("patch", "csr", "bob", "--subresource=approval", "--type=merge", "-p", JSON.stringify(status)),
    /status\.conditions: Invalid value: "Approved": Approved and Denied conditions are mutually exclusive/,
  );
});

void test("requests that make no sense, and approvals by those who may not", async () => {
  const fails = (spec: object) => kubectl.fails("create", "-f", kubectl.file("wrong.json", signingRequest("wrong", spec)));
  assert.match(
    await fails({ signerName: "boats" }),
    /spec\.signerName: Invalid value: "boats": must be a fully qualified domain and path of the form 'example\.com\/signer-name'/,
  );
  assert.match(await fails({ usages: ["fishing"] }), /spec\.usages\[0\]: Unsupported value: "fishing"/);
  assert.match(await fails({ usages: [] }), /spec\.usages: Required value/);
  assert.match(await fails({ request: "AAAA" }), /spec\.request: Invalid value: .*PEM block type must be CERTIFICATE REQUEST/);
  assert.match(
    await fails({ expirationSeconds: 10 }),
    /spec\.expirationSeconds: Invalid value: 10: may not specify a duration less than 600 seconds \(10 minutes\)/,
  );
  await kubectl("create", "-f", kubectl.file("cid.json", signingRequest("cid")));
  await kubectl(
    "create",
    "clusterrole",
    "approver",
    "--verb=update,get",
    "--resource=certificatesigningrequests,certificatesigningrequests/approval",
  );
  await kubectl("create", "clusterrolebinding", "approvers", "--clusterrole=approver", "--user=ann");
  assert.match(
    await kubectl.fails("certificate", "approve", "cid", "--as=ann"),
    /certificatesigningrequests\.certificates\.k8s\.io "cid" is forbidden: user not permitted to approve requests with signerName "example\.com\/boats"/,
  );
});
