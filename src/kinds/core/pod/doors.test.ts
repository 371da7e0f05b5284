import assert from "node:assert/strict";
import { test } from "node:test";
import { ADMIN, startBuiltinServer, type Answer, type BuiltinServer } from "#harness/builtin-server.ts";
import type { ManagedFieldsEntry } from "#meta/object.ts";

const PODS = "/api/v1/namespaces/default/pods";
const resources = { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2", memory: "2Gi" } };
const spec = { containers: [{ name: "c", image: "i:1", resources }] };

async function withPod(): Promise<BuiltinServer> {
  const server = await startBuiltinServer();
  const { status, object } = await server.call("POST", PODS, { metadata: { name: "p" }, spec });
  assert.equal(status, 201, object.message ?? "");
  return server;
}

const resize = ({ callAs }: BuiltinServer, body: unknown): Promise<Answer> =>
  callAs(ADMIN, "PATCH", `${PODS}/p/resize`, body, { "content-type": "application/json-patch+json" });

const apply = ({ callAs }: BuiltinServer, subresource: string, body: unknown): Promise<Answer> =>
  callAs(ADMIN, "PATCH", `${PODS}/p/${subresource}?fieldManager=me`, body, { "content-type": "application/apply-patch+yaml" });

const REFUSED: readonly { name: string; patch: unknown; message: RegExp }[] = [
  {
    name: "a container's resources",
    patch: [{ op: "remove", path: "/spec/containers/0/resources" }],
    message: /spec\.containers\[0\]\.resources\.requests: Forbidden: resource requests cannot be removed/,
  },
  {
    name: "one limit",
    patch: [{ op: "remove", path: "/spec/containers/0/resources/limits/cpu" }],
    message: /spec\.containers\[0\]\.resources\.limits: Forbidden: resource limits cannot be removed/,
  },
  { name: "the whole spec", patch: [{ op: "remove", path: "/spec" }], message: /spec\.containers: Required value/ },
];
for (const { name, patch, message } of REFUSED) {
  test(`resize refuses to remove ${name}`, async () => {
    await using server = await withPod();
    const { status, object } = await resize(server, patch);
    assert.equal(status, 422, JSON.stringify(object));
    assert.match(object.message ?? "", message);
  });
}

test("resize changes resources and leaves everything else", async () => {
  await using server = await withPod();
  const { status, object } = await resize(server, [
    { op: "replace", path: "/spec/containers/0/resources/limits/cpu", value: "3" },
    { op: "replace", path: "/spec/containers/0/image", value: "other" },
    { op: "add", path: "/metadata/labels", value: { a: "b" } },
  ]);
  assert.equal(status, 200, object.message ?? "");
  const [container] = (object["spec"] as { containers: { image: string; resources: unknown }[] }).containers;
  assert.equal(container?.image, "i:1");
  assert.deepEqual(container?.resources, { ...resources, limits: { cpu: "3", memory: "2Gi" } });
});

const fieldsOf = (answer: Answer, subresource: string): unknown =>
  ((answer.object.metadata?.managedFields ?? []) as ManagedFieldsEntry[]).find((entry) => entry.subresource === subresource)?.fieldsV1;

test("who applies through resize owns resources and resize policies alone", async () => {
  await using server = await withPod();
  const answer = await apply(server, "resize", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", labels: { a: "b" } },
    spec: { containers: [{ name: "c", image: "i:1", resources }] },
  });
  assert.equal(answer.status, 200, answer.object.message ?? "");
  const amounts = { "f:cpu": {}, "f:memory": {} };
  assert.deepEqual(fieldsOf(answer, "resize"), {
    "f:spec": { "f:containers": { 'k:{"name":"c"}': { ".": {}, "f:resources": { "f:limits": amounts, "f:requests": amounts } } } },
  });
});

test("who applies through ephemeralcontainers owns these alone", async () => {
  await using server = await withPod();
  const answer = await apply(server, "ephemeralcontainers", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { priority: 0, ephemeralContainers: [{ name: "e", image: "e:1" }] },
  });
  assert.equal(answer.status, 200, answer.object.message ?? "");
  assert.deepEqual(fieldsOf(answer, "ephemeralcontainers"), {
    "f:spec": { "f:ephemeralContainers": { 'k:{"name":"e"}': { ".": {}, "f:image": {}, "f:name": {} } } },
  });
});

interface BodyCase {
  readonly name: string;
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  readonly message?: RegExp;
}
const ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default/token";
const BODIES: readonly BodyCase[] = [
  {
    name: "an eviction with an unknown field",
    path: `${PODS}/p/eviction?fieldValidation=Strict`,
    body: { metadata: { name: "p" }, force: true },
    status: 400,
    message: /Eviction in version "v1" cannot be handled as a Eviction: strict decoding error: unknown field "force"/,
  },
  {
    name: "an eviction of another version",
    path: `${PODS}/p/eviction`,
    body: { apiVersion: "policy/v2", kind: "Eviction", metadata: { name: "p" } },
    status: 400,
    message: /the API version in the data \(policy\/v2\) does not match the expected API version \(policy\/v1\)/,
  },
  {
    name: "an eviction of the old version",
    path: `${PODS}/p/eviction`,
    body: { apiVersion: "policy/v1beta1", kind: "Eviction", metadata: { name: "p" } },
    status: 201,
  },
  {
    name: "an eviction in another namespace",
    path: `${PODS}/p/eviction`,
    body: { metadata: { name: "p", namespace: "other" } },
    status: 400,
    message: /the namespace of the provided object does not match the namespace sent on the request/,
  },
  {
    name: "an eviction with a dangerous option",
    path: `${PODS}/p/eviction`,
    body: { metadata: { name: "p" }, deleteOptions: { ignoreStoreReadErrorWithClusterBreakingPotential: true } },
    status: 422,
    message: /deleteOptions\.ignoreStoreReadErrorWithClusterBreakingPotential: Invalid value: true: can not be set for pod eviction/,
  },
  {
    name: "an eviction of the wrong type",
    path: `${PODS}/p/eviction`,
    body: { metadata: { name: "p" }, deleteOptions: { gracePeriodSeconds: "1" } },
    status: 400,
    message: /cannot be handled as a Eviction: json: cannot unmarshal string into Go struct field/,
  },
  {
    name: "a binding with an unknown field",
    path: `${PODS}/p/binding?fieldValidation=Strict`,
    body: { metadata: { name: "p" }, target: { name: "n", zone: "z" } },
    status: 400,
    message: /strict decoding error: unknown field "target\.zone"/,
  },
  {
    name: "a binding to nothing",
    path: `${PODS}/p/binding`,
    body: { metadata: { name: "p" }, target: { kind: "Rack" } },
    status: 500,
    message: /^\[target\.kind: Unsupported value: "Rack": supported values: "Node", "<empty>", target\.name: Required value\]$/,
  },
  {
    name: "a token with an unknown field",
    path: `${ACCOUNT}?fieldValidation=Strict`,
    body: { spec: { audience: "a" } },
    status: 400,
    message: /TokenRequest in version "v1" cannot be handled as a TokenRequest: strict decoding error: unknown field "spec\.audience"/,
  },
  {
    name: "a token for another account",
    path: ACCOUNT,
    body: { metadata: { name: "other" } },
    status: 422,
    message: /metadata\.name: Invalid value: "other": must match the service account name if specified/,
  },
  {
    name: "a token for an account that is gone",
    path: ACCOUNT,
    body: { metadata: { uid: "old" } },
    status: 409,
    message: /the UID in the token request \(old\) does not match the UID of the service account/,
  },
  { name: "a token", path: ACCOUNT, body: { spec: {} }, status: 201 },
];
for (const { name, path, body, status, message } of BODIES) {
  test(`${name}: ${status}`, async () => {
    await using server = await withPod();
    const answer = await server.call("POST", path, body);
    assert.equal(answer.status, status, JSON.stringify(answer.object));
    if (message) assert.match(answer.object.message ?? "", message);
  });
}
