import type { RuntimeClass } from "#kinds/api/node-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateRuntimeClass } from "./validate.ts";

export const runtimeClassHooks: KindHooks<RuntimeClass> = {
  default: (object) => canonicalize(object.overhead?.podFixed),
  validate: validateRuntimeClass,
  createOnUpdate: true,
  unconditionalUpdate: false,
  columns: [nameColumn, text("Handler", (object) => object.handler ?? ""), ageColumn],
};
