import type { CSINode } from "#kinds/api/storage-v1.gen.ts";
import { ageColumn, integer, nameColumn } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const csiNodeHooks: KindHooks<CSINode> = {
  unconditionalUpdate: false,
  generation: false,
  columns: [nameColumn, integer("Drivers", (object) => object.spec?.drivers?.length ?? 0), ageColumn],
};
