import type { ResourceClaimTemplate } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const resourceClaimTemplateHooks: KindHooks<ResourceClaimTemplate> = {
  returnsDeleted: true,
  generation: false,
  columns: [nameColumn, ageColumn],
};
