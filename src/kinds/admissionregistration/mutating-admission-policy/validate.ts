// What a MutatingAdmissionPolicy may hold, with upstream's paths and words.

import type { MutatingAdmissionPolicy, Mutation } from "#kinds/api/admissionregistration-v1.gen.ts";
import { checkExpressionAt, checkPolicySpec, type PolicyExpressions } from "#kinds/admissionregistration/validate-policies.ts";
import { checkMutatingOperations, REINVOCATION_POLICIES } from "#kinds/admissionregistration/validate-rules.ts";
import { checkOneOf, checkRequired, checkRequiredOneOf, type Errors } from "#kinds/shared/checks.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Policy = DeepReadonly<MutatingAdmissionPolicy>;

export function validatePolicy(next: Policy, previous: Policy | undefined, check: CheckExpression): FieldError[] {
  const errors: Errors = [];
  const spec = next.spec ?? {};
  const policy = checkPolicySpec(errors, spec, previous?.spec, new Set(), check);
  if (spec.matchConstraints) checkMutatingOperations(errors, "spec.matchConstraints", spec.matchConstraints);
  const mutations = spec.mutations ?? [];
  if (mutations.length === 0) errors.push(field.required("spec.mutations", "mutations must contain at least one item"));
  const before = new Set((previous?.spec?.mutations ?? []).flatMap(({ applyConfiguration }) => applyConfiguration?.expression ?? []));
  for (const [index, mutation] of mutations.entries()) {
    checkMutation(errors, `spec.mutations[${index}]`, mutation, policy, before, check);
  }
  checkRequiredOneOf(errors, "spec.reinvocationPolicy", spec.reinvocationPolicy, REINVOCATION_POLICIES);
  return errors;
}

/** Which field goes with which type of patch. */
const FORMS = { JSONPatch: "jsonPatch", ApplyConfiguration: "applyConfiguration" } as const;

function checkMutation(
  errors: Errors,
  path: string,
  mutation: DeepReadonly<Mutation>,
  policy: PolicyExpressions,
  before: ReadonlySet<string>,
  check: CheckExpression,
): void {
  const { patchType } = mutation;
  if (!checkRequired(errors, `${path}.patchType`, patchType)) return;
  if (patchType !== "JSONPatch" && patchType !== "ApplyConfiguration") {
    checkOneOf(errors, `${path}.patchType`, patchType, Object.keys(FORMS));
    return;
  }
  const wanted = FORMS[patchType];
  const given = mutation[wanted];
  if (given) {
    const use = { path: `${path}.${wanted}.expression`, text: given.expression, stored: before.has(given.expression ?? "") };
    checkExpressionAt(errors, check, { ...use, purpose: wanted }, policy);
  } else errors.push(field.required(`${path}.${wanted}`, `must be specified when patchType is ${patchType}`));
  const other = wanted === "jsonPatch" ? "applyConfiguration" : "jsonPatch";
  if (mutation[other]) {
    errors.push(field.invalid(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`));
  }
}
