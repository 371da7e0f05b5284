import type { ResourceSlice } from "#kinds/api/resource-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { canonical } from "#kinds/shared/quantities.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { KindHooks } from "#meta/kind.ts";
import { driverWarnings } from "#kinds/resource/checks.ts";
import { validateSlice } from "./validate.ts";

function setDefaults({ spec }: ResourceSlice): void {
  const counters = (spec?.sharedCounters ?? []).map((set) => set.counters);
  for (const device of spec?.devices ?? []) {
    counters.push(...(device.consumesCounters ?? []).map((use) => use.counters));
    for (const capacity of Object.values(device.capacity ?? {})) capacity.value = canonical(capacity.value ?? "0");
    for (const mapping of Object.values(device.nodeAllocatableResourceMappings ?? {})) mapping.allocationMultiplier ??= "1";
  }
  for (const set of counters) for (const counter of Object.values(set ?? {})) counter.value = canonical(counter.value ?? "0");
}

const LISTS = ["bools", "ints", "strings", "versions"] as const;

/** What is behind gates that are off by default is dropped, unless something of the sort is stored already. */
function prepare({ spec }: ResourceSlice, previous: DeepReadonly<ResourceSlice> | undefined, { now }: { readonly now: string }): void {
  const before = previous?.spec?.devices ?? [];
  const keepsMappings = before.some((device) => Object.keys(device.nodeAllocatableResourceMappings ?? {}).length > 0);
  const keepsLists = before.some(({ attributes = {} }) =>
    Object.values(attributes).some((attribute) => LISTS.some((name) => attribute[name] !== undefined)),
  );
  for (const device of spec?.devices ?? []) {
    if (!keepsMappings) delete device.nodeAllocatableResourceMappings;
    if (!keepsLists) for (const attribute of Object.values(device.attributes ?? {})) for (const name of LISTS) delete attribute[name];
    for (const taint of device.taints ?? []) taint.timeAdded ??= now;
  }
}

export const resourceSliceHooks: KindHooks<ResourceSlice> = {
  unsupportedField: (name) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${name}`,
  returnsDeleted: true,
  default: setDefaults,
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
