import type { APIService } from "#kinds/api/apiregistration-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { getCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateApiService, validateApiServiceStatus } from "./validate.ts";

function availableCell({ status }: DeepReadonly<APIService>): string {
  const available = getCondition(status?.conditions, "Available");
  if (!available) return "Unknown";
  return available.status === "True" || !available.reason ? available.status : `${available.status} (${available.reason})`;
}

export const apiServiceHooks: KindHooks<APIService> = {
  default: ({ spec }) => {
    if (spec?.service) spec.service.port ??= 443;
  },
  prepare: (next, previous, { now }) => {
    if (previous !== undefined) return;
    const local = {
      type: "Available",
      status: "True",
      reason: "Local",
      message: "Local APIServices are always available",
      lastTransitionTime: now,
    };
    next.status = next.spec?.service ? {} : { conditions: [local] };
  },
  // The name says version and group, which the validation of the object checks.
  nameRule: "path",
  validate: (next, _previous, { subresource }) => (subresource === "status" ? validateApiServiceStatus(next) : validateApiService(next)),
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    text("Service", ({ spec }) => (spec?.service ? `${spec.service.namespace ?? ""}/${spec.service.name ?? ""}` : "Local")),
    text("Available", availableCell),
    ageColumn,
  ],
};
