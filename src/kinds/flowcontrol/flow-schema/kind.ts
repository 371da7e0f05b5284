import type { FlowSchema } from "#kinds/api/flowcontrol-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const flowSchemaHooks: KindHooks<FlowSchema> = {
  default: ({ spec }) => {
    if (spec) spec.matchingPrecedence ||= 1000;
  },
  columns: [
    nameColumn,
    text("PriorityLevel", (object) => object.spec?.priorityLevelConfiguration?.name ?? ""),
    text("MatchingPrecedence", (object) => object.spec?.matchingPrecedence ?? 0),
    text("DistinguisherMethod", (object) => object.spec?.distinguisherMethod?.type ?? "<none>"),
    ageColumn,
    text("MissingPL", (object) => object.status?.conditions?.find((condition) => condition.type === "Dangling")?.status ?? "?"),
  ],
};
