// ClusterRoles: rules that count everywhere, or wherever a RoleBinding names them.

import type { ClusterRole } from "#kinds/api/rbac-v1.gen.ts";
import { roleColumns, validateRules } from "#kinds/rbac/rules.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateLabelSelector } from "#meta/metadata-validation.ts";
import type { DeepReadonly } from "#meta/object.ts";

export const clusterRoleHooks: KindHooks<ClusterRole> = {
  createOnUpdate: true,
  nameRule: "path",
  validate: (next) => [...validateRules(next.rules, false), ...validateAggregation(next)],
  columns: roleColumns,
};

function validateAggregation({ aggregationRule }: DeepReadonly<ClusterRole>): FieldError[] {
  if (!aggregationRule) return [];
  const path = "aggregationRule.clusterRoleSelectors";
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) return [field.required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
  return selectors.flatMap((selector, index) => validateLabelSelector(selector, `${path}[${index}]`));
}
