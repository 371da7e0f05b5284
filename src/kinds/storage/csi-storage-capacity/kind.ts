import type { CSIStorageCapacity } from "#kinds/api/storage-v1.gen.ts";
import type { KindHooks } from "#meta/kind.ts";
import { canonical } from "#kinds/shared/quantities.ts";
import { nodeLabelWarnings } from "#kinds/shared/node-labels.ts";
import { validateStorageCapacity } from "./validate.ts";

export const csiStorageCapacityHooks: KindHooks<CSIStorageCapacity> = {
  default: (object) => {
    if (object.capacity !== undefined) object.capacity = canonical(object.capacity);
    if (object.maximumVolumeSize !== undefined) object.maximumVolumeSize = canonical(object.maximumVolumeSize);
  },
  validate: validateStorageCapacity,
  warnings: ({ nodeTopology }) => nodeLabelWarnings("nodeTopology", nodeTopology ?? {}),
  unconditionalUpdate: false,
  generation: false,
  // No columns: upstream serves these with the default ones, though it has others for its printers.
};
