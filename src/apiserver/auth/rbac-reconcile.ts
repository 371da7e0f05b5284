// Brings stored default roles and bindings up to date: adds what they lack, never takes away what people added. Pure.

import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import type { DeepReadonly, KubeObject, LabelSelector } from "#meta/object.ts";
import type { BindingObject, RoleObject } from "./rbac.ts";
import { missingRules } from "./rbac-rules.ts";

/** `false` on a stored object: leave it alone. */
const AUTO_UPDATE_ANNOTATION = "rbac.authorization.kubernetes.io/autoupdate";

/** A ClusterRole that collects others' rules. */
interface AggregatingRole extends RoleObject {
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
}

/** Edits `stored` to grant all of `wanted`. Rules of aggregated roles are left to whoever aggregates. */
export function reconcileRole(stored: AggregatingRole, wanted: DeepReadonly<AggregatingRole>): void {
  if (isProtected(stored)) return;
  mergeMetadata(stored, wanted);
  if (wanted.aggregationRule) {
    const has = stored.aggregationRule?.clusterRoleSelectors ?? [];
    const lacking = (wanted.aggregationRule.clusterRoleSelectors ?? []).filter((selector) => !has.some((one) => equal(one, selector)));
    if (lacking.length > 0) stored.aggregationRule = { clusterRoleSelectors: [...has, ...clone(lacking)] };
    return;
  }
  const lacking = missingRules(stored.rules ?? [], wanted.rules ?? []);
  if (lacking.length > 0) stored.rules = [...(stored.rules ?? []), ...lacking];
}

/** As reconcileRole. True if `stored` refers to another role: that cannot be changed, it must be replaced. */
export function reconcileBinding(stored: BindingObject, wanted: DeepReadonly<BindingObject>): boolean {
  if (isProtected(stored)) return false;
  if (!equal(stored.roleRef, wanted.roleRef)) return true;
  mergeMetadata(stored, wanted);
  const has = stored.subjects ?? [];
  const lacking = (wanted.subjects ?? []).filter(
    (subject) =>
      !has.some((one) => one.kind === subject.kind && one.name === subject.name && (one.namespace ?? "") === (subject.namespace ?? "")),
  );
  if (lacking.length > 0) stored.subjects = [...has, ...clone(lacking)];
  return false;
}

function isProtected(stored: KubeObject): boolean {
  return stored.metadata?.annotations?.[AUTO_UPDATE_ANNOTATION] === "false";
}

function mergeMetadata(stored: KubeObject, wanted: DeepReadonly<KubeObject>): void {
  const metadata = (stored.metadata ??= {});
  for (const part of ["labels", "annotations"] as const) {
    const merged = { ...wanted.metadata?.[part], ...metadata[part] };
    if (!equal(merged, metadata[part] ?? {})) metadata[part] = merged;
  }
}
