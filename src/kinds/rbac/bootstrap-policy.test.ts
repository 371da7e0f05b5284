import assert from "node:assert/strict";
import { test } from "node:test";
import { startBuiltinServer } from "#harness/builtin-server.ts";
import { bootstrapPolicy } from "./bootstrap-policy.ts";
import { clusterRoleBindingHooks } from "./cluster-role-binding/kind.ts";
import { aggregatedRules } from "./cluster-role/aggregate.ts";
import { clusterRoleHooks } from "./cluster-role/kind.ts";
import { roleBindingHooks } from "./role-binding/kind.ts";
import { roleHooks } from "./role/kind.ts";

const CONTEXT = { subresource: "" };

test("the policy is valid and says so of itself", () => {
  const policy = bootstrapPolicy();
  for (const role of policy.clusterRoles)
    assert.deepEqual(clusterRoleHooks.validate?.(role, undefined, CONTEXT), [], `${role.metadata?.name}`);
  for (const role of policy.roles) assert.deepEqual(roleHooks.validate?.(role, undefined, CONTEXT), [], `${role.metadata?.name}`);
  for (const one of policy.clusterRoleBindings) assert.deepEqual(clusterRoleBindingHooks.validate?.(one, undefined, CONTEXT), []);
  for (const one of policy.roleBindings) assert.deepEqual(roleBindingHooks.validate?.(one, undefined, CONTEXT), []);
  const all = [...policy.clusterRoles, ...policy.clusterRoleBindings, ...policy.roles, ...policy.roleBindings];
  for (const { metadata } of all) {
    assert.equal(metadata?.labels?.["kubernetes.io/bootstrapping"], "rbac-defaults");
    assert.equal(metadata?.annotations?.["rbac.authorization.kubernetes.io/autoupdate"], "true");
  }
});

test("each binding refers to a role of the policy, each controller role has its binding", () => {
  const policy = bootstrapPolicy();
  const roles = new Set(policy.clusterRoles.map((role) => role.metadata?.name));
  const bound = new Set(policy.clusterRoleBindings.map((one) => one.roleRef.name));
  for (const one of policy.clusterRoleBindings) assert.ok(roles.has(one.roleRef.name), one.roleRef.name);
  for (const name of roles) if (name?.startsWith("system:controller:")) assert.ok(bound.has(name), name);
  assert.equal(roles.size, policy.clusterRoles.length, "no name twice");
});

test("aggregated roles hold from the start what the controller would give them, so that it writes nothing", () => {
  const { clusterRoles } = bootstrapPolicy();
  for (const name of ["admin", "edit", "view"]) {
    const role = clusterRoles.find((one) => one.metadata?.name === name);
    assert.ok(role);
    assert.deepEqual(aggregatedRules(role, clusterRoles), role.rules, name);
  }
});

test("a server stores the policy, mends what lacks something, and leaves alone what a person took over", async () => {
  const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  const bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  const count = bootstrapPolicy().clusterRoles.length;
  await using first = await startBuiltinServer();
  await first.until(roles, ({ object }) => object.items?.length === count);
  await first.until(bindings, ({ object }) => object.items?.length === bootstrapPolicy().clusterRoleBindings.length);

  const custom = { verbs: ["get"], apiGroups: ["mine"], resources: ["things"] };
  await first.call("PATCH", `${roles}/system:basic-user`, { rules: [custom] });
  await first.call("PATCH", `${roles}/system:heapster`, {
    rules: [custom],
    metadata: { annotations: { "rbac.authorization.kubernetes.io/autoupdate": "false" } },
  });
  await first.call("PATCH", `${bindings}/system:discovery`, { subjects: [] });
  await first.call("DELETE", `${bindings}/system:basic-user`);
  await first.call("DELETE", `${bindings}/system:monitoring`);
  await first.call("POST", bindings, {
    metadata: { name: "system:monitoring" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
  });
  const untouched = await first.call("GET", `${roles}/cluster-admin`);

  await using second = await startBuiltinServer({ store: first.store, namespaces: [] });
  await second.until(`${bindings}/system:basic-user`, ({ status }) => status === 200);
  await second.until(`${bindings}/system:monitoring`, ({ object }) =>
    JSON.stringify(object["roleRef"] ?? {}).includes("system:monitoring"),
  );
  const { object: basic } = await second.until(`${roles}/system:basic-user`, ({ object }) =>
    JSON.stringify(object["rules"]).includes("selfsubjectaccessreviews"),
  );
  assert.ok(JSON.stringify(basic["rules"]).includes("things"), "what a person added stays");
  const { object: discovery } = await second.until(`${bindings}/system:discovery`, ({ object }) =>
    JSON.stringify(object["subjects"] ?? []).includes("system:authenticated"),
  );
  assert.equal((discovery["subjects"] as unknown[]).length, 1);
  assert.deepEqual((await second.call("GET", `${roles}/system:heapster`)).object["rules"], [custom]);
  const after = await second.call("GET", `${roles}/cluster-admin`);
  assert.equal(after.object.metadata?.resourceVersion, untouched.object.metadata?.resourceVersion, "what is right is not written");
});
