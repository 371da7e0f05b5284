import type { ResourceSlice } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { canonical } from "#kinds/shared/quantities.ts";
import type { KindHooks } from "#meta/kind.ts";
import { driverWarnings } from "#kinds/resource/checks.ts";
import { validateSlice } from "./validate.ts";

/** What is behind gates that are off by default is dropped, unless it is stored already. */
function prepare({ spec }: ResourceSlice, _previous: unknown, { now }: { readonly now: string }): void {
  for (const device of spec?.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {})) {
      for (const name of ["bools", "ints", "strings", "versions"] as const) delete attribute[name];
    }
    for (const taint of device.taints ?? []) taint.timeAdded ??= now;
  }
}

function canonicalCapacities({ spec }: ResourceSlice): void {
  for (const device of spec?.devices ?? []) {
    for (const capacity of Object.values(device.capacity ?? {})) {
      capacity.value = canonical(capacity.value ?? "0");
    }
  }
}

export const resourceSliceHooks: KindHooks<ResourceSlice> = {
  unsupportedField: (name) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${name}`,
  returnsDeleted: true,
  default: canonicalCapacities,
  prepare,
  validate: validateSlice,
  warnings: ({ spec }, previous) => (previous?.spec?.driver === spec?.driver ? [] : driverWarnings("spec.driver", spec?.driver)),
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
