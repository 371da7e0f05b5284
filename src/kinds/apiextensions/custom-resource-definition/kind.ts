import type { CustomResourceDefinition } from "#kinds/api/apiextensions-v1.gen.ts";
import { nameColumn } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const customResourceDefinitionHooks: KindHooks<CustomResourceDefinition> = {
  columns: [nameColumn, { name: "Created At", type: "date", value: ({ metadata }) => metadata?.creationTimestamp ?? "" }],
};
