// What a ValidatingAdmissionPolicyBinding may hold, with upstream's paths and words.

import type { ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec } from "#kinds/api/admissionregistration-v1.gen.ts";
import { checkBindingSpec } from "#kinds/admissionregistration/validate-policies.ts";
import { checkOneOf, duplicates, type Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const ACTIONS = ["Audit", "Deny", "Warn"];
const TWICE =
  "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";

export function validateBinding(object: DeepReadonly<ValidatingAdmissionPolicyBinding>): FieldError[] {
  const errors: Errors = [];
  const spec: DeepReadonly<Partial<ValidatingAdmissionPolicyBindingSpec>> = object.spec ?? {}; // written by clients: may be absent
  checkBindingSpec(errors, spec);
  const path = "spec.validationActions";
  const actions = spec.validationActions ?? [];
  const isDuplicate = duplicates(errors);
  for (const [index, action] of actions.entries()) {
    checkOneOf(errors, `${path}[${index}]`, action, ACTIONS);
    isDuplicate(`${path}[${index}]`, action);
  }
  if (actions.includes("Deny") && actions.includes("Warn")) errors.push(field.invalid(path, actions, TWICE));
  if (actions.length === 0) errors.push(field.required(path, "at least one validation action is required"));
  return errors;
}
