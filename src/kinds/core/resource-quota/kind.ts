import type { ResourceQuota } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { validateQuota } from "./validate.ts";

function usage({ status }: DeepReadonly<ResourceQuota>, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .toSorted()
    .filter((name) => name.startsWith("limits.") === limits)
    .map((name) => `${name}: ${status?.used?.[name] ?? "0"}/${status?.hard?.[name] ?? "0"}`)
    .join(", ");
}

export const resourceQuotaHooks: KindHooks<ResourceQuota> = {
  returnsDeleted: true,
  default: ({ spec, status }) => {
    canonicalize(spec?.hard);
    canonicalize(status?.hard);
    canonicalize(status?.used);
  },
  prepare: (next, previous) => {
    if (previous === undefined) next.status = {};
  },
  validate: (next, previous, { subresource }) => validateQuota(next, previous, subresource),
  generation: false,
  columns: [nameColumn, text("Request", (quota) => usage(quota, false)), text("Limit", (quota) => usage(quota, true)), ageColumn],
};
