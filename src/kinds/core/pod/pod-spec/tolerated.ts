// What updates let through because the stored object has it already: values that were allowed once.

import type { Container, PodAffinity, PodSpec } from "#kinds/api/core-v1.gen.ts";
import { checkLabelSelector, hasInvalidSelectorValue, type Errors } from "#kinds/shared/checks.ts";
import type { Amount } from "#kinds/shared/quantities.ts";
import { isHugePages } from "#kinds/shared/resource-names.ts";
import { labelValue } from "#meta/names.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { checkTokenPaths } from "./paths.ts";
import { hostSysctl } from "./sysctls.ts";
import { isWholePages } from "./validate-resources.ts";

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
  /** Amounts of huge pages that are no whole pages. */
  readonly brokenPages: boolean;
  /** Sysctls of a namespace that the pod shares with its host. */
  readonly hostSysctls: boolean;
  /** Paths of projected tokens that lead out of their volume. */
  readonly tokenPaths: boolean;
  /** Raw devices in a user namespace, where they do not work. */
  readonly mappedDevices: boolean;
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
    brokenPages:
      Object.entries(before?.overhead ?? {}).some(isBroken) ||
      containersOf(before).some(({ resources }) =>
        [resources?.limits, resources?.requests].some((list) => Object.entries(list ?? {}).some(isBroken)),
      ),
    hostSysctls: (securityContext?.sysctls ?? []).some(({ name }) => hostSysctl(name, before ?? {}) !== undefined),
    tokenPaths: (before?.volumes ?? []).some((volume) => hasProblem((errors) => checkTokenPaths(errors, "", volume))),
    mappedDevices: before?.hostUsers === false && containersOf(before).some(({ volumeDevices = [] }) => volumeDevices.length > 0),
  };
}

const isBroken = ([name, value]: [string, Amount]): boolean => isHugePages(name) && !isWholePages(name, value);

const containersOf = (spec: Read<PodSpec> | undefined): Read<Pick<Container, "resources" | "volumeDevices">>[] => [
  ...(spec?.containers ?? []),
  ...(spec?.initContainers ?? []),
  ...(spec?.ephemeralContainers ?? []),
];

function hasProblem(check: (errors: Errors) => void): boolean {
  const errors: Errors = [];
  check(errors);
  return errors.length > 0;
}

function isWrong(selector: Read<LabelSelector> | undefined): boolean {
  return hasProblem((errors) => checkLabelSelector(errors, "", selector));
}

function hasWrongTerm(affinity: Read<PodAffinity> | undefined): boolean {
  const terms = [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ];
  return terms.some((term) => hasInvalidSelectorValue(term?.labelSelector) || hasInvalidSelectorValue(term?.namespaceSelector));
}
