// What updates let through because the stored object has it already: values that were allowed once.

import type { PodAffinity, PodSpec } from "#kinds/api/core-v1.gen.ts";
import { checkLabelSelector, hasInvalidSelectorValue, type Errors } from "#kinds/shared/checks.ts";
import { labelValue } from "#meta/names.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;

export interface Tolerated {
  /** Values in pod affinity's selectors that no label can have. */
  readonly selectorValues: boolean;
  /** The same in the required node affinity. */
  readonly nodeAffinityValues: boolean;
  /** Spread constraints' selectors that are wrong in any way. */
  readonly spreadSelectors: boolean;
  /** Every seLinuxChangePolicy there is; else only Recursive, as SELinux mounts are off by default. */
  readonly seLinuxPolicies: boolean;
  /** Tolerations with Lt and Gt, which are off by default. */
  readonly comparisons: boolean;
  /** A resize policy that restarts init containers, which run only once. */
  readonly initRestarts: boolean;
}

/** `before` is the stored object's spec; undefined on create. */
export function toleratedOf(before: Read<PodSpec> | undefined): Tolerated {
  const { affinity, topologySpreadConstraints = [], securityContext, tolerations = [], initContainers = [] } = before ?? {};
  const contexts = [securityContext?.seLinuxChangePolicy];
  return {
    selectorValues: hasWrongTerm(affinity?.podAffinity) || hasWrongTerm(affinity?.podAntiAffinity),
    nodeAffinityValues: (affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []).some((term) =>
      term.matchExpressions?.some(({ values }) => values?.some((value) => labelValue(value).length > 0)),
    ),
    spreadSelectors: topologySpreadConstraints.some(({ labelSelector }) => isWrong(labelSelector)),
    seLinuxPolicies: contexts.some((policy) => policy !== undefined),
    comparisons: tolerations.some(({ operator }) => operator === "Lt" || operator === "Gt"),
    initRestarts: initContainers.some(
      ({ restartPolicy, resizePolicy }) =>
        restartPolicy !== "Always" && resizePolicy?.some((policy) => policy.restartPolicy === "RestartContainer"),
    ),
  };
}

function isWrong(selector: Read<LabelSelector> | undefined): boolean {
  const errors: Errors = [];
  checkLabelSelector(errors, "", selector);
  return errors.length > 0;
}

function hasWrongTerm(affinity: Read<PodAffinity> | undefined): boolean {
  const terms = [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ];
  return terms.some((term) => hasInvalidSelectorValue(term?.labelSelector) || hasInvalidSelectorValue(term?.namespaceSelector));
}
