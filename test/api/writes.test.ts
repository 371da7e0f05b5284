// Writes over the whole API: options, field validation, patches and apply, what each door of an object lets through.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ADMIN, startBuiltinServer, type BuiltinServer } from "#harness/builtin-server.ts";
import type { ManagedFieldsEntry } from "#meta/object.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const JSON_PATCH = "application/json-patch+json";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const APPLY = "application/apply-patch+yaml";
const JSON_BODY = "application/json";

interface Sent {
  readonly status: number;
  readonly warnings: string;
  readonly object: Record<string, unknown> & {
    message?: string;
    reason?: string;
    metadata?: { managedFields?: ManagedFieldsEntry[]; resourceVersion?: string };
  };
}

/** Sends text as it is. */
async function send(
  api: BuiltinServer,
  method: string,
  target: string,
  type: string,
  text: string,
  headers: Record<string, string> = {},
): Promise<Sent> {
  const [path = "", query = ""] = target.split("?");
  const response = await api.server.handler({
    method,
    path,
    query: new URLSearchParams(query),
    headers: { "content-type": type, ...headers },
    body: () => Promise.resolve(Buffer.from(text)),
    signal: new AbortController().signal,
    remoteAddress: "127.0.0.1",
    trustedUser: ADMIN,
  });
  assert.ok(response.body instanceof Uint8Array);
  return {
    status: response.status,
    warnings: response.headers["warning"] ?? "",
    object: JSON.parse(Buffer.from(response.body).toString("utf8")),
  };
}

const deployment = (spec = "") =>
  `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{${spec}"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}`;
const UNKNOWN_AND_TWICE = deployment('"unknownField":"unknown","replicas":2,"replicas":3,');
const STRICT = 'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"';

interface Case {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly body: string;
  readonly status: number;
  readonly message?: string | RegExp;
  readonly warnings?: string;
}

const CASES: readonly Case[] = [
  {
    name: "a create that is validated strictly names unknown and repeated fields",
    method: "POST",
    path: `${DEPLOYMENTS}?fieldValidation=Strict`,
    body: UNKNOWN_AND_TWICE,
    status: 400,
    message: `Deployment in version "v1" cannot be handled as a Deployment: ${STRICT}`,
  },
  {
    name: "by default it warns of them",
    method: "POST",
    path: `${DEPLOYMENTS}?dryRun=All`,
    body: UNKNOWN_AND_TWICE,
    status: 201,
    warnings: '299 - "unknown field \\"spec.unknownField\\"", 299 - "duplicate field \\"spec.replicas\\""',
  },
  {
    name: "or says nothing",
    method: "POST",
    path: `${DEPLOYMENTS}?dryRun=All&fieldValidation=Ignore`,
    body: UNKNOWN_AND_TWICE,
    status: 201,
    warnings: "",
  },
  {
    name: "unknown fields are found in metadata and in embedded objects",
    method: "POST",
    path: `${DEPLOYMENTS}?fieldValidation=Strict`,
    body: deployment().replace('"name":"d"', '"name":"d","unknownMeta":"x"').replace('"image":"i"', '"image":"i","imagee":"j"'),
    status: 400,
    message: /strict decoding error: unknown field "metadata.unknownMeta", unknown field "spec.template.spec.containers\[0\].imagee"$/,
  },
  {
    name: "a wrong fieldValidation, dryRun and manager are refused together",
    method: "POST",
    path: `${MAPS}?fieldValidation=strict&dryRun=true&fieldManager=${"x".repeat(129)}`,
    body: "{}",
    status: 422,
    message:
      'CreateOptions.meta.k8s.io "" is invalid: [fieldManager: Too long: may not be more than 128 bytes, dryRun: Unsupported value: ["true"]: supported values: "All", fieldValidation: Unsupported value: "strict": supported values: "", "Ignore", "Strict", "Warn"]',
  },
  {
    name: "a manager's name must be printable",
    method: "PUT",
    path: `${MAPS}/m?fieldManager=a%0Ab`,
    body: "{}",
    status: 422,
    message: /^UpdateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\nb": invalid character U\+000A \(at position 1\)$/,
  },
  {
    name: "a merge patch that is validated strictly is shown with what it makes",
    method: "PATCH",
    path: `${MAPS}/m?fieldValidation=Strict`,
    type: MERGE,
    body: '{"dataa":{"a":"b"},"data":{"x":"y","x":"z"}}',
    status: 422,
    message: /^ "" is invalid: patch: Invalid value: "\{.*\}": strict decoding error: duplicate field "data.x", unknown field "dataa"$/,
  },
  {
    name: "a strategic merge patch is shown itself",
    method: "PATCH",
    path: `${MAPS}/m?fieldValidation=Strict`,
    type: STRATEGIC,
    body: '{"dataa":{"a":"b"}}',
    status: 422,
    message: ' "" is invalid: patch: Invalid value: "map[dataa:map[a:b]]": strict decoding error: unknown field "dataa"',
  },
  {
    name: "a JSON patch's own fields are looked at",
    method: "PATCH",
    path: `${MAPS}/m?fieldValidation=Strict`,
    type: JSON_PATCH,
    body: '[{"op":"add","path":"/data/n","value":"1","foo":"bar","op":"add"}]',
    status: 422,
    message: /strict decoding error: json patch unknown field "\[0\].foo", json patch duplicate field "\[0\].op"$/,
  },
  {
    name: "a patch with a wrong type is about the patch",
    method: "PATCH",
    path: `${MAPS}/m`,
    type: MERGE,
    body: '{"data":{"a":1}}',
    status: 422,
    message: /patch: Invalid value: .*cannot unmarshal number into Go struct field ConfigMap.data of type string$/,
  },
  {
    name: "a test that fails",
    method: "PATCH",
    path: `${MAPS}/m`,
    type: JSON_PATCH,
    body: '[{"op":"test","path":"/data/a","value":"2"}]',
    status: 422,
    message: "the server rejected our request due to an error in our request",
  },
  {
    name: "too many operations",
    method: "PATCH",
    path: `${MAPS}/m`,
    type: JSON_PATCH,
    body: JSON.stringify(Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "ConfigMap" }))),
    status: 413,
    message: "The allowed maximum operations in a JSON patch is 10000, got 10001",
  },
  {
    name: "a patch without a known type",
    method: "PATCH",
    path: `${MAPS}/m`,
    type: "application/apply-patch+cbor",
    body: "{}",
    status: 415,
    message: `the body of the request was in an unknown format - accepted media types include: ${JSON_PATCH}, ${MERGE}, ${STRATEGIC}, ${APPLY}`,
  },
  {
    name: "a patch that is no JSON",
    method: "PATCH",
    path: `${MAPS}/m`,
    type: MERGE,
    body: "{",
    status: 400,
    message: /^error decoding patch: /,
  },
  {
    name: "force is for apply",
    method: "PATCH",
    path: `${MAPS}/m?force=true`,
    type: MERGE,
    body: "{}",
    status: 422,
    message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  },
  {
    name: "apply needs a manager",
    method: "PATCH",
    path: `${MAPS}/m`,
    type: APPLY,
    body: "{}",
    status: 422,
    message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  },
  {
    name: "apply takes no managedFields",
    method: "PATCH",
    path: `${MAPS}/m?fieldManager=x`,
    type: APPLY,
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","managedFields":[{"manager":"y"}]}}',
    status: 400,
    message: "metadata.managedFields must be nil",
  },
  {
    name: "apply of another name",
    method: "PATCH",
    path: `${MAPS}/m?fieldManager=x`,
    type: APPLY,
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"other"}}',
    status: 400,
    message: "the name of the object (other) does not match the name on the URL (m)",
  },
  {
    name: "apply of another namespace",
    method: "PATCH",
    path: `${MAPS}/m?fieldManager=x`,
    type: APPLY,
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","namespace":"elsewhere"}}',
    status: 400,
    message: "the namespace of the provided object does not match the namespace sent on the request",
  },
  {
    name: "apply that should create an object with a uid",
    method: "PATCH",
    path: `${MAPS}/new?fieldManager=x`,
    type: APPLY,
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new","uid":"u"}}',
    status: 409,
    message:
      'Operation cannot be fulfilled on configmaps "new": uid mismatch: the provided object specified uid u, and no existing object was found',
  },
  {
    name: "apply in YAML with a key twice, strictly",
    method: "PATCH",
    path: `${MAPS}/m?fieldManager=x&fieldValidation=Strict`,
    type: APPLY,
    body: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  k: p\n  k: q\n",
    status: 400,
    message: 'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key "k" already set in map',
  },
  {
    name: "the same with a warning",
    method: "PATCH",
    path: `${MAPS}/m?fieldManager=x&dryRun=All`,
    type: APPLY,
    body: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  k: p\n  k: q\n",
    status: 200,
    warnings: '299 - "line 7: key \\"k\\" already set in map"',
  },
  {
    name: "apply through status creates nothing",
    method: "PATCH",
    path: `${DEPLOYMENTS}/none/status?fieldManager=x`,
    type: APPLY,
    body: deployment().replace('"d"', '"none"'),
    status: 404,
  },
  {
    name: "a patch cannot change the uid",
    method: "PATCH",
    path: `${MAPS}/m`,
    type: MERGE,
    body: '{"metadata":{"uid":"other"}}',
    status: 422,
    message: 'ConfigMap "m" is invalid: metadata.uid: Invalid value: "other": field is immutable',
  },
  {
    name: "a patch for an old version",
    method: "PATCH",
    path: `${MAPS}/m`,
    type: MERGE,
    body: '{"metadata":{"resourceVersion":"1"}}',
    status: 409,
    message: /the object has been modified/,
  },
  {
    name: "a scale without a name",
    method: "PUT",
    path: `${DEPLOYMENTS}/s/scale`,
    body: '{"spec":{"replicas":1}}',
    status: 400,
    message: "the name of the object (s based on URL) was undeterminable: name must be provided",
  },
  {
    name: "a scale with an unknown field",
    method: "PATCH",
    path: `${DEPLOYMENTS}/s/scale?fieldValidation=Strict`,
    type: MERGE,
    body: '{"spec":{"replicas":1,"size":2}}',
    status: 422,
    message: /strict decoding error: unknown field "spec.size"$/,
  },
  {
    name: "a negative scale",
    method: "PATCH",
    path: `${DEPLOYMENTS}/s/scale`,
    type: MERGE,
    body: '{"spec":{"replicas":-1}}',
    status: 422,
    message: 'Scale.autoscaling "s" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  },
];

test("requests and their answers", async (t) => {
  await using api = await startBuiltinServer();
  await api.call("POST", MAPS, { metadata: { name: "m" }, data: { a: "1" } });
  await send(api, "POST", DEPLOYMENTS, JSON_BODY, deployment().replace('"d"', '"s"'));
  for (const { name, method, path, type = JSON_BODY, body, status, message, warnings } of CASES) {
    await t.test(name, async () => {
      const answer = await send(api, method, path, type, body);
      assert.equal(answer.status, status, answer.object.message ?? "");
      if (typeof message === "string") assert.equal(answer.object.message, message);
      else if (message) assert.match(answer.object.message ?? "", message);
      if (warnings !== undefined) assert.equal(answer.warnings, warnings);
    });
  }
});

test("the manager is the request's, else what its user agent begins with", async () => {
  await using api = await startBuiltinServer();
  const created = await send(api, "POST", MAPS, JSON_BODY, '{"metadata":{"name":"m"},"data":{"a":"1"}}', {
    "user-agent": "tool/v1 (linux)",
  });
  const [entry] = created.object.metadata?.managedFields ?? [];
  assert.deepEqual([entry?.manager, entry?.operation, entry?.apiVersion, entry?.fieldsType], ["tool", "Update", "v1", "FieldsV1"]);
  assert.deepEqual(entry?.fieldsV1, { "f:data": { ".": {}, "f:a": {} } });
  const patched = await send(api, "PATCH", `${MAPS}/m?fieldManager=me`, MERGE, '{"data":{"a":"2"}}', { "user-agent": "tool/v1" });
  const shown = (patched.object.metadata?.managedFields ?? []).map(({ manager, fieldsV1 }) => [manager, fieldsV1]);
  assert.deepEqual(shown, [
    ["me", { "f:data": { "f:a": {} } }],
    ["tool", { "f:data": {} }],
  ]);
});

test("a write that changes nothing keeps the version, though time has passed", async () => {
  await using api = await startBuiltinServer();
  const created = await send(api, "POST", MAPS, JSON_BODY, '{"metadata":{"name":"m"},"data":{"a":"1"}}');
  await api.clock.advance(60_000);
  const version = created.object.metadata?.resourceVersion;
  const put = await send(api, "PUT", `${MAPS}/m`, JSON_BODY, '{"metadata":{"name":"m"},"data":{"a":"1"}}');
  assert.equal(put.object.metadata?.resourceVersion, version);
  const patched = await send(api, "PATCH", `${MAPS}/m`, MERGE, "{}");
  assert.equal(patched.object.metadata?.resourceVersion, version);
});

test("fields that are empty vanish where upstream's types leave them out", async () => {
  await using api = await startBuiltinServer();
  await api.call("POST", "/api/v1/nodes", { metadata: { name: "n" }, spec: { taints: [{ key: "k", effect: "NoSchedule" }] } });
  const { object } = await send(api, "PATCH", "/api/v1/nodes/n", STRATEGIC, '{"spec":{"taints":[],"podCIDR":""}}');
  assert.equal("taints" in (object["spec"] as object), false);
  const role = await api.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {
    metadata: { name: "r", labels: {} },
    rules: [],
  });
  assert.deepEqual([role.object["rules"], "labels" in (role.object.metadata ?? {})], [[], false]);
});

test("each door changes its own part", async (t) => {
  await using api = await startBuiltinServer();
  const pod = { metadata: { name: "p", labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
  await api.call("POST", PODS, pod);
  await t.test("status takes labels of a pod, not its owners", async () => {
    const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "u" };
    const { object } = await api.call("PATCH", `${PODS}/p/status`, {
      metadata: { labels: { c: "d" }, ownerReferences: [owner] },
      spec: { nodeName: "x" },
      status: { phase: "Running" },
    });
    assert.deepEqual(object.metadata?.labels, { a: "b", c: "d" });
    assert.equal(object.metadata?.ownerReferences, undefined);
    assert.equal((object["spec"] as { nodeName?: string }).nodeName, undefined);
    assert.equal((object["status"] as { phase: string }).phase, "Running");
  });
  await t.test("status of a Deployment does not take labels", async () => {
    await send(api, "POST", DEPLOYMENTS, JSON_BODY, deployment());
    const { object } = await api.call("PATCH", `${DEPLOYMENTS}/d/status`, { metadata: { labels: { c: "d" } }, status: { replicas: 3 } });
    assert.deepEqual([object.metadata?.labels, (object["status"] as { replicas: number }).replicas], [undefined, 3]);
  });
  await t.test("ephemeralcontainers takes those alone, strictly if asked, tracked and dry-run", async () => {
    const body = (image: string, extra = "") => `{"spec":{"nodeName":"x","ephemeralContainers":[{"name":"e","image":"${image}"${extra}}]}}`;
    const path = `${PODS}/p/ephemeralcontainers`;
    const refused = await send(api, "PATCH", `${path}?fieldValidation=Strict`, STRATEGIC, body("i", ',"imagee":"x"'));
    assert.match(refused.object.message ?? "", /unknown field "spec.ephemeralContainers\[0\].imagee"/);
    const tried = await send(api, "PATCH", `${path}?dryRun=All`, STRATEGIC, body("i"));
    assert.equal(tried.status, 200, tried.object.message ?? "");
    const added = await send(api, "PATCH", `${path}?fieldManager=debug`, STRATEGIC, body("i"));
    assert.equal(added.status, 200, added.object.message ?? "");
    const spec = added.object["spec"] as { nodeName?: string; ephemeralContainers: { name: string }[] };
    assert.deepEqual([spec.nodeName, spec.ephemeralContainers.map(({ name }) => name)], [undefined, ["e"]]);
    const entry = added.object.metadata?.managedFields?.find(({ manager }) => manager === "debug");
    assert.equal(entry?.subresource, "ephemeralcontainers");
  });
  await t.test("a verb that the door does not have", async () => {
    assert.equal((await send(api, "PATCH", "/api/v1/namespaces/default/finalize", MERGE, "{}")).status, 405);
  });
});

test("a node keeps the status it is created with, a pod does not", async () => {
  await using api = await startBuiltinServer();
  const node = await api.call("POST", "/api/v1/nodes", {
    metadata: { name: "n" },
    status: { nodeInfo: { kubeletVersion: "v1" }, capacity: { cpu: "2" } },
  });
  assert.deepEqual((node.object["status"] as { capacity: object }).capacity, { cpu: "2" });
  const pod = await api.call("POST", PODS, {
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "i" }] },
    status: { phase: "Running" },
  });
  assert.equal((pod.object["status"] as { phase: string }).phase, "Pending");
});

test("who may update but not create makes nothing by updating or applying", async () => {
  await using api = await startBuiltinServer();
  const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const rules = [{ apiGroups: ["", "coordination.k8s.io"], resources: ["configmaps", "leases"], verbs: ["update", "patch"] }];
  await api.call("POST", `${roles}/roles`, { metadata: { name: "r" }, rules });
  const subjects = [{ kind: "User", name: "joe", apiGroup: "rbac.authorization.k8s.io" }];
  await api.call("POST", `${roles}/rolebindings`, {
    metadata: { name: "r" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
    subjects,
  });
  const joe = { name: "joe", groups: ["system:authenticated"] };
  const applied = await api.callAs(
    joe,
    "PATCH",
    `${MAPS}/m?fieldManager=x`,
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m" } },
    { "content-type": APPLY },
  );
  assert.equal(applied.status, 403);
  assert.equal(
    applied.object.message,
    'configmaps "m" is forbidden: User "joe" cannot create resource "configmaps" in API group "" in the namespace "default"',
  );
  const lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
  const put = { metadata: { name: "l" }, spec: {} };
  assert.equal((await api.callAs(joe, "PUT", lease, put)).status, 403);
  assert.equal((await api.call("PUT", lease, put)).status, 201);
});

test("managers of the replicas go over between an object and its scale", async () => {
  await using api = await startBuiltinServer();
  const apply = (path: string, manager: string, body: string) => send(api, "PATCH", `${path}?fieldManager=${manager}`, APPLY, body);
  await apply(`${DEPLOYMENTS}/d`, "me", deployment('"replicas":2,'));
  const scale = '{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"d"},"spec":{"replicas":3}}';
  const refused = await apply(`${DEPLOYMENTS}/d/scale`, "scaler", scale);
  assert.deepEqual([refused.status, refused.object.message], [409, 'Apply failed with 1 conflict: conflict with "me": .spec.replicas']);
  const forced = await apply(`${DEPLOYMENTS}/d/scale`, "scaler&force=true", scale);
  assert.equal(forced.status, 200, forced.object.message ?? "");
  const { object } = await api.call("GET", `${DEPLOYMENTS}/d`);
  const owners = (object.metadata?.managedFields ?? []).filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes("f:replicas"));
  assert.deepEqual(
    owners.map(({ manager, operation, apiVersion, subresource, fieldsV1 }) => [manager, operation, apiVersion, subresource, fieldsV1]),
    [["scaler", "Apply", "apps/v1", "scale", { "f:spec": { "f:replicas": {} } }]],
  );
});

test("warnings are told once, and cut when they are too many", async () => {
  await using api = await startBuiltinServer();
  const fields = Array.from({ length: 20 }, (_, index) => `"${String(index).padStart(3, "0")}${"x".repeat(400)}":1`);
  const { warnings } = await send(api, "POST", `${MAPS}?dryRun=All`, JSON_BODY, `{"metadata":{"name":"w"},${fields.join(",")}}`);
  const texts = warnings.split(", ");
  assert.equal(texts.length, 16);
  assert.ok(texts.every((text) => text.length < 300));
});
