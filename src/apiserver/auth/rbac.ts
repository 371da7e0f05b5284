// Role-based access control: says what a user may do from roles and bindings. Knows their shape, not where they come from.
// It runs on every request, so bindings are indexed by subject and roles compiled once.

import { type ApiError, notFound, quote } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf, type KubeObject, makeKey, splitKey } from "#meta/object.ts";
import type { AuthorizationAttributes, Authorizer, Decision, NonResourceRule, ResourceRule } from "../access.ts";
import type { UserInfo } from "../http.ts";
import type { Cache } from "../registry.ts";
import { compileRules, type CompiledRules, type PolicyRule } from "./rbac-rules.ts";

export const RBAC_GROUP = "rbac.authorization.k8s.io";
/** Members may do everything, whatever the roles say. */
export const MASTERS_GROUP = "system:masters";

/** A Role or ClusterRole. */
export interface RoleObject extends KubeObject {
  rules?: PolicyRule[];
}

export interface Subject {
  kind: string;
  apiGroup?: string;
  name: string;
  namespace?: string;
}

export interface RoleRef {
  apiGroup?: string;
  kind: string;
  name: string;
}

/** A RoleBinding or ClusterRoleBinding. */
export interface BindingObject extends KubeObject {
  subjects?: Subject[];
  roleRef: RoleRef;
}

type RoleView = Pick<Cache<RoleObject>, "get">;
type BindingView = Pick<Cache<BindingObject>, "subscribe">;

/** Where roles and bindings come from. Objects must be replaced, never changed, when they change. */
export interface RbacSource {
  readonly roles: RoleView;
  readonly clusterRoles: RoleView;
  readonly roleBindings: BindingView;
  readonly clusterRoleBindings: BindingView;
  /** Roles and bindings that count until there are stored ones of the same name, or dropDefaults() is called. Those without namespace are cluster-wide. */
  readonly defaults?: { readonly roles: readonly DeepReadonly<RoleObject>[]; readonly bindings: readonly DeepReadonly<BindingObject>[] };
}

type Rules = readonly DeepReadonly<PolicyRule>[];

/** Rules a user has in a namespace, and what could not be resolved. */
export interface ResolvedRules {
  readonly rules: Rules;
  readonly errors: readonly ApiError[];
}

export interface Rbac extends Authorizer, Disposable {
  authorize(attributes: AuthorizationAttributes): Decision;
  /** All rules a user has in a namespace ("": cluster-wide ones only). */
  resolve(user: UserInfo, namespace: string): ResolvedRules;
  /** The rules a binding in `namespace` refers to ("": a cluster-wide binding). Throws ApiError notFound. */
  rulesOf(reference: DeepReadonly<RoleRef>, namespace: string): Rules;
  /** Once the defaults are stored, only stored objects count: someone may delete one. */
  dropDefaults(): void;
}

interface Grant {
  readonly binding: DeepReadonly<BindingObject>;
  readonly subject: DeepReadonly<Subject>;
}

/** Grants by subject (`u:name`, `g:name`), then by binding. */
type SubjectIndex = Map<string, Map<Key, Grant>>;

const NO_RULES: CompiledRules = compileRules([]);

/** An authorizer over `source`; follows its changes until disposed. */
export function createRbac(source: RbacSource): Rbac {
  const scopes = new Map<string, SubjectIndex>();
  const compiled = new WeakMap<DeepReadonly<RoleObject>, CompiledRules>();
  const defaultRoles = new Map<Key, DeepReadonly<RoleObject>>((source.defaults?.roles ?? []).map((role) => [keyOf(role), role]));
  const defaultBindings = new Map<Key, DeepReadonly<BindingObject>>();

  const index = (key: Key, binding: DeepReadonly<BindingObject>) => {
    const { namespace } = splitKey(key);
    let subjects = scopes.get(namespace);
    if (!subjects) scopes.set(namespace, (subjects = new Map()));
    for (const subject of binding.subjects ?? []) {
      const id = subjectId(subject, namespace);
      if (id === undefined) continue;
      let grants = subjects.get(id);
      if (!grants) subjects.set(id, (grants = new Map()));
      if (!grants.has(key)) grants.set(key, { binding, subject });
    }
  };
  const unindex = (key: Key, binding: DeepReadonly<BindingObject>) => {
    const { namespace } = splitKey(key);
    const subjects = scopes.get(namespace);
    for (const subject of binding.subjects ?? []) {
      const id = subjectId(subject, namespace);
      const grants = id === undefined ? undefined : subjects?.get(id);
      if (id === undefined || !grants?.delete(key) || grants.size > 0) continue;
      subjects?.delete(id);
    }
    if (subjects?.size === 0) scopes.delete(namespace);
  };

  for (const binding of source.defaults?.bindings ?? []) {
    const key = keyOf(binding);
    defaultBindings.set(key, binding);
    index(key, binding);
  }
  const onChange = ({ before, after }: { before?: DeepReadonly<BindingObject>; after?: DeepReadonly<BindingObject> }) => {
    const subject = after ?? before;
    if (!subject) return;
    const key = keyOf(subject);
    const replaced = defaultBindings.get(key);
    if (replaced) {
      unindex(key, replaced);
      defaultBindings.delete(key);
    }
    if (before) unindex(key, before);
    if (after) index(key, after);
  };
  const subscriptions = [source.roleBindings.subscribe(onChange), source.clusterRoleBindings.subscribe(onChange)];

  const roleOf = (reference: DeepReadonly<RoleRef>, namespace: string): DeepReadonly<RoleObject> | undefined => {
    if (reference.kind === "ClusterRole") {
      const key = makeKey("", reference.name);
      return source.clusterRoles.get(key) ?? defaultRoles.get(key);
    }
    const key = makeKey(namespace, reference.name);
    return source.roles.get(key) ?? defaultRoles.get(key);
  };
  const compiledOf = (role: DeepReadonly<RoleObject>): CompiledRules => {
    if (!role.rules || role.rules.length === 0) return NO_RULES;
    let rules = compiled.get(role);
    if (!rules) compiled.set(role, (rules = compileRules(role.rules)));
    return rules;
  };

  /** Calls `visit` for each grant of the user, cluster-wide ones first, until it returns true. */
  const visitGrants = (user: UserInfo, namespace: string, visit: (grant: Grant, scope: string) => boolean): void => {
    const visitScope = (scope: string): boolean => {
      const subjects = scopes.get(scope);
      if (!subjects) return false;
      const seen = user.groups.length > 0 ? new Set<Grant["binding"]>() : undefined;
      const visitSubject = (id: string): boolean => {
        const grants = subjects.get(id);
        if (!grants) return false;
        for (const grant of grants.values()) {
          // A binding may name the user and a group of his: its role counts once.
          if (seen?.has(grant.binding)) continue;
          seen?.add(grant.binding);
          if (visit(grant, scope)) return true;
        }
        return false;
      };
      return visitSubject(`u:${user.name}`) || user.groups.some((group) => visitSubject(`g:${group}`));
    };
    if (visitScope("") || namespace === "") return;
    visitScope(namespace);
  };

  const missingRole = (reference: DeepReadonly<RoleRef>): ApiError =>
    notFound({ group: RBAC_GROUP, plural: reference.kind.toLowerCase() }, reference.name);

  return {
    authorize(attributes) {
      const { user } = attributes;
      if (user.groups.includes(MASTERS_GROUP)) return { allowed: true, reason: "" };
      let allowedBy: string | undefined;
      let missing: Set<string> | undefined;
      visitGrants(user, attributes.namespace, (grant, scope) => {
        const role = roleOf(grant.binding.roleRef, scope);
        if (!role) {
          (missing ??= new Set()).add(missingRole(grant.binding.roleRef).message);
          return false;
        }
        if (!compiledOf(role).allow(attributes)) return false;
        allowedBy = `RBAC: allowed by ${describeGrant(grant, scope)}`;
        return true;
      });
      if (allowedBy !== undefined) return { allowed: true, reason: allowedBy };
      return { allowed: false, reason: missing ? `RBAC: ${aggregate([...missing])}` : "" };
    },
    rulesFor(user, namespace) {
      const { rules, errors } = this.resolve(user, namespace);
      const resourceRules: ResourceRule[] = [];
      const nonResourceRules: NonResourceRule[] = [];
      for (const { verbs, apiGroups = [], resources = [], resourceNames, nonResourceURLs = [] } of rules) {
        if (resources.length > 0) resourceRules.push({ verbs, apiGroups, resources, ...(resourceNames ? { resourceNames } : {}) });
        if (nonResourceURLs.length > 0) nonResourceRules.push({ verbs, nonResourceURLs });
      }
      const evaluationError = errors.length > 0 ? { evaluationError: aggregate([...new Set(errors.map((error) => error.message))]) } : {};
      return { resourceRules, nonResourceRules, incomplete: false, ...evaluationError };
    },
    resolve(user, namespace) {
      const rules: DeepReadonly<PolicyRule>[] = [];
      const errors: ApiError[] = [];
      visitGrants(user, namespace, (grant, scope) => {
        const role = roleOf(grant.binding.roleRef, scope);
        if (role) rules.push(...(role.rules ?? []));
        else errors.push(missingRole(grant.binding.roleRef));
        return false;
      });
      return { rules, errors };
    },
    rulesOf(reference, namespace) {
      const role = roleOf(reference, namespace);
      if (!role) throw missingRole(reference);
      return role.rules ?? [];
    },
    dropDefaults() {
      for (const [key, binding] of defaultBindings) unindex(key, binding);
      defaultBindings.clear();
      defaultRoles.clear();
    },
    [Symbol.dispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
    },
  };
}

/** The index entry of a subject; undefined if it can match nobody. */
function subjectId(subject: DeepReadonly<Subject>, bindingNamespace: string): string | undefined {
  if (subject.kind === "User") return `u:${subject.name}`;
  if (subject.kind === "Group") return `g:${subject.name}`;
  if (subject.kind !== "ServiceAccount") return undefined;
  const namespace = subject.namespace || bindingNamespace;
  return namespace === "" ? undefined : `u:system:serviceaccount:${namespace}:${subject.name}`;
}

function describeGrant({ binding, subject }: Grant, scope: string): string {
  const kind = scope === "" ? "ClusterRoleBinding" : "RoleBinding";
  const name = scope === "" ? (binding.metadata?.name ?? "") : `${binding.metadata?.name ?? ""}/${scope}`;
  const who = subject.kind === "ServiceAccount" ? `${subject.name}/${subject.namespace || scope}` : subject.name;
  return `${kind} ${quote(name)} of ${binding.roleRef.kind} ${quote(binding.roleRef.name)} to ${subject.kind} ${quote(who)}`;
}

/** Go's way of joining errors. */
function aggregate(messages: readonly string[]): string {
  return messages.length === 1 ? (messages[0] ?? "") : `[${messages.join(", ")}]`;
}
