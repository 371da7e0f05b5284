import type { ResourceClaim } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { KindHooks } from "#meta/kind.ts";

function stateCell({ metadata, status }: DeepReadonly<ResourceClaim>): string {
  const deleted = metadata?.deletionTimestamp !== undefined;
  const states = deleted ? ["deleted"] : [];
  if (status?.allocation) states.push("allocated", ...(status.reservedFor?.length ? ["reserved"] : []));
  else if (!deleted) states.push("pending");
  return states.join(",");
}

export const resourceClaimHooks: KindHooks<ResourceClaim> = {
  statusKeepsMetadata: "all",
  returnsDeleted: true,
  prepare: (next, previous) => {
    if (previous === undefined) next.status = {};
  },
  generation: false,
  columns: [nameColumn, text("State", stateCell), ageColumn],
};
