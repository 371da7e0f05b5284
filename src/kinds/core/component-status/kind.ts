import type { ComponentStatus } from "#kinds/api/core-v1.gen.ts";
import { nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";

const health = (object: DeepReadonly<ComponentStatus>) => object.conditions?.find((condition) => condition.type === "Healthy");

export const componentStatusHooks: KindHooks<ComponentStatus> = {
  columns: [
    nameColumn,
    text("Status", (object) => (!health(object) ? "Unknown" : health(object)?.status === "True" ? "Healthy" : "Unhealthy")),
    text("Message", (object) => health(object)?.message ?? ""),
    text("Error", (object) => health(object)?.error ?? ""),
  ],
};
