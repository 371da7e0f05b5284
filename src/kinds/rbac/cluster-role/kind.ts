// ClusterRoles: rules that count everywhere, or wherever a RoleBinding names them.

import type { ClusterRole } from "#kinds/api/rbac-v1.gen.ts";
import { roleColumns, validateRules } from "#kinds/rbac/rules.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import { checkLabelSelector } from "#kinds/shared/checks.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";

export const clusterRoleHooks: KindHooks<ClusterRole> = {
  createOnUpdate: true,
  nameRule: "path",
  validate: (next, previous) => [...validateRules(next.rules, false), ...validateAggregation(next, previous)],
  columns: roleColumns,
};

/** An update may keep values in selectors that no label can have. */
function validateAggregation(next: DeepReadonly<ClusterRole>, previous: DeepReadonly<ClusterRole> | undefined): FieldError[] {
  if (!next.aggregationRule) return [];
  const path = "aggregationRule.clusterRoleSelectors";
  const selectors = next.aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) return [field.required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
  const before = previous?.aggregationRule?.clusterRoleSelectors ?? [];
  const anyValue = before.some((selector) => checkedSelector(selector, "", false).length > 0);
  return selectors.flatMap((selector, index) => {
    const at = `${path}[${index}]`;
    const errors = checkedSelector(selector, at, anyValue);
    if (!isParsable(selector)) errors.push(field.invalid(at, null, "invalid label selector."));
    return errors;
  });
}

function checkedSelector(selector: DeepReadonly<LabelSelector>, path: string, anyValue: boolean): FieldError[] {
  const errors: FieldError[] = [];
  checkLabelSelector(errors, path, selector, anyValue);
  return errors;
}

function isParsable(selector: DeepReadonly<LabelSelector>): boolean {
  try {
    labelSelectorMatcher(selector);
    return true;
  } catch {
    return false;
  }
}
