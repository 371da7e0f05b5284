// What claims, classes and slices say of devices alike: selectors, configurations, tolerations, conditions of binding.

import type {
  DeviceClaim,
  DeviceRequest,
  DeviceSelector,
  DeviceToleration,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
} from "#kinds/api/resource-v1.gen.ts";
import {
  checkDnsLabel,
  checkOneOf,
  checkQualifiedName,
  checkRequired,
  checkRule,
  checkSubdomain,
  type Errors,
} from "#kinds/shared/checks.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { field } from "#meta/errors.ts";
import { byteLength, labelValue } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkDriverName, checkFullyQualified, checkItems, checkOpaqueData } from "./checks.ts";

type Read<T> = DeepReadonly<T>;
type Part<T> = Read<Partial<T>>;

const MAX_REQUESTS = 32;
const MAX_ALTERNATIVES = 8;
const MAX_SELECTORS = 32;
const MAX_CONFIGS = 32;
const MAX_CONSTRAINTS = 32;
const MAX_BINDING_CONDITIONS = 4;
const MAX_EXPRESSION_BYTES = 10 * 1024;
const EFFECTS = ["NoExecute", "NoSchedule", "None"];
const ONE_FORM = "exactly one of `exactly` or `firstAvailable` is required";
const REFERENCE = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** Names of requests with those of their alternatives. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

export function requestNames(claim: Part<DeviceClaim> | undefined): RequestNames {
  return new Map((claim?.requests ?? []).map(({ name, firstAvailable = [] }) => [name, new Set(firstAvailable.map((one) => one.name))]));
}

export function defaultDeviceClaim(claim: DeviceClaim | undefined): void {
  for (const request of claim?.requests ?? []) {
    for (const one of [...(request.exactly ? [request.exactly] : []), ...(request.firstAvailable ?? [])]) {
      if (!one.allocationMode) one.allocationMode = "ExactCount";
      if (one.allocationMode === "ExactCount" && !one.count) one.count = 1;
      defaultTolerations(one.tolerations);
    }
  }
}

export function defaultTolerations(tolerations: DeviceToleration[] | undefined): void {
  for (const toleration of tolerations ?? []) if (!toleration.operator) toleration.operator = "Equal";
}

export function checkDeviceClaim(errors: Errors, path: string, claim: Part<DeviceClaim>, check: CheckExpression): void {
  const names = requestNames(claim);
  checkItems(
    errors,
    `${path}.requests`,
    claim.requests,
    MAX_REQUESTS,
    (request, at) => checkRequest(errors, at, request, check),
    ({ name }) => name,
  );
  checkItems(errors, `${path}.constraints`, claim.constraints, MAX_CONSTRAINTS, (constraint, at) => {
    checkReferences(errors, `${at}.requests`, constraint.requests, names);
    const { matchAttribute, distinctAttribute } = constraint;
    if (matchAttribute !== undefined) checkFullyQualified(errors, `${at}.matchAttribute`, matchAttribute);
    else if (distinctAttribute !== undefined) checkFullyQualified(errors, `${at}.distinctAttribute`, distinctAttribute);
    else {
      const detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
      errors.push(field.required(at, detail));
    }
  });
  checkItems(errors, `${path}.config`, claim.config, MAX_CONFIGS, (config, at) => {
    checkReferences(errors, `${at}.requests`, config.requests, names);
    checkConfiguration(errors, at, config.opaque, false);
  });
}

function checkRequest(errors: Errors, path: string, request: Part<DeviceRequest>, check: CheckExpression): void {
  checkDnsLabel(errors, `${path}.name`, request.name);
  const { exactly, firstAvailable = [] } = request;
  if (exactly && firstAvailable.length > 0) errors.push(field.invalid(path, null, `${ONE_FORM}, but multiple fields are set`));
  else if (exactly) checkDeviceRequest(errors, `${path}.exactly`, exactly, check);
  else if (firstAvailable.length === 0) errors.push(field.required(path, ONE_FORM));
  else {
    const checkOne = (one: (typeof firstAvailable)[number], at: string) => {
      checkDnsLabel(errors, `${at}.name`, one.name);
      checkDeviceRequest(errors, at, one, check);
    };
    checkItems(errors, `${path}.firstAvailable`, firstAvailable, MAX_ALTERNATIVES, checkOne, ({ name }) => name);
  }
}

function checkDeviceRequest(errors: Errors, path: string, request: Part<ExactDeviceRequest>, check: CheckExpression): void {
  const { deviceClassName, allocationMode = "", count = 0 } = request;
  if (checkRequired(errors, `${path}.deviceClassName`, deviceClassName)) {
    checkSubdomain(errors, `${path}.deviceClassName`, deviceClassName);
  }
  checkSelectors(errors, `${path}.selectors`, request.selectors, check, false);
  if (allocationMode === "All") {
    if (count !== 0) errors.push(field.invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'"));
  } else if (allocationMode === "ExactCount") {
    if (count <= 0) errors.push(field.invalid(`${path}.count`, count, "must be greater than zero"));
  } else checkOneOf(errors, `${path}.allocationMode`, allocationMode, ["All", "ExactCount"]);
  for (const [index, toleration] of (request.tolerations ?? []).entries()) {
    checkToleration(errors, `${path}.tolerations[${index}]`, toleration);
  }
}

export function checkSelectors(
  errors: Errors,
  path: string,
  selectors: readonly Read<DeviceSelector>[] | undefined,
  check: CheckExpression,
  stored: boolean,
): void {
  checkItems(errors, path, selectors, MAX_SELECTORS, ({ cel }, at) => {
    if (!cel) {
      errors.push(field.required(`${at}.cel`));
      return;
    }
    const text = cel.expression ?? "";
    if (byteLength(text) > MAX_EXPRESSION_BYTES) errors.push(field.tooLong(`${at}.cel.expression`, MAX_EXPRESSION_BYTES));
    else errors.push(...check({ path: `${at}.cel.expression`, text, purpose: "deviceSelector", stored }));
  });
}

function checkToleration(errors: Errors, path: string, toleration: Part<DeviceToleration>): void {
  const { key = "", operator = "", value = "", effect = "" } = toleration;
  if (key !== "") checkQualifiedName(errors, `${path}.key`, key);
  if (operator === "Exists") {
    if (value !== "") errors.push(field.invalid(`${path}.value`, value, "must be empty for operator `Exists`"));
  } else if (operator === "Equal") checkRule(errors, `${path}.value`, value, labelValue);
  else if (checkRequired(errors, `${path}.operator`, operator)) checkOneOf(errors, `${path}.operator`, operator, ["Equal", "Exists"]);
  if (effect !== "") checkEffect(errors, `${path}.effect`, effect);
}

export const checkEffect = (errors: Errors, path: string, effect: string): void => checkOneOf(errors, path, effect, EFFECTS);

/** References to requests out of a claim's other parts. */
export function checkReferences(errors: Errors, path: string, names: readonly string[] | undefined, known: RequestNames): void {
  checkItems(
    errors,
    path,
    names,
    MAX_REQUESTS,
    (name, at) => checkReference(errors, at, name, known),
    (name) => name,
  );
}

export function checkReference(errors: Errors, path: string, name: string, known: RequestNames): void {
  const [request = "", alternative, ...more] = name.split("/");
  if (more.length > 0) {
    errors.push(field.invalid(path, name, REFERENCE));
    return;
  }
  checkDnsLabel(errors, path, request);
  if (alternative !== undefined) checkDnsLabel(errors, path, alternative);
  const alternatives = known.get(request);
  if (!alternatives || (alternative !== undefined && !alternatives.has(alternative))) errors.push(field.invalid(path, name, REFERENCE));
}

export function checkConfiguration(
  errors: Errors,
  path: string,
  opaque: Part<OpaqueDeviceConfiguration> | undefined,
  stored: boolean,
): void {
  if (!opaque) {
    errors.push(field.required(`${path}.opaque`));
    return;
  }
  checkDriverName(errors, `${path}.opaque.driver`, opaque.driver);
  checkOpaqueData(errors, `${path}.opaque.parameters`, opaque.parameters, stored);
}

export function checkBindingConditions(
  errors: Errors,
  path: string,
  givenConditions: readonly string[] | undefined,
  givenFailures: readonly string[] | undefined,
): void {
  const [conditions, failures] = [givenConditions ?? [], givenFailures ?? []];
  const lists = [
    ["bindingConditions", conditions],
    ["bindingFailureConditions", failures],
  ] as const;
  for (const [name, list] of lists) {
    checkItems(errors, `${path}.${name}`, list, MAX_BINDING_CONDITIONS, (one, at) => checkQualifiedName(errors, at, one));
    const seen = new Set<string>();
    for (const [index, one] of list.entries()) {
      const at = `${path}.${name}[${index}]`;
      if (seen.has(one)) errors.push(field.duplicate(at, one));
      seen.add(one);
      if (name === "bindingFailureConditions" && conditions.includes(one)) {
        errors.push(field.invalid(at, one, "bindingFailureConditions must not overlap with bindingConditions"));
      }
    }
  }
  if (conditions.length === 0 && failures.length > 0) {
    const detail = "bindingConditions are required to use bindingFailureConditions";
    errors.push(field.invalid(`${path}.bindingConditions`, givenConditions ?? null, detail));
  }
  if (failures.length === 0 && conditions.length > 0) {
    const detail = "bindingFailureConditions are required to use bindingConditions";
    errors.push(field.invalid(`${path}.bindingFailureConditions`, givenFailures ?? null, detail));
  }
}
