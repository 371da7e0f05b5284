import type { CSIStorageCapacity } from "#kinds/api/storage-v1.gen.ts";
import { nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const csiStorageCapacityHooks: KindHooks<CSIStorageCapacity> = {
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    text("StorageClassName", (object) => object.storageClassName),
    text("Capacity", (object) => object.capacity ?? "<unset>"),
  ],
};
