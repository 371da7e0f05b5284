// Fills ClusterRoles that have an aggregationRule with the rules of the ClusterRoles it selects.

import { ClusterRole, type PolicyRule } from "#kinds/api/rbac-v1.gen.ts";
import { equal } from "#lib/equal.ts";
import { keyOf, type DeepReadonly } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { watch, type ControllerDefinition } from "#reconcile/controller.ts";

type Role = DeepReadonly<ClusterRole>;

export const clusterRoleAggregationController: ControllerDefinition = {
  name: "clusterrole-aggregation-controller",
  for: ClusterRole,
  // Which roles select the changed one is not looked up: aggregated roles are few, and reconciling one is cheap.
  watches: [
    watch(ClusterRole, (_role, cache) =>
      cache(ClusterRole)
        .list()
        .filter((role) => role.aggregationRule)
        .map(keyOf),
    ),
  ],
  concurrency: 5,
  async reconcile(key, { cache, client, signal }) {
    const role = cache(ClusterRole).get(key);
    if (!role?.aggregationRule) return;
    const rules = aggregatedRules(role, cache(ClusterRole).list());
    if (equal(rules, role.rules ?? [])) return;
    await client.update(ClusterRole, { ...role, rules } as ClusterRole, { signal }); // only rules are new: nothing shared is changed
  },
};

/** The rules of all roles that `role` selects, in order of their names, each once. Pure. */
export function aggregatedRules(role: Role, all: readonly Role[]): DeepReadonly<PolicyRule>[] {
  const rules: DeepReadonly<PolicyRule>[] = [];
  const byName = (a: Role, b: Role) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1);
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const matcher = labelSelectorMatcher(selector);
    for (const other of all.filter((candidate) => matcher.matches(candidate.metadata?.labels)).toSorted(byName)) {
      if (other.metadata?.name === role.metadata?.name) continue;
      for (const rule of other.rules ?? []) if (!rules.some((known) => equal(known, rule))) rules.push(rule);
    }
  }
  return rules;
}
