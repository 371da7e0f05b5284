import type { RuntimeClass } from "#kinds/api/node-v1.gen.ts";
import { deprecatedNodeLabel } from "#kinds/shared/node-labels.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateRuntimeClass } from "./validate.ts";

export const runtimeClassHooks: KindHooks<RuntimeClass> = {
  default: (object) => canonicalize(object.overhead?.podFixed),
  validate: validateRuntimeClass,
  warnings: ({ scheduling }) =>
    Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => {
      const text = deprecatedNodeLabel(key);
      return text === undefined ? [] : [`scheduling.nodeSelector: ${text}`];
    }),
  createOnUpdate: true,
  unconditionalUpdate: false,
  columns: [nameColumn, text("Handler", (object) => object.handler ?? ""), ageColumn],
};
