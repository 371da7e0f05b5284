import type { VolumeAttributesClass } from "#kinds/api/storage-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const volumeAttributesClassHooks: KindHooks<VolumeAttributesClass> = {
  columns: [nameColumn, text("DriverName", (object) => object.driverName), ageColumn],
};
