// What a MutatingAdmissionPolicyBinding may hold, with upstream's paths and words.

import type { MutatingAdmissionPolicyBinding } from "#kinds/api/admissionregistration-v1.gen.ts";
import { checkBindingSpec } from "#kinds/admissionregistration/validate-policies.ts";
import { checkMutatingOperations } from "#kinds/admissionregistration/validate-rules.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import type { FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function validateBinding({ spec = {} }: DeepReadonly<MutatingAdmissionPolicyBinding>): FieldError[] {
  const errors: Errors = [];
  checkBindingSpec(errors, spec);
  if (spec.matchResources) checkMutatingOperations(errors, "spec.matchResources", spec.matchResources);
  return errors;
}
