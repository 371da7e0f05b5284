import type { ResourceClaim } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { defaultDeviceClaim, defaultTolerations } from "#kinds/resource/devices.ts";
import { dropDeallocated } from "./prepare.ts";
import { validateClaim } from "./validate.ts";
import type { KindHooks } from "#meta/kind.ts";

function stateCell({ metadata, status }: DeepReadonly<ResourceClaim>): string {
  const deleted = metadata?.deletionTimestamp !== undefined;
  const states = deleted ? ["deleted"] : [];
  if (status?.allocation) states.push("allocated", ...(status.reservedFor?.length ? ["reserved"] : []));
  else if (!deleted) states.push("pending");
  return states.join(",");
}

export const resourceClaimHooks = (check: CheckExpression): KindHooks<ResourceClaim> => ({
  default: ({ spec, status }) => {
    defaultDeviceClaim(spec?.devices);
    for (const result of status?.allocation?.devices?.results ?? []) defaultTolerations(result.tolerations);
  },
  validate: (next, previous, { subresource }) => validateClaim(next, previous, subresource, check),

  statusKeepsMetadata: "all",
  returnsDeleted: true,
  prepare: (next, previous, { subresource }) => {
    if (previous === undefined) next.status = {};
    else if (subresource === "status") dropDeallocated(next, previous);
  },
  generation: false,
  columns: [nameColumn, text("State", stateCell), ageColumn],
});
