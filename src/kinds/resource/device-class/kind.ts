import type { DeviceClass } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const deviceClassHooks: KindHooks<DeviceClass> = {
  returnsDeleted: true,
  columns: [nameColumn, ageColumn],
};
