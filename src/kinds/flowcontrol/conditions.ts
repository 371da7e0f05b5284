// What the conditions of both kinds must hold.

import { checkRequired, duplicates, type Errors } from "#kinds/shared/checks.ts";

export function checkConditionTypes(errors: Errors, conditions: readonly { readonly type?: string }[] | undefined): void {
  const isDuplicate = duplicates(errors);
  for (const [index, { type = "" }] of (conditions ?? []).entries()) {
    isDuplicate(`status.conditions[${index}].type`, type);
    checkRequired(errors, `status.conditions[${index}].type`, type);
  }
}
