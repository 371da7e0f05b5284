// What a FlowSchema may hold, with upstream's paths and words.

import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from "#kinds/api/flowcontrol-v1.gen.ts";
import { mandatoryFlowControl } from "#kinds/flowcontrol/bootstrap.ts";
import { checkConditionTypes } from "#kinds/flowcontrol/conditions.ts";
import { checkDnsLabel, checkOneOf, checkRequired, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { dns1123Label } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;

const MAX_PRECEDENCE = 10_000;
const METHODS = ["ByNamespace", "ByUser"];
const SUBJECTS = ["Group", "ServiceAccount", "User"];
const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

/** Writers of the status are only told of the status. */
export function validateFlowSchema({ metadata, spec, status }: Read<FlowSchema>, subresource: string): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    checkConditionTypes(errors, status?.conditions);
    return errors;
  }
  const name = metadata?.name ?? "";
  checkSpec(errors, name, spec ?? {});
  if (name === "exempt" || name === "catch-all") {
    const fixed = mandatoryFlowControl().flowSchemas.find((schema) => schema.metadata?.name === name);
    if (!semanticEqual(spec, fixed?.spec)) errors.push(field.invalid("spec", spec, `spec of '${name}' must equal the fixed value`));
  }
  checkConditionTypes(errors, status?.conditions);
  return errors;
}

function checkSpec(errors: Errors, name: string, spec: Read<Partial<NonNullable<FlowSchema["spec"]>>>): void {
  const precedence = spec.matchingPrecedence ?? 0;
  const at = "spec.matchingPrecedence";
  if (precedence <= 0) errors.push(field.invalid(at, precedence, "must be a positive value"));
  if (precedence > MAX_PRECEDENCE) errors.push(field.invalid(at, precedence, `must not be greater than ${MAX_PRECEDENCE}`));
  if (precedence === 1 && name !== "exempt") {
    errors.push(field.invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  const method = spec.distinguisherMethod;
  if (method && !METHODS.includes(method.type)) errors.push(field.notSupported("spec.distinguisherMethod.type", method, METHODS));
  const level = spec.priorityLevelConfiguration?.name;
  if (checkRequired(errors, "spec.priorityLevelConfiguration.name", level, "must reference a priority level")) {
    checkSubdomain(errors, "spec.priorityLevelConfiguration.name", level);
  }
  for (const [index, rules] of (spec.rules ?? []).entries()) checkRules(errors, `spec.rules[${index}]`, rules);
}

function checkRules(errors: Errors, path: string, rules: Read<Partial<PolicyRulesWithSubjects>>): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rules;
  if (subjects.length === 0) errors.push(field.required(`${path}.subjects`, "subjects must contain at least one value"));
  for (const [index, subject] of subjects.entries()) checkSubject(errors, `${path}.subjects[${index}]`, subject);
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    errors.push(field.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty"));
  }
  for (const [index, rule] of resourceRules.entries()) checkResourceRule(errors, `${path}.resourceRules[${index}]`, rule);
  for (const [index, rule] of nonResourceRules.entries()) checkPathRule(errors, `${path}.nonResourceRules[${index}]`, rule);
}

function checkSubject(errors: Errors, path: string, subject: Read<Partial<Subject>>): void {
  const { kind = "" } = subject;
  if (!SUBJECTS.includes(kind)) {
    checkOneOf(errors, `${path}.kind`, kind, SUBJECTS);
    return;
  }
  for (const [name, owner] of [
    ["serviceAccount", "ServiceAccount"],
    ["user", "User"],
    ["group", "Group"],
  ] as const) {
    const at = `${path}.${name}`;
    const value = subject[name];
    if (kind !== owner) {
      if (value) errors.push(field.forbidden(at, `${name} is forbidden when subject kind is not '${owner}'`));
    } else if (!value) errors.push(field.required(at, `${name} is required when subject kind is '${owner}'`));
    else {
      checkRequired(errors, `${at}.name`, value.name);
      if (name === "serviceAccount") checkAccount(errors, at, subject.serviceAccount);
    }
  }
}

function checkAccount(errors: Errors, path: string, account: Read<Partial<Subject>>["serviceAccount"]): void {
  if (account?.name && account.name !== "*") checkSubdomain(errors, `${path}.name`, account.name);
  if (checkRequired(errors, `${path}.namespace`, account?.namespace, "must specify namespace for service account")) {
    checkDnsLabel(errors, `${path}.namespace`, account?.namespace);
  }
}

function checkVerbs(errors: Errors, path: string, verbs: readonly string[]): void {
  if (verbs.length === 0) errors.push(field.required(path, "verbs must contain at least one value"));
  else if (verbs.includes("*")) {
    if (verbs.length > 1) errors.push(field.invalid(path, verbs, "if '*' is present, must not specify other verbs"));
  } else if (!verbs.every((verb) => VERBS.includes(verb))) errors.push(field.notSupported(path, verbs, VERBS));
}

function checkNames(errors: Errors, path: string, names: readonly string[], one: string, many: string): void {
  if (names.length === 0) errors.push(field.required(path, `resource rules must supply at least one ${one}`));
  else if (names.length > 1 && names.includes("*")) {
    errors.push(field.invalid(path, names, `if '*' is present, must not specify other ${many}`));
  }
}

function checkResourceRule(errors: Errors, path: string, rule: Read<Partial<ResourcePolicyRule>>): void {
  checkVerbs(errors, `${path}.verbs`, rule.verbs ?? []);
  checkNames(errors, `${path}.apiGroups`, rule.apiGroups ?? [], "api group", "api groups");
  checkNames(errors, `${path}.resources`, rule.resources ?? [], "resource", "resources");
  const namespaces = rule.namespaces ?? [];
  const at = `${path}.namespaces`;
  if (namespaces.length === 0 && !rule.clusterScope) {
    errors.push(field.required(at, "resource rules that are not cluster scoped must supply at least one namespace"));
  } else if (namespaces.includes("*")) {
    if (namespaces.length > 1) errors.push(field.invalid(at, namespaces, "if '*' is present, must not specify other namespaces"));
  } else {
    for (const [index, name] of namespaces.entries()) {
      for (const wrong of dns1123Label(name)) {
        errors.push(field.invalid(`${at}[${index}]`, name, `each member of this list must be '*' or a DNS-1123 label; ${wrong}`));
      }
    }
  }
}

function checkPathRule(errors: Errors, path: string, rule: Read<Partial<NonResourcePolicyRule>>): void {
  checkVerbs(errors, `${path}.verbs`, rule.verbs ?? []);
  const urls = rule.nonResourceURLs ?? [];
  const at = `${path}.nonResourceURLs`;
  if (urls.length === 0) errors.push(field.required(at, "nonResourceURLs must contain at least one value"));
  else if (urls.includes("*")) {
    if (urls.length > 1) errors.push(field.invalid(at, urls, "if '*' is present, must not specify other non-resource URLs"));
  } else {
    for (const [index, url] of urls.entries()) {
      const wrong = wrongPath(url);
      if (wrong !== undefined) errors.push(field.invalid(`${at}[${index}]`, url, wrong));
    }
  }
}

function wrongPath(path: string): string | undefined {
  if (path === "") return "must not be empty";
  if (path === "/") return undefined;
  if (!path.startsWith("/")) return "must start with slash";
  if (path.includes(" ")) return "must not contain white-space";
  if (path.includes("//")) return "must not contain double slash";
  const wildcards = path.split("*").length - 1;
  return wildcards > 1 || (wildcards === 1 && !path.endsWith("/*")) ? "wildcard can only do suffix matching" : undefined;
}
