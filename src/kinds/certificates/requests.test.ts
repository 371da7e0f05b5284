import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCertificateRequest, type RequestSubject } from "#harness/certificate-request.ts";
import type { CertificateSigningRequest } from "#kinds/api/certificates-v1.gen.ts";
import { isPast } from "./expiry.ts";
import { outlineOf, type RequestOutline } from "./request.ts";
import { isBuiltinSigner, wrongForSigner } from "./signers.ts";

const outline = (subject: RequestSubject): RequestOutline => {
  const found = outlineOf(Buffer.from(makeCertificateRequest(subject).pem).toString("base64"));
  assert.ok(found);
  return found;
};
const NODE = { commonName: "system:node:n1", organizations: ["system:nodes"] };

test("a request's outline tells its subject and names", () => {
  const { commonName, organizations, names } = outline({ ...NODE, dnsNames: ["a.b"], ipAddresses: ["10.0.0.1"] });
  assert.deepEqual([commonName, organizations], ["system:node:n1", ["system:nodes"]]);
  assert.deepEqual(names, [
    { type: "dns", value: "a.b" },
    { type: "ip", value: "10.0.0.1" },
  ]);
  assert.equal(outlineOf("bm90aGluZw=="), undefined);
});

const CLIENT = ["digital signature", "client auth"];
const SERVING = ["digital signature", "key encipherment", "server auth"];
const ROWS: readonly { signer: string; subject: RequestSubject; usages: string[]; wrong?: string }[] = [
  { signer: "kube-apiserver-client", subject: { commonName: "ann" }, usages: CLIENT },
  {
    signer: "kube-apiserver-client",
    subject: { commonName: "ann" },
    usages: ["server auth"],
    wrong: "invalid usage for client certificate: server auth",
  },
  {
    signer: "kube-apiserver-client",
    subject: { commonName: "ann" },
    usages: [],
    wrong: "missing required usage for client certificate: client auth",
  },
  { signer: "kube-apiserver-client-kubelet", subject: NODE, usages: CLIENT },
  {
    signer: "kube-apiserver-client-kubelet",
    subject: { commonName: "ann" },
    usages: CLIENT,
    wrong: "subject organization is not system:nodes",
  },
  {
    signer: "kube-apiserver-client-kubelet",
    subject: { ...NODE, dnsNames: ["a"] },
    usages: CLIENT,
    wrong: "DNS subjectAltNames are not allowed",
  },
  {
    signer: "kube-apiserver-client-kubelet",
    subject: { ...NODE, commonName: "ann" },
    usages: CLIENT,
    wrong: "subject common name does not begin with system:node:",
  },
  {
    signer: "kube-apiserver-client-kubelet",
    subject: NODE,
    usages: SERVING,
    wrong: "usages did not match [client auth digital signature key encipherment]",
  },
  { signer: "kubelet-serving", subject: { ...NODE, ipAddresses: ["10.0.0.1"] }, usages: SERVING },
  { signer: "kubelet-serving", subject: NODE, usages: SERVING, wrong: "DNS or IP subjectAltName is required" },
  { signer: "legacy-unknown", subject: { commonName: "x" }, usages: ["code signing"] },
];
for (const { signer, subject, usages, wrong } of ROWS) {
  test(`${signer} ${wrong === undefined ? "signs" : `refuses: ${wrong}`}`, () => {
    assert.equal(wrongForSigner(`kubernetes.io/${signer}`, outline(subject), usages), wrong);
  });
}

test("other signers' requests are not ours", () => {
  assert.equal(isBuiltinSigner("kubernetes.io/kubelet-serving"), true);
  assert.equal(isBuiltinSigner("example.com/boats"), false);
});

test("requests that were decided go after an hour, those that wait after a day", () => {
  const made = "2026-01-01T00:00:00Z";
  const request = (type?: string, certificate?: string): CertificateSigningRequest => ({
    metadata: { creationTimestamp: made },
    spec: { request: "", signerName: "" },
    status: {
      ...(type ? { conditions: [{ type, status: "True", lastUpdateTime: made }] } : {}),
      ...(certificate ? { certificate } : {}),
    },
  });
  const after = (hours: number) => Date.parse(made) + hours * 3_600_000 + 1;
  const rows: [CertificateSigningRequest, hours: number][] = [
    [request(), 24],
    [request("Denied"), 1],
    [request("Failed"), 1],
    [request("Approved"), 24],
    [request("Approved", "eA=="), 1],
  ];
  for (const [one, hours] of rows) {
    assert.equal(isPast(one, after(hours)), true, JSON.stringify(one.status));
    assert.equal(isPast(one, after(hours) - 2), false, JSON.stringify(one.status));
  }
});
