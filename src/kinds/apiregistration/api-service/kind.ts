import type { APIService } from "#kinds/api/apiregistration-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { getCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { KindHooks } from "#meta/kind.ts";

function availableCell({ status }: DeepReadonly<APIService>): string {
  const available = getCondition(status?.conditions, "Available");
  if (!available) return "Unknown";
  return available.status === "True" ? "True" : `${available.status} (${available.reason ?? ""})`;
}

export const apiServiceHooks: KindHooks<APIService> = {
  default: ({ spec }) => {
    if (spec?.service) spec.service.port ??= 443;
  },
  columns: [
    nameColumn,
    text("Service", ({ spec }) => (spec?.service ? `${spec.service.namespace ?? ""}/${spec.service.name ?? ""}` : "Local")),
    text("Available", availableCell),
    ageColumn,
  ],
};
