import type { DaemonSet } from "#kinds/api/apps-v1.gen.ts";
import { checkImmutable, checkNonNegative, type Errors } from "#kinds/shared/checks.ts";
import { checkIntOrPercent, checkNotAboveHundredPercent, isZero } from "#kinds/shared/int-or-percent.ts";
import { validateSelectorAndTemplate } from "#kinds/shared/workload.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const STRATEGY = "spec.updateStrategy";

export function validateDaemonSet(
  next: DeepReadonly<DaemonSet>,
  previous: DeepReadonly<DaemonSet> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    for (const [name, value] of Object.entries(next.status ?? {}))
      if (typeof value === "number") checkNonNegative(errors, `status.${name}`, value);
    return errors;
  }
  const spec = next.spec;
  if (!spec) return [field.required("spec.selector"), field.required("spec.template")];
  validateSelectorAndTemplate(errors, spec, "empty selector is invalid for daemonset", "DaemonSet");
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds);
  checkNonNegative(errors, "spec.revisionHistoryLimit", spec.revisionHistoryLimit);
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  if (type === "RollingUpdate") {
    const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
    const path = `${STRATEGY}.rollingUpdate`;
    checkIntOrPercent(errors, `${path}.maxUnavailable`, maxUnavailable ?? 0);
    checkIntOrPercent(errors, `${path}.maxSurge`, maxSurge ?? 0);
    if (isZero(maxUnavailable) && isZero(maxSurge)) {
      errors.push(field.invalid(`${path}.maxUnavailable`, maxUnavailable, "cannot be 0 when maxSurge is 0"));
    }
    if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
      errors.push(field.invalid(`${path}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero"));
    }
    checkNotAboveHundredPercent(errors, `${path}.maxUnavailable`, maxUnavailable);
    checkNotAboveHundredPercent(errors, `${path}.maxSurge`, maxSurge);
  } else if (type !== "OnDelete") errors.push(field.notSupported(`${STRATEGY}.type`, type, ["OnDelete", "RollingUpdate"]));
  if (previous) checkImmutable(errors, "spec.selector", spec.selector, previous.spec?.selector);
  return errors;
}
