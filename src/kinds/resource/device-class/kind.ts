import type { DeviceClass } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn } from "#kinds/shared/columns.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { validateClass } from "./validate.ts";
import type { KindHooks } from "#meta/kind.ts";

export const deviceClassHooks = (check: CheckExpression): KindHooks<DeviceClass> => ({
  validate: (next, previous) => validateClass(next, previous, check),

  returnsDeleted: true,
  columns: [nameColumn, ageColumn],
});
