import type { ValidatingWebhookConfiguration } from "#kinds/api/admissionregistration-v1.gen.ts";
import { ageColumn, integer, nameColumn } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import { defaultWebhook } from "../webhook-defaults.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateWebhooks } from "../validate-webhooks.ts";
import { staticNameWarnings } from "../validate-policies.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";

export const validatingWebhookHooks = (check: CheckExpression): KindHooks<ValidatingWebhookConfiguration> => ({
  default: (object) => {
    for (const webhook of object.webhooks ?? []) {
      defaultWebhook(webhook);
    }
  },
  validate: (next, previous) => validateWebhooks(next.webhooks ?? [], previous && (previous.webhooks ?? []), check),
  warnings: (next) => staticNameWarnings(next.metadata?.name),
  unconditionalUpdate: false,
  generation: (next, previous) => !equal(next.webhooks, previous.webhooks),
  columns: [nameColumn, integer("Webhooks", (object) => object.webhooks?.length ?? 0), ageColumn],
});
