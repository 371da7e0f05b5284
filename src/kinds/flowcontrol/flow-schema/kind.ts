import type { FlowSchema } from "#kinds/api/flowcontrol-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateFlowSchema } from "./validate.ts";

export const flowSchemaHooks: KindHooks<FlowSchema> = {
  default: (object) => {
    object.spec ??= { priorityLevelConfiguration: { name: "" } };
    object.spec.matchingPrecedence ||= 1000;
  },
  statusKeepsMetadata: "all",
  validate: (next, _previous, { subresource }) => validateFlowSchema(next, subresource),
  columns: [
    nameColumn,
    text("PriorityLevel", (object) => object.spec?.priorityLevelConfiguration?.name ?? ""),
    text("MatchingPrecedence", (object) => object.spec?.matchingPrecedence ?? 0),
    text("DistinguisherMethod", (object) => object.spec?.distinguisherMethod?.type ?? "<none>"),
    ageColumn,
    text("MissingPL", (object) => object.status?.conditions?.find((condition) => condition.type === "Dangling")?.status ?? "?"),
  ],
};
