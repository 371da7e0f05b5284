// Which requests a webhook or a policy is about: rules and what surrounds them, with upstream's paths and words.

import type { MatchResources, NamedRuleWithOperations, RuleWithOperations } from "#kinds/api/admissionregistration-v1.gen.ts";
import { checkLabelSelector, checkOneOf, checkRequired, checkRule, duplicates, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { pathSegmentName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;

export const FAILURE_POLICIES: readonly string[] = ["Fail", "Ignore"];
export const MATCH_POLICIES: readonly string[] = ["Equivalent", "Exact"];
export const REINVOCATION_POLICIES: readonly string[] = ["IfNeeded", "Never"];
const OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const MUTATING_OPERATIONS = OPERATIONS.filter((operation) => operation !== "DELETE");
const SCOPES = ["*", "Cluster", "Namespaced"];

/** A value out of a fixed set that must be there; the empty text is there, but none of them. */
export function checkChoice(errors: Errors, path: string, value: string | undefined, supported: readonly string[]): void {
  if (value === undefined) errors.push(field.required(path));
  else checkOneOf(errors, path, value, supported);
}

export function checkMatchResources(errors: Errors, path: string, match: Read<MatchResources>): void {
  checkChoice(errors, `${path}.matchPolicy`, match.matchPolicy, MATCH_POLICIES);
  for (const name of ["namespaceSelector", "objectSelector"] as const) {
    if (match[name]) checkLabelSelector(errors, `${path}.${name}`, match[name]);
    else errors.push(field.required(`${path}.${name}`));
  }
  for (const name of ["resourceRules", "excludeResourceRules"] as const) {
    for (const [index, rule] of (match[name] ?? []).entries()) checkNamedRule(errors, `${path}.${name}[${index}]`, rule);
  }
}

/** Nothing can be changed about an object that is deleted. */
export function checkMutatingOperations(errors: Errors, path: string, match: Read<MatchResources>): void {
  for (const rule of match.resourceRules ?? []) {
    for (const operation of rule.operations ?? []) checkOneOf(errors, `${path}.resourceRules.operations`, operation, MUTATING_OPERATIONS);
  }
}

function checkNamedRule(errors: Errors, path: string, rule: Read<NamedRuleWithOperations>): void {
  const isDuplicate = duplicates(errors);
  for (const [index, name] of (rule.resourceNames ?? []).entries()) {
    checkRule(errors, `${path}.resourceNames[${index}]`, name, pathSegmentName);
    isDuplicate(`${path}.resourceNames[${index}]`, name);
  }
  checkRuleWithOperations(errors, path, rule);
}

export function checkRuleWithOperations(errors: Errors, path: string, rule: Read<RuleWithOperations>): void {
  const operations = rule.operations ?? [];
  checkList(errors, `${path}.operations`, operations, "operations");
  for (const [index, operation] of operations.entries()) checkOneOf(errors, `${path}.operations[${index}]`, operation, OPERATIONS);
  checkList(errors, `${path}.apiGroups`, rule.apiGroups ?? [], "API groups");
  checkList(errors, `${path}.apiVersions`, rule.apiVersions ?? [], "API versions");
  for (const [index, version] of (rule.apiVersions ?? []).entries()) checkRequired(errors, `${path}.apiVersions[${index}]`, version);
  checkResources(errors, `${path}.resources`, rule.resources ?? []);
  if (rule.scope !== undefined) checkOneOf(errors, `${path}.scope`, rule.scope, SCOPES);
}

function checkList(errors: Errors, path: string, values: readonly string[], many: string): void {
  if (values.length === 0) errors.push(field.required(path));
  if (values.length > 1 && values.includes("*")) {
    errors.push(field.invalid(path, values, `if '*' is present, must not specify other ${many}`));
  }
}

function checkResources(errors: Errors, path: string, resources: readonly string[]): void {
  if (resources.length === 0) errors.push(field.required(path));
  const anySubresourceOf = new Set<string>();
  const anyResourceWith = new Set<string>();
  // Upstream keeps what the last entry without a subresource says.
  let lastIsPlain = false;
  for (const [index, text] of resources.entries()) {
    const at = `${path}[${index}]`;
    if (!checkRequired(errors, at, text)) continue;
    const slash = text.indexOf("/");
    if (slash < 0) {
      lastIsPlain = text !== "*";
      continue;
    }
    const [resource, subresource] = [text.slice(0, slash), text.slice(slash + 1)];
    if (anySubresourceOf.has(resource)) {
      errors.push(field.invalid(at, text, `if '${resource}/*' is present, must not specify ${text}`));
    }
    if (anyResourceWith.has(subresource)) {
      errors.push(field.invalid(at, text, `if '*/${subresource}' is present, must not specify ${text}`));
    }
    if (subresource === "*") anySubresourceOf.add(resource);
    if (resource === "*") anyResourceWith.add(subresource);
  }
  if (resources.length > 1 && resources.includes("*/*")) {
    errors.push(field.invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  }
  if (lastIsPlain && resources.includes("*")) {
    errors.push(field.invalid(path, resources, "if '*' is present, must not specify other resources without subresources"));
  }
}
