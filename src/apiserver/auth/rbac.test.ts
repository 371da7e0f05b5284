import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeepReadonly, Key } from "#meta/object.ts";
import { keyOf } from "#meta/object.ts";
import type { AuthorizationAttributes } from "../access.ts";
import type { UserInfo } from "../http.ts";
import { type BindingObject, createRbac, type RbacSource, type RoleObject, type RoleRef, type Subject } from "./rbac.ts";

/** A cache that a test fills. */
function view<T extends RoleObject | BindingObject>(objects: readonly T[]) {
  const byKey = new Map<Key, DeepReadonly<T>>(objects.map((object) => [keyOf(object), object as DeepReadonly<T>]));
  type Change = { readonly before?: DeepReadonly<T>; readonly after?: DeepReadonly<T> };
  const listeners = new Set<(change: Change) => void>();
  return {
    get: (key: Key) => byKey.get(key),
    subscribe(listener: (change: Change) => void): Disposable {
      for (const after of byKey.values()) listener({ after });
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    put(object: T) {
      const before = byKey.get(keyOf(object));
      const after = object as DeepReadonly<T>;
      byKey.set(keyOf(object), after);
      for (const listener of listeners) listener({ ...(before ? { before } : {}), after });
    },
    delete(key: Key) {
      const before = byKey.get(key);
      if (!before || !byKey.delete(key)) return;
      for (const listener of listeners) listener({ before });
    },
  };
}
const role = (name: string, namespace: string | undefined, verbs: string, resources: string): RoleObject => ({
  metadata: { name, ...(namespace ? { namespace } : {}) },
  rules: [{ verbs: verbs.split(","), apiGroups: [""], resources: resources.split(",") }],
});
const subject = (text: string): Subject => {
  const [kind = "", name = "", namespace] = text.split("|");
  return { kind, name, ...(namespace === undefined ? {} : { namespace }) };
};
const binding = (name: string, namespace: string | undefined, reference: string, ...subjects: string[]): BindingObject => {
  const [kind = "", roleName = ""] = reference.split("|");
  const roleRef: RoleRef = { kind, name: roleName };
  return { metadata: { name, ...(namespace ? { namespace } : {}) }, roleRef, subjects: subjects.map(subject) };
};
const source = (options: {
  roles?: RoleObject[];
  clusterRoles?: RoleObject[];
  roleBindings?: BindingObject[];
  clusterRoleBindings?: BindingObject[];
  defaults?: RbacSource["defaults"];
}) => ({
  roles: view(options.roles ?? []),
  clusterRoles: view(options.clusterRoles ?? []),
  roleBindings: view(options.roleBindings ?? []),
  clusterRoleBindings: view(options.clusterRoleBindings ?? []),
  ...(options.defaults ? { defaults: options.defaults } : {}),
});
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups });
const ask = (who: UserInfo, verb: string, resource: string, namespace = ""): AuthorizationAttributes => ({
  user: who,
  verb,
  isResourceRequest: true,
  apiGroup: "",
  apiVersion: "v1",
  resource,
  subresource: "",
  namespace,
  name: "",
  path: "",
});

const world = () =>
  source({
    clusterRoles: [
      role("reader", undefined, "get,list", "pods"),
      role("secrets", undefined, "get", "secrets"),
      { metadata: { name: "empty" } },
    ],
    roles: [role("writer", "a", "create", "pods"), role("writer", "b", "delete", "pods")],
    clusterRoleBindings: [
      binding("readers", undefined, "ClusterRole|reader", "Group|devs", "User|ann"),
      binding("empty", undefined, "ClusterRole|empty", "User|ann"),
      binding("robots", undefined, "ClusterRole|reader", "ServiceAccount|bot|a", "ServiceAccount|homeless"),
      binding("gone", undefined, "ClusterRole|gone", "User|eve"),
      binding("masters", undefined, "ClusterRole|reader", "Group|system:masters"),
    ],
    roleBindings: [
      binding("writers", "a", "Role|writer", "User|ann", "ServiceAccount|local"),
      binding("writers", "b", "Role|writer", "Group|devs"),
      binding("secrets", "a", "ClusterRole|secrets", "User|bob"),
      binding("lost", "a", "Role|lost", "User|eve"),
    ],
  });

const IDENTITIES: Readonly<Record<string, UserInfo>> = {
  ann: user("ann", "system:authenticated"),
  dev: user("dan", "devs", "system:authenticated"),
  bob: user("bob"),
  bot: user("system:serviceaccount:a:bot", "system:serviceaccounts", "system:serviceaccounts:a"),
  local: user("system:serviceaccount:a:local"),
  homeless: user("system:serviceaccount:default:homeless"),
  root: user("root", "system:masters"),
  nobody: user("system:anonymous", "system:unauthenticated"),
};
/** Who may: verb, resource, namespace -> names of identities. Everybody else may not. */
const MATRIX: readonly [verb: string, resource: string, namespace: string, allowed: string][] = [
  ["list", "pods", "", "ann dev bot root"],
  ["list", "pods", "a", "ann dev bot root"],
  ["create", "pods", "", "root"],
  ["create", "pods", "a", "ann local root"],
  ["create", "pods", "b", "root"],
  ["delete", "pods", "a", "root"],
  ["delete", "pods", "b", "dev root"],
  ["get", "secrets", "", "root"],
  ["get", "secrets", "a", "bob root"],
  ["get", "secrets", "b", "root"],
  ["list", "secrets", "a", "root"],
];
for (const [verb, resource, namespace, allowed] of MATRIX) {
  test(`${verb} ${resource} in "${namespace}" is for ${allowed} alone`, () => {
    using rbac = createRbac(world());
    const may = Object.entries(IDENTITIES).filter(([, who]) => rbac.authorize(ask(who, verb, resource, namespace)).allowed);
    assert.deepEqual(may.map(([name]) => name).toSorted(), allowed.split(" ").toSorted());
  });
}

test("an allowed request says by what, a denied one names the roles that are missing", () => {
  using rbac = createRbac(world());
  assert.equal(
    rbac.authorize(ask(user("ann"), "get", "pods")).reason,
    `RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to User "ann"`,
  );
  assert.equal(
    rbac.authorize(ask(user("system:serviceaccount:a:local"), "create", "pods", "a")).reason,
    `RBAC: allowed by RoleBinding "writers/a" of Role "writer" to ServiceAccount "local/a"`,
  );
  assert.equal(rbac.authorize(ask(user("root", "system:masters"), "get", "pods")).reason, "");
  assert.equal(rbac.authorize(ask(user("ann"), "delete", "pods")).reason, "");
  assert.equal(rbac.authorize(ask(user("eve"), "get", "pods")).reason, `RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found`);
  assert.equal(
    rbac.authorize(ask(user("eve"), "get", "pods", "a")).reason,
    `RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "lost" not found]`,
  );
});

test("changes of bindings and roles count at once", () => {
  const from = world();
  using rbac = createRbac(from);
  const may = (verb: string) => rbac.authorize(ask(user("new"), verb, "pods")).allowed;
  assert.equal(may("get"), false);
  from.clusterRoleBindings.put(binding("more", undefined, "ClusterRole|reader", "User|new"));
  assert.equal(may("get"), true);
  from.clusterRoles.put(role("reader", undefined, "delete", "pods"));
  assert.deepEqual([may("get"), may("delete")], [false, true]);
  from.clusterRoleBindings.put(binding("more", undefined, "ClusterRole|reader", "User|other"));
  assert.equal(may("delete"), false);
  assert.equal(rbac.authorize(ask(user("other"), "delete", "pods")).allowed, true);
  from.clusterRoleBindings.delete("/more");
  assert.equal(rbac.authorize(ask(user("other"), "delete", "pods")).allowed, false);
});

test("defaults count until stored objects take their place or they are dropped", () => {
  const from = source({
    defaults: { roles: [role("view", undefined, "get", "pods")], bindings: [binding("view", undefined, "ClusterRole|view", "Group|all")] },
  });
  using rbac = createRbac(from);
  const may = (verb: string) => rbac.authorize(ask(user("x", "all"), verb, "pods")).allowed;
  assert.equal(may("get"), true);
  from.clusterRoles.put(role("view", undefined, "list", "pods"));
  assert.deepEqual([may("get"), may("list")], [false, true]);
  from.clusterRoleBindings.put(binding("view", undefined, "ClusterRole|view", "Group|others"));
  assert.equal(may("list"), false);
  from.clusterRoleBindings.delete("/view");
  assert.equal(may("list"), false);

  using later = createRbac(source(from.defaults ? { defaults: from.defaults } : {}));
  assert.equal(later.authorize(ask(user("x", "all"), "get", "pods")).allowed, true);
  later.dropDefaults();
  assert.equal(later.authorize(ask(user("x", "all"), "get", "pods")).allowed, false);
});

test("rulesFor tells rules of the namespace and cluster, each binding once, and what is missing", () => {
  using rbac = createRbac(world());
  assert.deepEqual(rbac.rulesFor?.(user("ann", "devs"), "a"), {
    resourceRules: [
      { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] },
      { verbs: ["create"], apiGroups: [""], resources: ["pods"] },
    ],
    nonResourceRules: [],
    incomplete: false,
  });
  assert.equal(rbac.rulesFor?.(user("eve"), "").evaluationError, `clusterrole.rbac.authorization.k8s.io "gone" not found`);
});

test("ten thousand bindings cost a request microseconds", () => {
  const many = Array.from({ length: 10_000 }, (_, n) =>
    binding(`b${n}`, undefined, "ClusterRole|reader", `User|user-${n}`, `Group|group-${n}`),
  );
  using rbac = createRbac(source({ clusterRoles: [role("reader", undefined, "get", "pods")], clusterRoleBindings: many }));
  const attributes = ask(user("user-5000", "group-77", "system:authenticated"), "get", "pods", "default");
  const denied = ask(user("stranger", "system:authenticated"), "get", "pods", "default");
  const rounds = 5000;
  const start = performance.now();
  for (let n = 0; n < rounds; n++) {
    assert.equal(rbac.authorize(attributes).allowed, true);
    assert.equal(rbac.authorize(denied).allowed, false);
  }
  const microseconds = ((performance.now() - start) * 1000) / rounds;
  // A scan of all bindings takes about a millisecond; the margin is for busy machines.
  assert.ok(microseconds < 100, `${microseconds} us`);
});
