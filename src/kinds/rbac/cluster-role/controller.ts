// Keeps the rules of aggregated ClusterRoles equal to those of the roles they select.

import { ClusterRole } from "#kinds/api/rbac-v1.gen.ts";
import { equal } from "#lib/equal.ts";
import { keyOf } from "#meta/object.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";
import { aggregatedRules } from "./aggregate.ts";

export const clusterRoleAggregationController: ControllerDefinition = {
  name: "clusterrole-aggregation-controller",
  for: ClusterRole,
  // Any role may be selected by any aggregating one, and there are few of those.
  watches: [
    {
      resource: ClusterRole,
      map: (_, cache) =>
        cache(ClusterRole)
          .list()
          .filter((role) => role.aggregationRule)
          .map(keyOf),
    },
  ],
  concurrency: 1,
  async reconcile(key, { cache, client, signal }) {
    const role = cache(ClusterRole).get(key);
    const rules = role && aggregatedRules(role, cache(ClusterRole).list());
    if (!rules || equal(rules, role.rules ?? [])) return;
    await client.patch(ClusterRole, key, { rules }, { type: "merge", signal });
  },
};
