// Checks that many kinds share, each adding to a list of errors with upstream's paths and words.

import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { dns1123Label, dns1123Subdomain, httpPath, labelValue, portName, portNumber, qualifiedName } from "#meta/names.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { compareQuantities } from "#meta/quantity.ts";
import { tryParse } from "./quantities.ts";

export type Errors = FieldError[];
type Rule = (value: string) => string[];

/** Checks a name rule. */
export function checkRule(errors: Errors, path: string, given: string | undefined, rule: Rule): void {
  const value = given ?? "";
  for (const wrong of rule(value)) errors.push(field.invalid(path, value, wrong));
}

export const checkDnsLabel = (errors: Errors, path: string, value: string | undefined): void =>
  checkRule(errors, path, value, dns1123Label);
export const checkSubdomain = (errors: Errors, path: string, value: string | undefined): void =>
  checkRule(errors, path, value, dns1123Subdomain);
export const checkQualifiedName = (errors: Errors, path: string, value: string | undefined): void =>
  checkRule(errors, path, value, qualifiedName);

export function checkRequired(errors: Errors, path: string, value: string | undefined | null, detail = ""): boolean {
  if (value) return true;
  errors.push(field.required(path, detail));
  return false;
}

/** A value out of a fixed set. */
export function checkOneOf(
  errors: Errors,
  path: string,
  value: string,
  supported: readonly string[],
  order: "sorted" | "given" = "sorted",
): void {
  if (!supported.includes(value)) errors.push(field.notSupported(path, value, supported, order));
}

/** A value out of a fixed set that must be there. */
export function checkRequiredOneOf(
  errors: Errors,
  path: string,
  value: string | undefined | null,
  supported: readonly string[],
  order: "sorted" | "given" = "sorted",
): void {
  if (checkRequired(errors, path, value) && value) checkOneOf(errors, path, value, supported, order);
}

export const PROTOCOLS: readonly string[] = ["SCTP", "TCP", "UDP"];

export function checkPortNumber(errors: Errors, path: string, given: number | undefined): void {
  const port = given ?? 0;
  for (const wrong of portNumber(port)) errors.push(field.invalid(path, port, wrong));
}

export function checkPortNumberOrName(errors: Errors, path: string, port: number | string | undefined): void {
  if (typeof port === "string") checkRule(errors, path, port, portName);
  else checkPortNumber(errors, path, port ?? 0);
}

export function checkNonNegative(errors: Errors, path: string, value: number | undefined | null): void {
  if (value !== undefined && value !== null && value < 0) errors.push(field.invalid(path, value, NEGATIVE));
}

export const NEGATIVE = "must be greater than or equal to 0";
export const IMMUTABLE = "field is immutable";

export function checkImmutable(errors: Errors, path: string, next: unknown, previous: unknown): void {
  if (!equal(next, previous)) errors.push(field.invalid(path, next, IMMUTABLE));
}

export function checkNonNegativeQuantity(errors: Errors, path: string, value: string | number): void {
  const quantity = tryParse(value);
  if (quantity && quantity.nanos < 0n) errors.push(field.invalid(path, value, NEGATIVE));
}

export function checkPositiveQuantity(errors: Errors, path: string, value: string | number): void {
  const quantity = tryParse(value);
  if (quantity && compareQuantities(quantity, "0") <= 0) errors.push(field.invalid(path, value, "must be greater than zero"));
}

/** Label keys and values; upstream names the map, not the entry. */
export function checkLabels(errors: Errors, path: string, labels: Readonly<Record<string, string>> | undefined): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    checkRule(errors, path, key, qualifiedName);
    for (const wrong of labelValue(value)) errors.push(field.invalid(path, value, wrong));
  }
}

/** A label selector object. */
export function checkLabelSelector(
  errors: Errors,
  path: string,
  selector: DeepReadonly<LabelSelector> | undefined | null,
  allowInvalidValues = false,
): void {
  if (!selector) return;
  // Upstream's paths of labels have no key, and only expressions may hold what no label can.
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    checkRule(errors, `${path}.matchLabels`, key, qualifiedName);
    checkRule(errors, `${path}.matchLabels`, value, labelValue);
  }
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) errors.push(field.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0)
        errors.push(field.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else {
      errors.push(field.invalid(`${at}.operator`, operator ?? "", "not a valid selector operator"));
    }
    checkRule(errors, `${at}.key`, key, qualifiedName);
    if (allowInvalidValues) continue;
    for (const [position, value] of values.entries()) {
      for (const wrong of labelValue(value)) errors.push(field.invalid(`${at}.values[${position}]`, value, wrong));
    }
  }
}

export function isEmptySelector(selector: DeepReadonly<LabelSelector> | undefined | null): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions?.length ?? 0) === 0;
}

/** Adds a duplicate error for each value that was seen before. */
export function duplicates(errors: Errors): (path: string, value: string) => boolean {
  const seen = new Set<string>();
  return (path, value) => {
    if (seen.has(value)) {
      errors.push(field.duplicate(path, value));
      return true;
    }
    seen.add(value);
    return false;
  };
}

/** A value of a selector's expression that no label can have: updates of what holds one go on being accepted. */
export function hasInvalidSelectorValue(selector: DeepReadonly<LabelSelector> | undefined | null): boolean {
  return (selector?.matchExpressions ?? []).some(({ values }) => (values ?? []).some((value) => labelValue(value).length > 0));
}

/** `acme.io/foo`. */
export function checkDomainPrefixedPath(errors: Errors, path: string, value: string): void {
  if (!checkRequired(errors, path, value)) return;
  const slash = value.indexOf("/");
  const [host, rest] = [value.slice(0, slash), value.slice(slash + 1)];
  if (slash <= 0 || rest === "") {
    errors.push(field.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
    return;
  }
  checkSubdomain(errors, path, host);
  checkRule(errors, path, rest, httpPath);
}
