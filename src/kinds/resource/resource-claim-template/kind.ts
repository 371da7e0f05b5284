import type { ResourceClaimTemplate } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn } from "#kinds/shared/columns.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { defaultDeviceClaim } from "#kinds/resource/devices.ts";
import { validateTemplate } from "./validate.ts";
import type { KindHooks } from "#meta/kind.ts";

export const resourceClaimTemplateHooks = (check: CheckExpression): KindHooks<ResourceClaimTemplate> => ({
  default: ({ spec }) => defaultDeviceClaim(spec?.spec?.devices),
  validate: (next, previous) => validateTemplate(next, previous, check),

  returnsDeleted: true,
  generation: false,
  columns: [nameColumn, ageColumn],
});
