// What configurations of webhooks of both sorts may hold, with upstream's paths and words. What was wrong before may
// stay wrong in an update.

import type { MutatingWebhook, ValidatingWebhook } from "#kinds/api/admissionregistration-v1.gen.ts";
import { checkLabelSelector, checkOneOf, checkRule, duplicates, type Errors } from "#kinds/shared/checks.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { checkWebhookClient } from "#kinds/shared/webhook-client.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { dns1035Label, dns1123Subdomain } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkMatchConditions } from "./validate-expressions.ts";
import { checkRuleWithOperations, FAILURE_POLICIES, MATCH_POLICIES, REINVOCATION_POLICIES } from "./validate-rules.ts";

/** Mutating ones have one field more. */
export type Webhook = DeepReadonly<Partial<ValidatingWebhook> & Pick<Partial<MutatingWebhook>, "reinvocationPolicy">>;

const REVIEW_VERSIONS = ["v1", "v1beta1"];
const SIDE_EFFECTS = ["None", "NoneOnDryRun", "Some", "Unknown"];
const NO_SIDE_EFFECTS = ["None", "NoneOnDryRun"];

interface Tolerance {
  readonly skipsConditions: boolean;
  readonly sideEffects: readonly string[];
  readonly anyReviewVersion: boolean;
  readonly sameNames: boolean;
  readonly anyLabelValue: boolean;
  readonly expressions: ReadonlySet<string>;
}

export function validateWebhooks(next: readonly Webhook[], previous: readonly Webhook[] | undefined, check: CheckExpression): FieldError[] {
  const errors: Errors = [];
  const tolerance = toleranceOf(next, previous ?? [], previous !== undefined);
  const isDuplicate = duplicates(errors);
  for (const [index, webhook] of next.entries()) {
    const path = `webhooks[${index}]`;
    checkWebhook(errors, path, webhook, tolerance, check);
    checkReviewVersions(errors, `${path}.admissionReviewVersions`, webhook.admissionReviewVersions ?? [], tolerance.anyReviewVersion);
    if (!tolerance.sameNames && webhook.name) isDuplicate(`${path}.name`, webhook.name);
  }
  return errors;
}

function toleranceOf(next: readonly Webhook[], before: readonly Webhook[], isUpdate: boolean): Tolerance {
  const hasWrongSelector = (selector: Webhook["objectSelector"]) => {
    const wrong: Errors = [];
    checkLabelSelector(wrong, "", selector);
    return wrong.length > 0;
  };
  const recognized = ({ admissionReviewVersions: versions = [] }: Webhook) =>
    versions.length === 0 || versions.some((version) => REVIEW_VERSIONS.includes(version));
  const sameConditions = (webhook: Webhook, index: number) => semanticEqual(webhook.matchConditions, next[index]?.matchConditions);
  return {
    skipsConditions: isUpdate && next.length === before.length && before.every(sameConditions),
    sideEffects: before.every(({ sideEffects = "" }) => NO_SIDE_EFFECTS.includes(sideEffects)) ? NO_SIDE_EFFECTS : SIDE_EFFECTS,
    anyReviewVersion: !before.every(recognized),
    sameNames: new Set(before.map(({ name }) => name)).size < before.length,
    anyLabelValue: before.some((webhook) => hasWrongSelector(webhook.namespaceSelector) || hasWrongSelector(webhook.objectSelector)),
    expressions: new Set(before.flatMap(({ matchConditions = [] }) => matchConditions.map(({ expression }) => expression))),
  };
}

function checkWebhook(errors: Errors, path: string, webhook: Webhook, tolerance: Tolerance, check: CheckExpression): void {
  checkFullyQualified(errors, `${path}.name`, webhook.name ?? "");
  for (const [index, rule] of (webhook.rules ?? []).entries()) checkRuleWithOperations(errors, `${path}.rules[${index}]`, rule);
  checkOptional(errors, `${path}.failurePolicy`, webhook.failurePolicy, FAILURE_POLICIES);
  checkOptional(errors, `${path}.matchPolicy`, webhook.matchPolicy, MATCH_POLICIES);
  checkOptional(errors, `${path}.sideEffects`, webhook.sideEffects, tolerance.sideEffects);
  if (webhook.sideEffects === undefined) {
    errors.push(field.required(`${path}.sideEffects`, `must specify one of ${tolerance.sideEffects.join(", ")}`));
  }
  const seconds = webhook.timeoutSeconds;
  if (seconds !== undefined && (seconds > 30 || seconds < 1)) {
    errors.push(field.invalid(`${path}.timeoutSeconds`, seconds, "the timeout value must be between 1 and 30 seconds"));
  }
  checkLabelSelector(errors, `${path}.namespaceSelector`, webhook.namespaceSelector, tolerance.anyLabelValue);
  checkLabelSelector(errors, `${path}.objectSelector`, webhook.objectSelector, tolerance.anyLabelValue);
  checkOptional(errors, `${path}.reinvocationPolicy`, webhook.reinvocationPolicy, REINVOCATION_POLICIES);
  checkWebhookClient(errors, `${path}.clientConfig`, webhook.clientConfig);
  if (tolerance.skipsConditions) return;
  checkMatchConditions(errors, `${path}.matchConditions`, webhook.matchConditions, check, {
    hasParams: false,
    before: tolerance.expressions,
  });
}

function checkOptional(errors: Errors, path: string, value: string | undefined, supported: readonly string[]): void {
  if (value !== undefined) checkOneOf(errors, path, value, supported);
}

function checkFullyQualified(errors: Errors, path: string, name: string): void {
  if (name === "") {
    errors.push(field.required(path));
    return;
  }
  const wrong = dns1123Subdomain(name);
  if (wrong.length > 0) errors.push(field.invalid(path, name, wrong.join(",")));
  else if (name.split(".").length < 3) {
    errors.push(field.invalid(path, name, "should be a domain with at least three segments separated by dots"));
  }
}

function checkReviewVersions(errors: Errors, path: string, versions: readonly string[], anyIsFine: boolean): void {
  if (versions.length === 0) {
    errors.push(field.required(path, `must specify one of ${REVIEW_VERSIONS.join(", ")}`));
    return;
  }
  const seen = new Set<string>();
  for (const [index, version] of versions.entries()) {
    const at = `${path}[${index}]`;
    if (seen.has(version)) errors.push(field.invalid(at, version, "duplicate version"));
    else checkRule(errors, at, version, dns1035Label);
    seen.add(version);
  }
  if (!anyIsFine && !REVIEW_VERSIONS.some((version) => seen.has(version))) {
    errors.push(field.invalid(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(", ")}`));
  }
}
