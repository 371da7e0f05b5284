// Checks of numbers that may be percentages.

import { field } from "#meta/errors.ts";
import { isPercent } from "#meta/int-or-percent.ts";
import { percent } from "#meta/names.ts";
import { checkNonNegative, checkRule, type Errors } from "./checks.ts";

/** Upstream's text for a field that must be there but is not a valid one. */
export function checkIntOrPercent(errors: Errors, path: string, value: number | string): void {
  if (typeof value === "number") checkNonNegative(errors, path, value);
  else checkRule(errors, path, value, percent);
}

export function checkNotAboveHundredPercent(errors: Errors, path: string, value: number | string | undefined): void {
  const amount = percentOf(value);
  if (amount !== undefined && amount > 100) errors.push(field.invalid(path, value, "must not be greater than 100%"));
}

/** Of `25%` 25; undefined if it is no percentage. */
export function percentOf(value: number | string | undefined): number | undefined {
  return isPercent(value) && /^[0-9]+%$/.test(value) ? Number(value.slice(0, -1)) : undefined;
}

/** Whether it is a zero in either form; other texts count as the number that they are, or as zero. */
export function isZero(value: number | string | undefined): boolean {
  if (typeof value !== "string") return (value ?? 0) === 0;
  return (percentOf(value) ?? (/^[+-]?\d+$/.test(value) ? Number(value) : 0)) === 0;
}
