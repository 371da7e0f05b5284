import type { DaemonSet, DaemonSetSpec } from "#kinds/api/apps-v1.gen.ts";
import {
  checkImmutable,
  checkLabelSelector,
  checkNonNegative,
  hasInvalidSelectorValue,
  isEmptySelector,
  type Errors,
} from "#kinds/shared/checks.ts";
import { checkIntOrPercent, checkNotAboveHundredPercent, isZero } from "#kinds/shared/int-or-percent.ts";
import { checkCollisionCount, validateTemplate } from "#kinds/shared/workload.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";

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
    checkCollisionCount(errors, next.status?.collisionCount, previous?.status?.collisionCount);
    return errors;
  }
  const spec = next.spec ?? ({} as DeepReadonly<DaemonSetSpec>); // one without a spec misses all that is in it
  const before = previous?.spec;
  checkLabelSelector(errors, "spec.selector", spec.selector, hasInvalidSelectorValue(before?.selector));
  const labels = spec.template?.metadata?.labels;
  const empty = spec.selector !== undefined && isEmptySelector(spec.selector);
  if (!empty && !selects(spec.selector, labels))
    errors.push(field.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  if (empty) errors.push(field.invalid("spec.selector", spec.selector, "empty selector is invalid for daemonset"));
  validateTemplate(errors, spec.template ?? {}, true, "DaemonSet", { before: before?.template });
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds);
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
  } else if (type !== "OnDelete") errors.push(field.notSupported(STRATEGY, spec.updateStrategy, ["RollingUpdate", "OnDelete"], "given"));
  checkNonNegative(errors, "spec.revisionHistoryLimit", spec.revisionHistoryLimit);
  if (previous) checkImmutable(errors, "spec.selector", spec.selector, previous.spec?.selector);
  return errors;
}

function selects(selector: DeepReadonly<LabelSelector> | undefined, labels: Readonly<Record<string, string>> | undefined): boolean {
  if (!selector) return false;
  try {
    return labelSelectorMatcher(selector).matches(labels ?? {});
  } catch {
    return true; // reported by the selector's own check
  }
}
