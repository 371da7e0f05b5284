import type { CSIDriver } from "#kinds/api/storage-v1.gen.ts";
import { ageColumn, boolean, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { csiDriverWarnings, validateCsiDriver } from "./validate.ts";

export const csiDriverHooks: KindHooks<CSIDriver> = {
  returnsDeleted: true,
  default: (driver) => {
    const spec = (driver.spec ??= {});
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ["Persistent"];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  prepare: ({ spec, metadata }, previous) => {
    // Upstream counts changes only, not the first form.
    if (!previous) delete metadata?.generation;
    // Behind a gate that is off (VolumeLimitScaling).
    if (spec && previous?.spec?.preventPodSchedulingIfMissing === undefined) delete spec.preventPodSchedulingIfMissing;
  },
  validate: validateCsiDriver,
  warnings: csiDriverWarnings,
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    boolean("AttachRequired", (object) => object.spec?.attachRequired ?? true),
    boolean("PodInfoOnMount", (object) => object.spec?.podInfoOnMount ?? false),
    boolean("StorageCapacity", (object) => object.spec?.storageCapacity ?? false),
    text("TokenRequests", ({ spec }) => spec?.tokenRequests?.map((request) => request.audience).join(",") ?? "<unset>"),
    boolean("RequiresRepublish", (object) => object.spec?.requiresRepublish ?? false),
    text("Modes", (object) => object.spec?.volumeLifecycleModes?.join(",") || "<none>"),
    ageColumn,
  ],
};
