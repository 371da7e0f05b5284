import type { Secret } from "#kinds/api/core-v1.gen.ts";
import { encodeBase64 } from "#kinds/shared/base64.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateSecret } from "./validate.ts";

export const secretHooks: KindHooks<Secret> = {
  default: (secret) => {
    // stringData is write-only: it is merged into data and never stored.
    if (secret.stringData) {
      secret.data = { ...secret.data };
      for (const [key, value] of Object.entries(secret.stringData)) secret.data[key] = encodeBase64(value);
      delete secret.stringData;
    }
    secret.type ||= "Opaque";
  },
  validate: validateSecret,
  generation: false,
  selectableFields: (secret) => ({ type: secret.type ?? "" }),
  selectableFieldNames: ["type"],
  columns: [
    nameColumn,
    text("Type", (secret) => secret.type ?? ""),
    text("Data", (secret) => Object.keys(secret.data ?? {}).length),
    ageColumn,
  ],
};
