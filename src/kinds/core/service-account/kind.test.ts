import assert from "node:assert/strict";
import { test } from "node:test";
import { startBuiltinServer } from "#harness/builtin-server.ts";
import type { ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { serviceAccountHooks } from "./kind.ts";

const ENFORCE = "kubernetes.io/enforce-mountable-secrets";
const WARNING = `metadata.annotations[${ENFORCE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`;
const annotated: ServiceAccount = { metadata: { annotations: { [ENFORCE]: "true" } } };

const WARNINGS: readonly { name: string; next: ServiceAccount; previous?: ServiceAccount; expected: string[] }[] = [
  { name: "not set", next: {}, expected: [] },
  { name: "set at creation", next: annotated, expected: [WARNING] },
  { name: "set later", next: annotated, previous: {}, expected: [WARNING] },
  { name: "left as it was", next: annotated, previous: annotated, expected: [] },
];
for (const { name, next, previous, expected } of WARNINGS) {
  test(`enforced mountable secrets ${name}: ${expected.length === 0 ? "no warning" : "a warning"}`, () => {
    assert.deepEqual(serviceAccountHooks.warnings?.(next, previous, { subresource: "" }), expected);
  });
}

test("an account is stored with secrets by name alone, and listed by name and age", async () => {
  await using api = await startBuiltinServer();
  const path = "/api/v1/namespaces/default/serviceaccounts";
  const { status, object } = await api.call("POST", path, {
    metadata: { name: "a" },
    secrets: [{ name: "s", namespace: "elsewhere", kind: "Secret", uid: "u" }, { name: "t" }],
  });
  assert.equal(status, 201);
  assert.deepEqual(object["secrets"], [{ name: "s" }, { name: "t" }]);
  const now = Date.parse(object.metadata?.creationTimestamp ?? "") + 60_000;
  const cells = serviceAccountHooks.columns?.map((column) => [column.name, column.value(object as ServiceAccount, now)]);
  assert.deepEqual(cells, [
    ["Name", "a"],
    ["Age", "60s"],
  ]);
});

test("a name must be a DNS subdomain", async () => {
  await using api = await startBuiltinServer();
  const { status, object } = await api.call("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "Not_OK" } });
  assert.equal(status, 422);
  assert.match(
    object.message ?? "",
    /^ServiceAccount "Not_OK" is invalid: metadata\.name: Invalid value: "Not_OK": a lowercase RFC 1123 subdomain/,
  );
});
