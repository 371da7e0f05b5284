import type { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { checkLabelSelector, checkNonNegative, checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { checkConditions } from "#kinds/shared/conditions.ts";
import { ageColumn, integer, nameColumn, text } from "#kinds/shared/columns.ts";
import { checkIntOrPercent, checkNotAboveHundredPercent } from "#kinds/shared/int-or-percent.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";

const POLICIES = ["AlwaysAllow", "IfHealthyBudget"];

/** A stored selector that is wrong in any way lets updates keep values that no label can have. */
function isWrong({ spec }: DeepReadonly<PodDisruptionBudget>): boolean {
  const errors: Errors = [];
  checkLabelSelector(errors, "spec.selector", spec?.selector);
  return errors.length > 0;
}

function validate(
  next: DeepReadonly<PodDisruptionBudget>,
  previous: DeepReadonly<PodDisruptionBudget> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  const { spec, status } = next;
  if (subresource === "status") {
    checkConditions(errors, "status.conditions", status?.conditions);
    for (const name of ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const) {
      checkNonNegative(errors, `status.${name}`, status?.[name]);
    }
    return errors;
  }
  const both = spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined;
  if (both) errors.push(field.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"));
  for (const name of ["minAvailable", "maxUnavailable"] as const) {
    const value = spec?.[name];
    if (value === undefined) continue;
    checkIntOrPercent(errors, `spec.${name}`, value);
    checkNotAboveHundredPercent(errors, `spec.${name}`, value);
  }
  checkLabelSelector(errors, "spec.selector", spec?.selector, previous !== undefined && isWrong(previous));
  const policy = spec?.unhealthyPodEvictionPolicy;
  if (policy !== undefined) checkOneOf(errors, "spec.unhealthyPodEvictionPolicy", policy, POLICIES);
  return errors;
}

export const podDisruptionBudgetHooks: KindHooks<PodDisruptionBudget> = {
  prepare: (next, previous) => {
    if (previous === undefined) next.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
  validate,
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    text("Min Available", (budget) => String(budget.spec?.minAvailable ?? "N/A")),
    text("Max Unavailable", (budget) => String(budget.spec?.maxUnavailable ?? "N/A")),
    integer("Allowed Disruptions", (budget) => budget.status?.disruptionsAllowed ?? 0),
    ageColumn,
  ],
};
