// What policies of both sorts, and their bindings, have in common, with upstream's paths and words.

import type { MatchCondition, MatchResources, ParamKind, ParamRef, Variable } from "#kinds/api/admissionregistration-v1.gen.ts";
import { checkLabelSelector, checkRequired, checkRule, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import type { CheckExpression, ExpressionPurpose, ExpressionUse } from "#kinds/shared/expressions.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field } from "#meta/errors.ts";
import { dns1035Label, dns1123Subdomain, pathSegmentName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkMatchConditions, isIdentifier } from "./validate-expressions.ts";
import { checkChoice, checkMatchResources, FAILURE_POLICIES } from "./validate-rules.ts";

type Read<T> = DeepReadonly<T>;

/** What both sorts of policy specify. */
export type PolicySpec = Read<{
  paramKind?: ParamKind;
  failurePolicy?: string;
  matchConstraints?: MatchResources;
  matchConditions?: MatchCondition[];
  variables?: Variable[];
}>;

/** What is the same in the use of all expressions of a policy. */
export type PolicyExpressions = Pick<ExpressionUse, "hasParams" | "variables">;

/** Checks what both have, and gives what its expressions may use. */
export function checkPolicySpec(
  errors: Errors,
  spec: PolicySpec,
  before: PolicySpec | undefined,
  storedExpressions: ReadonlySet<string>,
  check: CheckExpression,
): PolicyExpressions {
  const hasParams = spec.paramKind !== undefined;
  checkChoice(errors, "spec.failurePolicy", spec.failurePolicy, FAILURE_POLICIES);
  if (spec.paramKind) checkParamKind(errors, "spec.paramKind", spec.paramKind);
  const constraints = "spec.matchConstraints";
  if (spec.matchConstraints) {
    checkMatchResources(errors, constraints, spec.matchConstraints);
    if ((spec.matchConstraints.resourceRules ?? []).length === 0) errors.push(field.required(`${constraints}.resourceRules`));
  } else errors.push(field.required(constraints));
  const unchanged =
    before && semanticEqual(spec.paramKind, before.paramKind) && semanticEqual(spec.matchConditions, before.matchConditions);
  if (!unchanged) {
    const stored = new Set((before?.matchConditions ?? []).map(({ expression }) => expression));
    checkMatchConditions(errors, "spec.matchConditions", spec.matchConditions, check, { hasParams, before: stored });
  }
  const variables: Variable[] = [];
  for (const [index, { name = "", expression = "" }] of ((spec.variables as readonly Partial<Variable>[] | undefined) ?? []).entries()) {
    const path = `spec.variables[${index}]`;
    if (name.trim() === "") errors.push(field.required(`${path}.name`, "name is not specified"));
    else if (!isIdentifier(name)) errors.push(field.invalid(`${path}.name`, name, "must be a valid CEL identifier"));
    if (expression.trim() === "") errors.push(field.required(`${path}.expression`, "expression is not specified"));
    else {
      const use = { path: `${path}.expression`, text: expression, purpose: "variable" as const, hasParams, hasAuthorizer: true };
      errors.push(...check({ ...use, variables: [...variables], stored: storedExpressions.has(expression) }));
    }
    variables.push({ name, expression });
  }
  return { hasParams, variables };
}

/** An expression that must be there. */
export function checkExpressionAt(
  errors: Errors,
  check: CheckExpression,
  use: Pick<ExpressionUse, "path" | "stored"> & { readonly text: string | undefined; readonly purpose: ExpressionPurpose },
  policy: PolicyExpressions,
  missing = "",
): void {
  if ((use.text ?? "").trim() === "") errors.push(field.required(use.path, missing));
  else errors.push(...check({ ...policy, hasAuthorizer: use.purpose !== "message", ...use, text: use.text ?? "" }));
}

function checkParamKind(errors: Errors, path: string, { apiVersion = "", kind = "" }: Read<Partial<ParamKind>>): void {
  if (checkRequired(errors, `${path}.apiVersion`, apiVersion)) checkGroupVersion(errors, `${path}.apiVersion`, apiVersion);
  if (!checkRequired(errors, `${path}.kind`, kind)) return;
  const wrong = dns1035Label(kind.toLowerCase());
  if (wrong.length === 0) return;
  errors.push(field.invalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${wrong.join(",")}`));
}

function checkGroupVersion(errors: Errors, path: string, text: string): void {
  const parts = text === "/" ? [""] : text.split("/");
  if (parts.length > 2) {
    errors.push(field.invalid(path, text, `unexpected GroupVersion string: ${text}`));
    return;
  }
  const version = parts.at(-1) ?? "";
  const group = parts.length === 2 ? (parts[0] ?? "") : "";
  const wrongGroup = group === "" ? [] : dns1123Subdomain(group);
  if (wrongGroup.length > 0) errors.push(field.invalid(path, group, wrongGroup.join(",")));
  const wrongVersion = dns1035Label(version);
  if (version === "") errors.push(field.invalid(path, text, "version must be specified"));
  else if (wrongVersion.length > 0) errors.push(field.invalid(path, version, wrongVersion.join(",")));
}

/** What bindings of both sorts specify. */
type BindingSpec = Read<{ policyName?: string; paramRef?: ParamRef; matchResources?: MatchResources }>;

export function checkBindingSpec(errors: Errors, spec: BindingSpec): void {
  if (checkRequired(errors, "spec.policyName", spec.policyName)) checkSubdomain(errors, "spec.policyName", spec.policyName);
  if (spec.paramRef) checkParamRef(errors, "spec.paramRef", spec.paramRef);
  if (spec.matchResources) checkMatchResources(errors, "spec.matchResources", spec.matchResources);
}

function checkParamRef(errors: Errors, path: string, { name = "", selector, parameterNotFoundAction }: Read<ParamRef>): void {
  if (name !== "") checkRule(errors, `${path}.name`, name, pathSegmentName);
  if (selector) checkLabelSelector(errors, `${path}.selector`, selector);
  if (name !== "" && selector) {
    for (const one of ["name", "selector"]) errors.push(field.forbidden(`${path}.${one}`, "name and selector are mutually exclusive"));
  }
  if (name === "" && !selector) errors.push(field.required(path, "one of name or selector must be specified"));
  if (checkRequired(errors, `${path}.parameterNotFoundAction`, parameterNotFoundAction)) {
    const action = parameterNotFoundAction ?? "";
    const actions = ["Deny", "Allow"];
    if (!actions.includes(action)) errors.push(field.notSupported(`${path}.parameterNotFoundAction`, action, actions, "given"));
  }
}

/** Names that are kept for what is configured by files. */
export function staticNameWarnings(name: string | undefined): string[] {
  if (!name?.endsWith(STATIC_SUFFIX)) return [];
  return [
    `metadata.name: names ending with "${STATIC_SUFFIX}" are reserved for static manifest-based configurations and cannot be managed via the API`,
  ];
}

const STATIC_SUFFIX = ".static.k8s.io";
