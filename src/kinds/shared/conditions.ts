// Checks of meta/v1 Conditions, the same for all kinds that have them.

import { field } from "#meta/errors.ts";
import { byteLength, conditionReason, qualifiedName } from "#meta/names.ts";
import { checkOneOf, checkRule, duplicates, type Errors } from "./checks.ts";

export interface ConditionLike {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly observedGeneration?: number;
}

const MAX_REASON_BYTES = 1024;
const MAX_MESSAGE_BYTES = 32 * 1024;
export const CONDITION_STATUSES: readonly string[] = ["False", "True", "Unknown"];

export function checkConditions(errors: Errors, path: string, conditions: readonly ConditionLike[] | undefined): void {
  const isDuplicate = duplicates(errors);
  for (const [index, condition] of (conditions ?? []).entries()) {
    const at = `${path}[${index}]`;
    const { type = "", status = "", reason = "", message = "", observedGeneration = 0 } = condition;
    isDuplicate(`${at}.type`, type);
    checkRule(errors, `${at}.type`, type, qualifiedName);
    checkOneOf(errors, `${at}.status`, status, CONDITION_STATUSES);
    if (observedGeneration < 0) {
      errors.push(field.invalid(`${at}.observedGeneration`, observedGeneration, "must be greater than or equal to zero"));
    }
    if (!condition.lastTransitionTime) errors.push(field.required(`${at}.lastTransitionTime`));
    if (reason === "") errors.push(field.required(`${at}.reason`));
    else {
      checkRule(errors, `${at}.reason`, reason, conditionReason);
      if (byteLength(reason) > MAX_REASON_BYTES) errors.push(field.tooLong(`${at}.reason`, MAX_REASON_BYTES));
    }
    if (byteLength(message) > MAX_MESSAGE_BYTES) errors.push(field.tooLong(`${at}.message`, MAX_MESSAGE_BYTES));
  }
}
