import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole, RoleBinding } from "#kinds/api/rbac-v1.gen.ts";
import { invalid } from "#meta/errors.ts";
import { clusterRoleBindingHooks } from "./cluster-role-binding/kind.ts";
import { clusterRoleHooks } from "./cluster-role/kind.ts";
import { roleBindingHooks } from "./role-binding/kind.ts";
import { roleHooks } from "./role/kind.ts";

const GROUP = "rbac.authorization.k8s.io";
const CONTEXT = { subresource: "" };
const messages = (errors: Parameters<typeof invalid>[2] | undefined) =>
  errors?.length
    ? invalid({ group: "", kind: "X" }, "x", errors).status.details?.causes?.map((cause) => `${cause.field}: ${cause.message}`)
    : [];

const RULES: readonly { name: string; rule: NonNullable<ClusterRole["rules"]>[number]; role: string[]; clusterRole: string[] }[] = [
  { name: "complete", rule: { verbs: ["get"], apiGroups: [""], resources: ["pods"] }, role: [], clusterRole: [] },
  {
    name: "empty",
    rule: { verbs: [] },
    ...both([
      "rules[0].verbs: Required value: verbs must contain at least one value",
      "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
      "rules[0].resources: Required value: resource rules must supply at least one resource",
    ]),
  },
  {
    name: "for URLs",
    rule: { verbs: ["get"], nonResourceURLs: ["/x"] },
    role: [`rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs`],
    clusterRole: [],
  },
  {
    name: "for URLs and resources",
    rule: { verbs: ["get"], nonResourceURLs: ["/x"], apiGroups: [""] },
    role: [
      `rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs`,
      `rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs`,
    ],
    clusterRole: [`rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs`],
  },
];
function both(errors: string[]): { role: string[]; clusterRole: string[] } {
  return { role: errors, clusterRole: errors };
}
for (const { name, rule, role, clusterRole } of RULES) {
  test(`a rule that is ${name}: in a Role and in a ClusterRole`, () => {
    assert.deepEqual(messages(roleHooks.validate?.({ rules: [rule] }, undefined, CONTEXT)), role);
    assert.deepEqual(messages(clusterRoleHooks.validate?.({ rules: [rule] }, undefined, CONTEXT)), clusterRole);
  });
}

test("an aggregation rule needs a selector", () => {
  assert.deepEqual(messages(clusterRoleHooks.validate?.({ aggregationRule: {} }, undefined, CONTEXT)), [
    "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
  ]);
});

const bind = (changes: Partial<RoleBinding>): RoleBinding => {
  const binding: RoleBinding = { roleRef: { kind: "ClusterRole", name: "view" }, ...changes };
  roleBindingHooks.default?.(binding);
  return binding;
};
const BINDINGS: readonly { name: string; binding: RoleBinding; namespaced: string[]; cluster: string[] }[] = [
  {
    name: "with subjects of every kind",
    binding: bind({
      subjects: [
        { kind: "User", name: "a" },
        { kind: "Group", name: "b" },
        { kind: "ServiceAccount", name: "c", namespace: "d" },
      ],
    }),
    namespaced: [],
    cluster: [],
  },
  {
    name: "to an account without namespace",
    binding: bind({ subjects: [{ kind: "ServiceAccount", name: "c" }] }),
    namespaced: [],
    cluster: ["subjects[0].namespace: Required value"],
  },
  {
    name: "to a Role",
    binding: bind({ roleRef: { kind: "Role", name: "x" } }),
    namespaced: [],
    cluster: [`roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"`],
  },
  ...[
    { name: "to nothing", binding: bind({ roleRef: { kind: "ClusterRole", name: "" } }), errors: ["roleRef.name: Required value"] },
    {
      name: "to a name with a slash",
      binding: bind({ roleRef: { kind: "ClusterRole", name: "a/b" } }),
      errors: [`roleRef.name: Invalid value: "a/b": may not contain '/'`],
    },
    {
      name: "to another group",
      binding: bind({ roleRef: { apiGroup: "x", kind: "ClusterRole", name: "a" } }),
      errors: [`roleRef.apiGroup: Unsupported value: "x": supported values: "${GROUP}"`],
    },
    {
      name: "with a subject of no kind",
      binding: bind({ subjects: [{ kind: "Robot", name: "r" }] }),
      errors: [`subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"`],
    },
    {
      name: "with an account in a group",
      binding: bind({ subjects: [{ kind: "ServiceAccount", apiGroup: GROUP, name: "a", namespace: "b" }] }),
      errors: [`subjects[0].apiGroup: Unsupported value: "${GROUP}": supported values: ""`],
    },
  ].map(({ name, binding, errors }) => ({ name, binding, namespaced: errors, cluster: errors })),
];
for (const { name, binding, namespaced, cluster } of BINDINGS) {
  test(`a binding ${name}: in a namespace and in the cluster`, () => {
    assert.deepEqual(messages(roleBindingHooks.validate?.(binding, undefined, CONTEXT)), namespaced);
    assert.deepEqual(messages(clusterRoleBindingHooks.validate?.(binding, undefined, CONTEXT)), cluster);
  });
}

test("the role of a binding cannot change", () => {
  const errors = roleBindingHooks.validate?.(bind({}), bind({ roleRef: { kind: "ClusterRole", name: "edit" } }), CONTEXT);
  assert.match(messages(errors)?.join() ?? "", /^roleRef: Invalid value: .*: cannot change roleRef$/);
});

test("columns show the role and who has it", () => {
  const binding = bind({
    metadata: { name: "b", creationTimestamp: "2026-01-01T00:00:00Z" },
    subjects: [
      { kind: "User", name: "ann" },
      { kind: "User", name: "bob" },
      { kind: "Group", name: "devs" },
      { kind: "ServiceAccount", name: "bot", namespace: "shop" },
    ],
  });
  const now = Date.parse("2026-01-01T00:05:00Z");
  assert.deepEqual(
    roleBindingHooks.columns?.map((column) => [column.name, column.value(binding, now), column.wide ?? false]),
    [
      ["Name", "b", false],
      ["Role", "ClusterRole/view", false],
      ["Age", "5m", false],
      ["Users", "ann, bob", true],
      ["Groups", "devs", true],
      ["ServiceAccounts", "shop/bot", true],
    ],
  );
});
