// Requests, limits and claims of containers and of whole pods.

import type { PodSpec, ResourceRequirements } from "#kinds/api/core-v1.gen.ts";
import { checkDnsLabel, checkRule, NEGATIVE, type Errors } from "#kinds/shared/checks.ts";
import { canonical, compare, tryParse, type Amount } from "#kinds/shared/quantities.ts";
import {
  isContainerResource,
  isExtendedResource,
  isHugePages,
  isIntegerResource,
  isNativeResource,
  isOvercommitAllowed,
  isStandardResource,
} from "#kinds/shared/resource-names.ts";
import { field } from "#meta/errors.ts";
import { qualifiedName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { aggregateResources } from "./aggregate.ts";

type Requirements = DeepReadonly<ResourceRequirements>;
type NameRule = (errors: Errors, path: string, name: string) => void;

/** Any resource's name; false if something is wrong with it. */
export function checkResourceName(errors: Errors, path: string, name: string): boolean {
  const before = errors.length;
  checkRule(errors, path, name, qualifiedName);
  if (errors.length === before && !name.includes("/") && !isStandardResource(name)) {
    errors.push(field.invalid(path, name, "must be a standard resource type or fully qualified"));
  }
  return errors.length === before;
}

export function checkContainerResourceName(errors: Errors, path: string, name: string): void {
  checkResourceName(errors, path, name);
  if (!name.includes("/")) {
    if (!isContainerResource(name)) errors.push(field.invalid(path, name, "must be a standard resource for containers"));
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(field.invalid(path, name, "doesn't follow extended resource name standard"));
  }
}

function checkPodResourceName(errors: Errors, path: string, name: string): void {
  if (!checkResourceName(errors, path, name)) return;
  if (name !== "cpu" && name !== "memory" && !isHugePages(name))
    errors.push(field.notSupported(path, name, ["cpu", "hugepages-", "memory"]));
}

/** Not negative, and whole where there are only whole ones. */
export function checkResourceAmount(errors: Errors, path: string, name: string, value: Amount): void {
  const quantity = tryParse(value);
  if (!quantity) return;
  if (quantity.nanos < 0n) errors.push(field.invalid(path, String(value), NEGATIVE));
  if (isIntegerResource(name) && quantity.nanos % 1_000_000_000n !== 0n) errors.push(field.invalid(path, value, "must be an integer"));
}

export function validateContainerResources(
  errors: Errors,
  path: string,
  resources: Requirements | undefined,
  claims: ReadonlySet<string>,
  allowsBroken = false,
): void {
  if (resources) validateRequirements(errors, path, resources, claims, checkContainerResourceName, allowsBroken);
}

export function validatePodResources(
  errors: Errors,
  path: string,
  spec: DeepReadonly<PodSpec>,
  claims: ReadonlySet<string>,
  allowsBroken: boolean,
): void {
  const { resources = {} } = spec;
  if (spec.os?.name === "windows") {
    errors.push(field.forbidden(path, "may not be set for a windows pod"));
    return;
  }
  if (resources.claims !== undefined) errors.push(field.forbidden(`${path}.claims`, "claims may not be set for Resources at pod-level"));
  validateRequirements(errors, path, resources, claims, checkPodResourceName, allowsBroken);
  validateShares(errors, path, spec, resources);
}

/** What containers ask for fits into what the pod asks for. */
function validateShares(errors: Errors, path: string, spec: DeepReadonly<PodSpec>, resources: Requirements): void {
  for (const [what, all] of [["requests", true] as const, ["limits", false] as const]) {
    for (const [name, amount] of Object.entries(aggregateResources(spec, what))) {
      const own = resources[what]?.[name];
      if (own === undefined || (!all && !isHugePages(name)) || compare(amount, own) <= 0) continue;
      const text = `must be greater than or equal to aggregate container ${what} of ${amount}`;
      errors.push(field.invalid(`${path}.${what}[${name}]`, canonical(own), text));
    }
  }
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const own = resources.limits?.[name];
      if (own === undefined || compare(limit, own) <= 0) continue;
      const text = `must be less than or equal to pod limits of ${canonical(own)}`;
      errors.push(field.invalid(`${path}.containers[${index}][${name}].limits`, canonical(limit), text));
    }
  }
}

function validateRequirements(
  errors: Errors,
  path: string,
  resources: Requirements,
  claims: ReadonlySet<string>,
  checkName: NameRule,
  allowsBroken: boolean,
): void {
  const { limits = {}, requests = {} } = resources;
  for (const [name, value] of Object.entries(limits)) {
    const at = `${path}.limits[${name}]`;
    checkName(errors, at, name);
    checkResourceAmount(errors, at, name, value);
    checkHugePages(errors, at, name, value, allowsBroken);
  }
  for (const [name, value] of Object.entries(requests)) {
    const at = `${path}.requests[${name}]`;
    checkName(errors, at, name);
    checkResourceAmount(errors, at, name, value);
    const limit = limits[name];
    if (limit === undefined) {
      if (!isOvercommitAllowed(name)) errors.push(field.required(`${path}.limits`, "Limit must be set for non overcommitable resources"));
    } else if (!isOvercommitAllowed(name) && compare(value, limit) !== 0) {
      errors.push(field.invalid(`${path}.requests`, String(value), `must be equal to ${name} limit of ${limit}`));
    } else if (compare(value, limit) > 0) {
      errors.push(field.invalid(`${path}.requests`, String(value), `must be less than or equal to ${name} limit of ${limit}`));
    }
    checkHugePages(errors, at, name, value, allowsBroken);
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory")) {
    errors.push(field.forbidden(path, "HugePages require cpu or memory"));
  }
  validateClaims(errors, `${path}.claims`, resources, claims);
}

const pageOf = (name: string) => tryParse(name.slice("hugepages-".length));

/** Whether an amount is a number of whole pages; what cannot be read is. */
export function isWholePages(name: string, value: Amount): boolean {
  const [page, quantity] = [pageOf(name), tryParse(value)];
  return !page || page.nanos === 0n || !quantity || quantity.nanos % page.nanos === 0n;
}

/** Huge pages are used whole. */
function checkHugePages(errors: Errors, path: string, name: string, value: Amount, allowsBroken: boolean): void {
  if (!isHugePages(name)) return;
  const page = pageOf(name);
  if (!page || page.nanos === 0n) {
    errors.push(
      field.invalid(path, String(value), "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
    );
  } else if (!allowsBroken && !isWholePages(name, value)) {
    errors.push(field.invalid(path, String(value), `${value} is not positive integer multiple of ${name.slice("hugepages-".length)}`));
  }
}

function validateClaims(errors: Errors, path: string, { claims = [] }: Requirements, known: ReadonlySet<string>): void {
  const seen = new Set<string>();
  for (const [index, { name, request }] of claims.entries()) {
    const at = `${path}[${index}]`;
    if (!name) {
      errors.push(field.required(at));
      continue;
    }
    const key = request ? `${name}/${request}` : name;
    if (request) checkDnsLabel(errors, `${at}.request`, request);
    const whole = !request && [...seen].some((other) => other.startsWith(`${name}/`));
    if (seen.has(name) || seen.has(key) || whole) errors.push(field.duplicate(at, seen.has(name) || whole ? name : key));
    seen.add(key);
    if (!known.has(name)) {
      const list = known.size === 0 ? " which is empty" : `: ${[...known].toSorted().join(", ")}`;
      errors.push({ ...field.notFound(at, name), detail: `must be one of the names in pod.spec.resourceClaims${list}` });
    }
  }
}
