// What a Job makes of pods that fail, and when it counts as done.

import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from "#kinds/api/batch-v1.gen.ts";
import { checkNonNegative, checkOneOf, checkQualifiedName, type Errors } from "#kinds/shared/checks.ts";
import { field, OMIT_VALUE } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { parseIndexes } from "./indexes.ts";

type Read<T> = DeepReadonly<T>;

const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITIONS = 20;
const MAX_INDEXES_BYTES = 64 * 1024;
const ACTIONS = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS = ["In", "NotIn"];
const STATUSES = ["False", "True", "Unknown"];

/** As Go prints a list of strings with %q. */
const quoted = (values: readonly string[]): string => `valid values: [${values.map((value) => JSON.stringify(value)).join(" ")}]`;

/** A value out of a set; a missing one is answered with the whole set. */
function checkGiven(errors: Errors, path: string, value: string | undefined, supported: readonly string[]): void {
  if (!value) errors.push(field.required(path, quoted(supported)));
  else checkOneOf(errors, path, value, supported);
}

export function validatePodFailurePolicy(errors: Errors, path: string, spec: Read<JobSpec>): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > MAX_RULES) errors.push(field.tooMany(`${path}.rules`, rules.length, MAX_RULES));
  const { containers, initContainers } = spec.template?.spec ?? {};
  const names = new Set([...(containers ?? []), ...(initContainers ?? [])].map((container) => container.name));
  for (const [index, rule] of rules.entries()) validateFailureRule(errors, `${path}.rules[${index}]`, rule, spec, names);
}

function validateFailureRule(
  errors: Errors,
  path: string,
  { action, onExitCodes, onPodConditions = [] }: Read<PodFailurePolicyRule>,
  spec: Read<JobSpec>,
  names: ReadonlySet<string>,
): void {
  checkGiven(errors, `${path}.action`, action, ACTIONS);
  if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined) {
    errors.push(field.invalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set"));
  }
  if (onExitCodes) validateExitCodes(errors, `${path}.onExitCodes`, onExitCodes, names);
  if (onPodConditions.length > 0) validateConditions(errors, `${path}.onPodConditions`, onPodConditions);
  if (onExitCodes && onPodConditions.length > 0)
    errors.push(field.invalid(path, OMIT_VALUE, "specifying both OnExitCodes and OnPodConditions is not supported"));
  if (!onExitCodes && onPodConditions.length === 0)
    errors.push(field.invalid(path, OMIT_VALUE, "specifying one of OnExitCodes and OnPodConditions is required"));
}

function validateExitCodes(
  errors: Errors,
  path: string,
  { operator, containerName, values: given }: Read<PodFailurePolicyOnExitCodesRequirement>,
  names: ReadonlySet<string>,
): void {
  const values = given ?? [];
  checkGiven(errors, `${path}.operator`, operator, OPERATORS);
  if (containerName !== undefined && !names.has(containerName)) {
    const text = "must be one of the container or initContainer names in the pod template";
    errors.push(field.invalid(`${path}.containerName`, containerName, text));
  }
  if (values.length === 0) errors.push(field.invalid(`${path}.values`, given, "at least one value is required"));
  else if (values.length > MAX_EXIT_CODES) errors.push(field.tooMany(`${path}.values`, values.length, MAX_EXIT_CODES));
  const seen = new Set<number>();
  for (const [index, value] of values.entries()) {
    const at = `${path}.values[${index}]`;
    if (operator === "In" && value === 0) errors.push(field.invalid(at, value, "must not be 0 for the In operator"));
    if (seen.has(value)) errors.push(field.duplicate(at, value));
    seen.add(value);
  }
  if (values.some((value, index) => index > 0 && (values[index - 1] ?? value) > value))
    errors.push(field.invalid(`${path}.values`, values, "must be ordered"));
}

function validateConditions(errors: Errors, path: string, patterns: readonly Read<PodFailurePolicyOnPodConditionsPattern>[]): void {
  if (patterns.length > MAX_CONDITIONS) errors.push(field.tooMany(path, patterns.length, MAX_CONDITIONS));
  for (const [index, { type, status }] of patterns.entries()) {
    checkQualifiedName(errors, `${path}[${index}].type`, type);
    checkGiven(errors, `${path}[${index}].status`, status, STATUSES);
  }
}

/** Of an indexed Job. */
export function validateSuccessPolicy(errors: Errors, path: string, spec: Read<JobSpec>): void {
  const rules = spec.successPolicy?.rules ?? [];
  if (rules.length === 0) {
    errors.push(field.required(`${path}.rules`, "at least one rules must be specified when the successPolicy is specified"));
  }
  if (rules.length > MAX_RULES) errors.push(field.tooMany(`${path}.rules`, rules.length, MAX_RULES));
  for (const [index, rule] of rules.entries()) validateSuccessRule(errors, `${path}.rules[${index}]`, rule, spec.completions ?? 0);
}

function validateSuccessRule(
  errors: Errors,
  path: string,
  { succeededCount: count, succeededIndexes: indexes }: Read<SuccessPolicyRule>,
  completions: number,
): void {
  if (count === undefined && indexes === undefined)
    errors.push(field.required(path, "at least one of succeededCount or succeededIndexes must be specified"));
  let total = 0;
  if (indexes !== undefined) {
    const at = `${path}.succeededIndexes`;
    if (indexes.length > MAX_INDEXES_BYTES) errors.push(field.tooLong(at, MAX_INDEXES_BYTES));
    const parsed = parseIndexes(indexes, completions);
    if (parsed.wrong === undefined) total = parsed.count;
    else errors.push(field.invalid(at, indexes, `error parsing succeededIndexes: ${parsed.wrong}`));
  }
  if (count === undefined) return;
  const at = `${path}.succeededCount`;
  checkNonNegative(errors, at, count);
  const refuse = (limit: number, what: string) =>
    errors.push(field.invalid(at, count, `must be less than or equal to ${limit} (the number of ${what})`));
  if (count > completions) refuse(completions, "specified completions");
  if (indexes !== undefined && count > total) refuse(total, "indexes in the specified succeededIndexes field");
}
