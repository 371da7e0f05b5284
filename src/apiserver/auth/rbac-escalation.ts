// Keeps people from granting what they do not have: checks writes of roles and bindings. Admission is the place, since it
// sees the defaulted object and the user.

import { equal } from "#lib/equal.ts";
import { type ApiError, forbidden, quote } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject, ObjectMeta } from "#meta/object.ts";
import type { AuthorizationAttributes, Authorizer } from "../access.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import type { UserInfo } from "../http.ts";
import { type BindingObject, MASTERS_GROUP, type Rbac, RBAC_GROUP, type RoleObject } from "./rbac.ts";
import { describeRules, missingRules, type PolicyRule } from "./rbac-rules.ts";

const ROLE_PLURALS: ReadonlySet<string> = new Set(["roles", "clusterroles"]);
const BINDING_PLURALS: ReadonlySet<string> = new Set(["rolebindings", "clusterrolebindings"]);
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** Refuses roles with rules their writer lacks (unless he may `escalate`) and bindings to such roles (unless he may `bind`). */
export function rbacEscalationCheck(rbac: Rbac, authorizer: Authorizer): AdmissionPlugin {
  const may = async (attributes: Partial<AuthorizationAttributes> & { user: UserInfo }): Promise<boolean> => {
    const decision = await authorizer.authorize({
      verb: "",
      isResourceRequest: true,
      apiGroup: RBAC_GROUP,
      apiVersion: "*",
      resource: "",
      subresource: "",
      namespace: "",
      name: "",
      path: "",
      ...attributes,
    });
    return decision.allowed;
  };

  const checkRole = async (attributes: AdmissionAttributes): Promise<void> => {
    const { user, namespace, resource } = attributes;
    const role: RoleObject & { aggregationRule?: unknown } = attributes.object ?? {};
    const before: (DeepReadonly<RoleObject> & { readonly aggregationRule?: unknown }) | undefined = attributes.oldObject;
    if (await may({ user, verb: "escalate", resource: resource.plural, namespace, name: attributes.name })) return;
    const name = role.metadata?.name ?? "";
    if ((role.aggregationRule || before?.aggregationRule) && missing(rbac, user, "", EVERYTHING)) {
      throw forbidden(resource, name, "must have cluster-admin privileges to use an aggregationRule");
    }
    const problem = missing(rbac, user, namespace, role.rules ?? []);
    if (problem !== undefined) throw forbidden(resource, name, problem);
  };

  const checkBinding = async (attributes: AdmissionAttributes): Promise<void> => {
    const { user, namespace, resource } = attributes;
    const binding = asBinding(attributes.object);
    if (!binding) return; // validation will say what is wrong with it
    const { roleRef } = binding;
    const plural = roleRef.kind === "ClusterRole" ? "clusterroles" : "roles";
    const scope = { namespace, ...(roleRef.apiGroup === undefined ? {} : { apiGroup: roleRef.apiGroup }) };
    if (await may({ user, verb: "bind", resource: plural, name: roleRef.name, ...scope })) return;
    const problem = missing(rbac, user, namespace, rbac.rulesOf(roleRef, namespace));
    if (problem !== undefined) throw forbidden(resource, binding.metadata?.name ?? "", problem);
  };

  return {
    name: "RBACEscalationCheck",
    handles: (operation, resource, subresource) =>
      resource.group === RBAC_GROUP &&
      subresource === "" &&
      (operation === "CREATE" || operation === "UPDATE") &&
      (ROLE_PLURALS.has(resource.plural) || BINDING_PLURALS.has(resource.plural)),
    validate(attributes) {
      if (attributes.user.groups.includes(MASTERS_GROUP) || changesOnlyCleanup(attributes)) return undefined;
      return ROLE_PLURALS.has(attributes.resource.plural) ? checkRole(attributes) : checkBinding(attributes);
    },
  };
}

/** What the user would need to hold to grant `rules`, in upstream's words; undefined if nothing is missing. */
function missing(rbac: Rbac, user: UserInfo, namespace: string, rules: readonly DeepReadonly<PolicyRule>[]): string | undefined {
  const held = rbac.resolve(user, namespace);
  const lacking = missingRules(held.rules, rules);
  if (lacking.length === 0) return undefined;
  const groups = user.groups.map(quote).join(" ");
  const errors = held.errors.map((error: ApiError) => error.message).join(" ");
  return (
    `user ${quote(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n` +
    describeRules(lacking).join("\n") +
    (errors === "" ? "" : `; resolution errors: [${errors}]`)
  );
}

/** Whether an update touches only what the garbage collector needs to let an object go. */
function changesOnlyCleanup({ object, oldObject }: AdmissionAttributes): boolean {
  if (!object || !oldObject) return false;
  const rest = (value: DeepReadonly<KubeObject>) => {
    const {
      ownerReferences: _owners,
      finalizers: _finalizers,
      managedFields: _managed,
      ...metadata
    } = (value.metadata ?? {}) as DeepReadonly<ObjectMeta>;
    return { ...value, metadata };
  };
  const changed = (read: (meta: DeepReadonly<ObjectMeta>) => unknown) =>
    !equal(read(object.metadata ?? {}), read(oldObject.metadata ?? {}));
  return (changed((meta) => meta.ownerReferences) || changed((meta) => meta.finalizers)) && equal(rest(object), rest(oldObject));
}

function asBinding(object: KubeObject | undefined): BindingObject | undefined {
  return object && "roleRef" in object && object.roleRef ? (object as BindingObject) : undefined; // checked by the schema before
}
