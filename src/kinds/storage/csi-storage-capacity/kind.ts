import type { CSIStorageCapacity } from "#kinds/api/storage-v1.gen.ts";
import { nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { nodeLabelWarnings } from "#kinds/shared/node-labels.ts";
import { validateStorageCapacity } from "./validate.ts";

export const csiStorageCapacityHooks: KindHooks<CSIStorageCapacity> = {
  validate: validateStorageCapacity,
  warnings: ({ nodeTopology }) => nodeLabelWarnings("nodeTopology", nodeTopology ?? {}),
  unconditionalUpdate: false,
  generation: false,
  columns: [
    nameColumn,
    text("StorageClassName", (object) => object.storageClassName),
    text("Capacity", (object) => object.capacity ?? "<unset>"),
  ],
};
