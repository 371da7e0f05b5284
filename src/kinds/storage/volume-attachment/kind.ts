import type { VolumeAttachment } from "#kinds/api/storage-v1.gen.ts";
import { ageColumn, boolean, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateVolumeAttachment } from "./validate.ts";

export const volumeAttachmentHooks: KindHooks<VolumeAttachment> = {
  statusKeepsMetadata: "all",
  returnsDeleted: true,
  prepare: (next, previous) => {
    if (previous === undefined) next.status = { attached: false };
  },
  validate: validateVolumeAttachment,
  unconditionalUpdate: false,
  generation: false,
  columns: [
    nameColumn,
    { ...text("Attacher", (object) => object.spec?.attacher ?? ""), format: "name" },
    text("PV", (object) => object.spec?.source?.persistentVolumeName ?? ""),
    text("Node", (object) => object.spec?.nodeName ?? ""),
    boolean("Attached", (object) => object.status?.attached ?? false),
    ageColumn,
  ],
};
