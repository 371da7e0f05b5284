import type { ResourceSlice } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const resourceSliceHooks: KindHooks<ResourceSlice> = {
  unsupportedField: (name) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${name}`,
  returnsDeleted: true,
  selectableFields: (slice) => ({ "spec.nodeName": slice.spec?.nodeName ?? "", "spec.driver": slice.spec?.driver ?? "" }),
  selectableFieldNames: ["spec.nodeName", "spec.driver"],
  columns: [
    nameColumn,
    text("Node", (slice) => slice.spec?.nodeName ?? ""),
    text("Driver", (slice) => slice.spec?.driver ?? ""),
    text("Pool", (slice) => slice.spec?.pool?.name ?? ""),
    ageColumn,
  ],
};
