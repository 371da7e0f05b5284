// RBAC in the API server: an authorizer over the stored roles and bindings, the check against escalation, and the roles and
// bindings every cluster has.

import { setImmediate } from "node:timers/promises";
import type { Authorizer } from "#apiserver/access.ts";
import { groupAuthorizer } from "#apiserver/auth/group-authorizer.ts";
import { createRbac, type Rbac } from "#apiserver/auth/rbac.ts";
import { rbacEscalationCheck } from "#apiserver/auth/rbac-escalation.ts";
import { reconcileBinding, reconcileRole } from "#apiserver/auth/rbac-reconcile.ts";
import type { ServerExtension } from "#apiserver/extension.ts";
import type { Registry } from "#apiserver/registry.ts";
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "#kinds/api/rbac-v1.gen.ts";
import { bootstrapPolicy, type BootstrapPolicy, nodeRules } from "./bootstrap-policy.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { equal } from "#lib/equal.ts";
import { clone } from "#lib/clone.ts";
import { type DeepReadonly, keyOf, type KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

/** One server's RBAC; make a new one for each. */
export interface RbacServer {
  readonly authorizers: (registry: Registry) => Promise<readonly Authorizer[]>;
  readonly extension: ServerExtension;
}

export function createRbacServer(): RbacServer {
  let running: Rbac | undefined;
  const policy = bootstrapPolicy();
  return {
    async authorizers(registry) {
      const caches = {
        roles: registry.cache(Role),
        clusterRoles: registry.cache(ClusterRole),
        roleBindings: registry.cache(RoleBinding),
        clusterRoleBindings: registry.cache(ClusterRoleBinding),
      };
      await Promise.all(Object.values(caches).map((cache) => cache.ready));
      running = createRbac({
        ...caches,
        defaults: {
          roles: [...policy.clusterRoles, ...policy.roles],
          bindings: [...policy.clusterRoleBindings, ...policy.roleBindings],
        },
      });
      // Upstream's node authorizer narrows this to what a node's own pods use; here a node may do all that its role says.
      return [groupAuthorizer({ group: "system:nodes", namePrefix: "system:node:", rules: nodeRules() }), running];
    },
    extension: {
      name: "rbac",
      start({ registry, authorizer }) {
        const rbac = running;
        if (!rbac) throw new TypeError("the authorizers of an RBAC server must be made before its extension starts");
        return Promise.resolve({
          admission: [rbacEscalationCheck(rbac, authorizer)],
          async afterStart() {
            // The first request goes first.
            await setImmediate();
            await storePolicy(registry, policy);
            rbac.dropDefaults();
          },
          stop: () => {
            rbac[Symbol.dispose]();
            return Promise.resolve();
          },
        });
      },
    },
  };
}

/** Creates what is missing of the policy and mends what lacks something, all at once: the store syncs them together. */
async function storePolicy(registry: Registry, policy: BootstrapPolicy): Promise<void> {
  await Promise.all([
    ...policy.clusterRoles.map((role) => ensure(registry, ClusterRole, role, reconcileRole)),
    ...policy.clusterRoleBindings.map((binding) => ensure(registry, ClusterRoleBinding, binding, reconcileBinding)),
    ...policy.roles.map((role) => ensure(registry, Role, role, reconcileRole)),
    ...policy.roleBindings.map((binding) => ensure(registry, RoleBinding, binding, reconcileBinding)),
  ]);
}

/** `reconcile` edits a stored object; true: it must be replaced. */
async function ensure<T extends KubeObject>(
  registry: Registry,
  resource: Resource<T>,
  wanted: T,
  reconcile: (stored: T, wanted: DeepReadonly<T>) => boolean | void,
): Promise<void> {
  const key = keyOf(wanted);
  const aim = wanted as DeepReadonly<T>; // T is data
  // Looked at in the cache first: at most starts there is nothing to do, and nothing is read or decoded.
  const cached = registry.cache(resource).get(key);
  if (cached) {
    const trial = clone(cached) as T; // a copy without the readonly marks
    if (!reconcile(trial, aim)) {
      if (!equal(trial, cached)) await registry.update(resource, key, (stored) => void reconcile(stored, aim));
      return;
    }
    await registry.delete(resource, key);
  }
  try {
    await registry.create(resource, clone(wanted) as T); // a copy: the registry owns what it is given
  } catch (error) {
    // Another server on the same store was first.
    if (!isAlreadyExists(error)) throw error;
  }
}
