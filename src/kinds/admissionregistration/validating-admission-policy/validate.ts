// What a ValidatingAdmissionPolicy may hold, with upstream's paths and words.

import type { AuditAnnotation, ValidatingAdmissionPolicy, Validation } from "#kinds/api/admissionregistration-v1.gen.ts";
import { checkExpressionAt, checkPolicySpec, type PolicyExpressions } from "#kinds/admissionregistration/validate-policies.ts";
import { checkOneOf, checkQualifiedName, checkRequired, duplicates, type Errors } from "#kinds/shared/checks.ts";
import { checkConditions } from "#kinds/shared/conditions.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { byteLength } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Policy = DeepReadonly<ValidatingAdmissionPolicy>;

const REASONS = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const MAX_ANNOTATIONS = 20;
const MAX_ANNOTATION_EXPRESSION_BYTES = 5 * 1024;
const ONE_OF_BOTH = "validations or auditAnnotations must contain at least one item";

export function validatePolicy(next: Policy, previous: Policy | undefined, check: CheckExpression): FieldError[] {
  const errors: Errors = [];
  const spec = next.spec ?? {};
  const before = storedExpressions(previous);
  const policy = checkPolicySpec(errors, spec, previous?.spec, before.validations, check);
  const { validations = [], auditAnnotations = [] } = spec;
  if (validations.length === 0 && auditAnnotations.length === 0) {
    errors.push(field.required("spec.validations", ONE_OF_BOTH), field.required("spec.auditAnnotations", ONE_OF_BOTH));
    return errors;
  }
  for (const [index, validation] of validations.entries()) {
    checkValidation(errors, `spec.validations[${index}]`, validation, policy, before, check);
  }
  checkAnnotations(errors, next, auditAnnotations, policy, before.annotations, check);
  return errors;
}

interface Stored {
  readonly validations: ReadonlySet<string>;
  readonly messages: ReadonlySet<string>;
  readonly annotations: ReadonlySet<string>;
}

function storedExpressions(previous: Policy | undefined): Stored {
  const { validations = [], auditAnnotations = [] } = previous?.spec ?? {};
  return {
    validations: new Set(validations.map(({ expression }) => expression)),
    messages: new Set(validations.flatMap(({ messageExpression }) => messageExpression ?? [])),
    annotations: new Set(auditAnnotations.map(({ valueExpression }) => valueExpression)),
  };
}

function checkValidation(
  errors: Errors,
  path: string,
  validation: DeepReadonly<Validation>,
  policy: PolicyExpressions,
  before: Stored,
  check: CheckExpression,
): void {
  const { expression, message = "", messageExpression = "", reason } = validation;
  const use = { path: `${path}.expression`, text: expression, stored: before.validations.has(expression) };
  checkExpressionAt(errors, check, { ...use, purpose: "validation" }, policy, "expression is not specified");
  if (messageExpression !== "") {
    const at = `${path}.messageExpression`;
    if (messageExpression.trim() === "") errors.push(field.invalid(at, messageExpression, "must be non-empty if specified"));
    else {
      const stored = before.messages.has(messageExpression);
      checkExpressionAt(errors, check, { path: at, text: messageExpression, purpose: "message", stored }, policy);
    }
  }
  if (message !== "" && message.trim() === "") errors.push(field.invalid(`${path}.message`, message, "must be non-empty if specified"));
  else if (/[\n\r]/.test(message.trim())) errors.push(field.invalid(`${path}.message`, message, "must not contain line breaks"));
  if (reason !== undefined) checkOneOf(errors, `${path}.reason`, reason, REASONS);
}

function checkAnnotations(
  errors: Errors,
  { metadata }: Policy,
  annotations: readonly DeepReadonly<AuditAnnotation>[],
  policy: PolicyExpressions,
  before: ReadonlySet<string>,
  check: CheckExpression,
): void {
  if (annotations.length > MAX_ANNOTATIONS) {
    errors.push(field.invalid("spec.auditAnnotations", annotations, `must not have more than ${MAX_ANNOTATIONS} auditAnnotations`));
  }
  const isDuplicate = duplicates(errors);
  for (const [index, { key, valueExpression }] of annotations.entries()) {
    const path = `spec.auditAnnotations[${index}]`;
    if (metadata?.name) checkQualifiedName(errors, `${path}.key`, `${metadata.name}/${key ?? ""}`);
    else errors.push(field.invalid(`${path}.key`, key ?? "", "requires metadata.name be non-empty"));
    const at = `${path}.valueExpression`;
    const text = (valueExpression ?? "").trim();
    if (byteLength(text) > MAX_ANNOTATION_EXPRESSION_BYTES) {
      errors.push(field.required(at, `must not exceed ${MAX_ANNOTATION_EXPRESSION_BYTES} bytes in length`));
    } else {
      const use = { path: at, text, stored: before.has(valueExpression) };
      checkExpressionAt(errors, check, { ...use, purpose: "auditAnnotation" }, policy, "valueExpression is not specified");
    }
    isDuplicate(`${path}.key`, key ?? "");
  }
}

export function validatePolicyStatus({ status }: Policy): FieldError[] {
  const errors: Errors = [];
  for (const [index, { warning, fieldRef }] of (status?.typeChecking?.expressionWarnings ?? []).entries()) {
    const path = `status.typeChecking.expressionWarnings[${index}]`;
    checkRequired(errors, `${path}.warning`, warning);
    checkRequired(errors, `${path}.fieldRef`, (fieldRef ?? "").trim());
  }
  checkConditions(errors, "status.conditions", status?.conditions);
  return errors;
}
