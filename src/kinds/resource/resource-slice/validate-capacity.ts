// How much of a device's capacity may be asked for: policies and their numbers, with upstream's paths and words.

import type { CapacityRequestPolicy, CapacityRequestPolicyRange } from "#kinds/api/resource-v1.gen.ts";
import { checkItems } from "#kinds/resource/checks.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { type Amount, canonical, compare, tryParse } from "#kinds/shared/quantities.ts";
import { field } from "#meta/errors.ts";
import { canonicalQuantity } from "#meta/quantity.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MAX_VALUES = 10;
const NANOS = 1_000_000_000n;

export function checkRequestPolicy(errors: Errors, path: string, capacity: Amount, policy: DeepReadonly<CapacityRequestPolicy>): void {
  const { validValues = [], validRange } = policy;
  if (validValues.length > 0 && validRange) {
    const detail = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    errors.push(field.forbidden(path, detail));
  } else if (validValues.length > 0) {
    if (policy.default === undefined) errors.push(field.required(`${path}.default`, "required when validValues is defined"));
    else checkValues(errors, `${path}.validValues`, capacity, policy.default, validValues);
  } else if (validRange) {
    if (policy.default === undefined) errors.push(field.required(`${path}.default`, "required when validRange is defined"));
    else checkRange(errors, `${path}.validRange`, capacity, policy.default, validRange);
  }
}

/** Whole units, rounded up. */
function unitsOf(amount: Amount): bigint {
  const nanos = tryParse(amount)?.nanos ?? 0n;
  return nanos / NANOS + (nanos > 0n && nanos % NANOS !== 0n ? 1n : 0n);
}

function checkValues(errors: Errors, path: string, capacity: Amount, chosen: Amount, values: readonly Amount[]): void {
  for (const [index, value] of values.entries()) {
    if (index > 0 && compare(values[index - 1], value) > 0) {
      errors.push(field.invalid(`${path}[${index}]`, canonical(value), "values must be sorted in ascending order"));
    }
  }
  checkItems(
    errors,
    path,
    values,
    MAX_VALUES,
    (value, at) => {
      if (compare(value, capacity) <= 0) return;
      errors.push(field.invalid(at, canonical(value), `option is larger than capacity value: ${canonical(capacity)}`));
    },
    (value) => String(unitsOf(value)),
  );
  const isKnown = values.length <= MAX_VALUES && values.some((value) => compare(value, chosen) === 0);
  if (!isKnown) errors.push(field.invalid(path, canonical(chosen), "default value is not valid according to the requestPolicy"));
}

function checkRange(
  errors: Errors,
  path: string,
  capacity: Amount,
  chosen: Amount,
  { min, max, step }: DeepReadonly<Partial<CapacityRequestPolicyRange>>,
): void {
  if (min === undefined) {
    errors.push(field.required(`${path}.min`, "required when validRange is defined"));
    return;
  }
  const wrong = (name: string, value: Amount, detail: string) => errors.push(field.invalid(`${path}.${name}`, canonical(value), detail));
  const limit = canonical(capacity);
  if (compare(min, capacity) > 0) wrong("min", min, `min is larger than capacity value: ${limit}`);
  if (compare(chosen, min) < 0) wrong("min", chosen, `default is less than min: ${canonical(min)}`);
  if (max !== undefined) {
    if (compare(min, max) > 0) wrong("max", min, `min is larger than max: ${canonical(max)}`);
    if (compare(max, capacity) > 0) wrong("max", max, `max is larger than capacity value: ${limit}`);
    if (compare(chosen, max) > 0) wrong("max", chosen, `default is more than max: ${canonical(max)}`);
  }
  if (step === undefined) return;
  const sum = (tryParse(min)?.nanos ?? 0n) + (tryParse(step)?.nanos ?? 0n);
  if (sum > (tryParse(capacity)?.nanos ?? 0n)) {
    wrong("step", step, `one step ${canonicalQuantity(String(sum / NANOS))} is larger than capacity value: ${limit}`);
  }
  const units = unitsOf(step);
  for (const value of max === undefined ? [chosen] : [chosen, max]) {
    if (units !== 0n && (unitsOf(value) - unitsOf(min)) % units === 0n) continue;
    wrong("step", value, `value is not a multiple of a given step (${canonical(step)}) from (${canonical(min)})`);
  }
}
