import type { CSINode } from "#kinds/api/storage-v1.gen.ts";
import { ageColumn, integer, nameColumn } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateCsiNode } from "./validate.ts";

export const csiNodeHooks: KindHooks<CSINode> = {
  returnsDeleted: true,
  validate: validateCsiNode,
  unconditionalUpdate: false,
  generation: false,
  columns: [nameColumn, integer("Drivers", (object) => object.spec?.drivers?.length ?? 0), ageColumn],
};
