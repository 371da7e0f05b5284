// What Roles and ClusterRoles have in common.

import type { PolicyRule } from "#kinds/api/rbac-v1.gen.ts";
import { nameColumn } from "#kinds/shared/columns.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { Column } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";

export const RBAC_GROUP = "rbac.authorization.k8s.io";

export function validateRules(rules: DeepReadonly<PolicyRule[]> | undefined, namespaced: boolean): FieldError[] {
  return (rules ?? []).flatMap((rule, index) => validateRule(rule, namespaced, `rules[${index}]`));
}

function validateRule(rule: DeepReadonly<PolicyRule>, namespaced: boolean, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((rule.verbs ?? []).length === 0) errors.push(field.required(`${path}.verbs`, "verbs must contain at least one value"));
  const urls = rule.nonResourceURLs ?? [];
  const groups = rule.apiGroups ?? [];
  const resources = rule.resources ?? [];
  if (urls.length > 0) {
    const at = `${path}.nonResourceURLs`;
    if (namespaced) errors.push(field.invalid(at, urls, "namespaced rules cannot apply to non-resource URLs"));
    if (groups.length > 0 || resources.length > 0 || (rule.resourceNames ?? []).length > 0) {
      errors.push(field.invalid(at, urls, "rules cannot apply to both regular resources and non-resource URLs"));
    }
    return errors;
  }
  if (groups.length === 0) errors.push(field.required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  if (resources.length === 0) errors.push(field.required(`${path}.resources`, "resource rules must supply at least one resource"));
  return errors;
}

export const roleColumns: readonly Column<KubeObject>[] = [
  nameColumn,
  { name: "Created At", type: "date", value: (object) => object.metadata?.creationTimestamp ?? "<unknown>" },
];
