// What an aggregated ClusterRole collects. Pure.

import type { ClusterRole, PolicyRule } from "#kinds/api/rbac-v1.gen.ts";
import { equal } from "#lib/equal.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";

/** The rules of all roles that `role` selects, in order of their names, each rule once. Undefined if it aggregates nothing. */
export function aggregatedRules(
  role: DeepReadonly<ClusterRole>,
  all: readonly DeepReadonly<ClusterRole>[],
): DeepReadonly<PolicyRule>[] | undefined {
  if (!role.aggregationRule) return undefined;
  const byName = all
    .filter((other) => other.metadata?.name !== role.metadata?.name)
    .toSorted((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1));
  const rules: DeepReadonly<PolicyRule>[] = [];
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const matcher = labelSelectorMatcher(selector);
    for (const other of byName) {
      if (!matcher.matches(other.metadata?.labels)) continue;
      for (const rule of other.rules ?? []) if (!rules.some((known) => equal(known, rule))) rules.push(rule);
    }
  }
  return rules;
}
