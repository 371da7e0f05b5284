import type { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { ageColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { isDefaultClass } from "./default-class.ts";
import { storageClassWarnings, validateStorageClass } from "./validate.ts";

export const storageClassHooks: KindHooks<StorageClass> = {
  returnsDeleted: true,
  default: (object) => {
    object.reclaimPolicy ??= "Delete";
    object.volumeBindingMode ??= "Immediate";
  },
  validate: validateStorageClass,
  warnings: storageClassWarnings,
  generation: false,
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      value: ({ metadata }) => `${metadata?.name ?? ""}${isDefaultClass(metadata) ? " (default)" : ""}`,
    },
    text("Provisioner", (object) => object.provisioner),
    text("ReclaimPolicy", (object) => object.reclaimPolicy ?? "Delete"),
    text("VolumeBindingMode", (object) => object.volumeBindingMode ?? "Immediate"),
    text("AllowVolumeExpansion", (object) => object.allowVolumeExpansion ?? false),
    ageColumn,
  ],
};
