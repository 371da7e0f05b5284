// What pods use: their number, and the resources of those that are not over.

import type { Container, ContainerStatus, Pod, PodAffinityTerm, ResourceRequirements } from "#kinds/api/core-v1.gen.ts";
import { aggregateResources } from "#kinds/core/pod/pod-spec/aggregate.ts";
import { qosClass } from "#kinds/core/pod/qos.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { addTo, amountsOf, listOf, ONE, raiseTo, type Amounts } from "#kinds/core/resource-quota/amounts.ts";
import type { ResourceList } from "#kinds/shared/quantities.ts";
import { isNativeResource } from "#kinds/shared/resource-names.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import type { Quantity } from "#meta/quantity.ts";
import { selects, type Evaluator, type ScopeRequirement } from "./evaluator.ts";

type AnyPod = DeepReadonly<Pod>;
type What = "requests" | "limits";

const COUNT = "count/pods";
const COMPUTE = ["cpu", "memory", "ephemeral-storage"];
const MEASURED: ReadonlySet<string> = new Set([COUNT, "pods", ...COMPUTE.flatMap((name) => [name, `requests.${name}`, `limits.${name}`])]);
/** Each container must name these if a quota limits them. */
const DEMANDED = ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];
const REQUESTS = "requests.";
const HUGE_PAGES = "hugepages-";
const DEVICE_CLASS = "requests.deviceclass.resource.kubernetes.io/";

const podOf = (object: DeepReadonly<KubeObject>): AnyPod => object as AnyPod; // only asked of pods

export const pods: Evaluator = {
  measures: (name) => MEASURED.has(name) || name.startsWith(HUGE_PAGES) || name.startsWith(REQUESTS + HUGE_PAGES) || isExtended(name),
  handles({ operation, subresource, object, oldObject }) {
    if (subresource === "resize") return operation === "UPDATE";
    if (subresource !== "") return false;
    return operation === "CREATE" || (oldObject !== undefined && hasDeadline(podOf(oldObject)) !== hasDeadline(podOf(object)));
  },
  missing: (object, names) => missing(podOf(object), names),
  inScope: (object, scope) => inScope(podOf(object), scope),
  usage: (object, now) => podUsage(podOf(object), now),
};

function isExtended(name: string): boolean {
  return name.startsWith(REQUESTS) && (!isNativeResource(name) || name.startsWith(DEVICE_CLASS));
}

function missing({ spec }: AnyPod, names: readonly string[]): string | undefined {
  if (isSetForPod(spec?.resources)) return undefined;
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const lacking = DEMANDED.filter((name) => names.includes(name)).flatMap((name) => {
    const without = containers.filter((container) => !computeUsage(container.resources ?? {}).has(name));
    const who = [...new Set(without.map((container) => container.name))].toSorted();
    return who.length > 0 ? [`${name} for: ${who.join(",")}`] : [];
  });
  return lacking.length > 0 ? `must specify ${lacking.join("; ")}` : undefined;
}

const isForPod = (name: string): boolean => name === "cpu" || name === "memory" || name.startsWith(HUGE_PAGES);

function isSetForPod(resources: DeepReadonly<ResourceRequirements> | undefined): boolean {
  return [resources?.requests, resources?.limits].some((list) => Object.keys(list ?? {}).some(isForPod));
}

function inScope(pod: AnyPod, scope: ScopeRequirement): boolean {
  switch (scope.scopeName) {
    case "Terminating":
      return hasDeadline(pod);
    case "NotTerminating":
      return !hasDeadline(pod);
    case "BestEffort":
      return qosClass(pod) === "BestEffort";
    case "NotBestEffort":
      return qosClass(pod) !== "BestEffort";
    case "PriorityClass":
      return selects(scope, pod.spec?.priorityClassName ? [pod.spec.priorityClassName] : []);
    case "CrossNamespacePodAffinity":
      return affinityTerms(pod).some((term) => (term.namespaces?.length ?? 0) > 0 || term.namespaceSelector !== undefined);
    default:
      return false;
  }
}

function hasDeadline({ spec }: AnyPod): boolean {
  return (spec?.activeDeadlineSeconds ?? -1) >= 0;
}

function affinityTerms({ spec }: AnyPod): DeepReadonly<PodAffinityTerm>[] {
  return [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ]);
}

function podUsage(pod: AnyPod, now: number): Amounts {
  const usage = new Map<string, Quantity>([[COUNT, ONE]]);
  if (isOver(pod, now)) return usage;
  addTo(usage, new Map([["pods", ONE]]));
  addTo(usage, computeUsage({ requests: listOf(podTotal(pod, "requests")), limits: listOf(podTotal(pod, "limits")) }));
  return usage;
}

/** A pod that has ended, or should have: its node may be gone, and nobody left to say so. */
function isOver(pod: AnyPod, now: number): boolean {
  if (isTerminal(pod)) return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return now > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** Requests and limits by their names in quotas. */
function computeUsage(resources: DeepReadonly<ResourceRequirements>): Map<string, Quantity> {
  const usage = new Map<string, Quantity>();
  for (const [name, quantity] of amountsOf(resources.requests)) {
    if (COMPUTE.includes(name) || name.startsWith(HUGE_PAGES)) usage.set(name, quantity).set(REQUESTS + name, quantity);
    else if (isExtended(REQUESTS + name)) usage.set(REQUESTS + name, quantity);
  }
  for (const [name, quantity] of amountsOf(resources.limits)) if (COMPUTE.includes(name)) usage.set(`limits.${name}`, quantity);
  return usage;
}

/** What the pod needs as a whole, or may take: its containers together, what it says for itself, and its overhead. */
export function podTotal(pod: AnyPod, what: What): Map<string, Quantity> {
  const { spec, status } = pod;
  const infeasible = status?.conditions?.some(({ type, reason }) => type === "PodResizePending" && reason === "Infeasible") ?? false;
  const withActual = (
    containers: readonly DeepReadonly<Container>[] | undefined,
    statuses: readonly DeepReadonly<ContainerStatus>[] = [],
  ) =>
    containers?.map((container) => {
      const actual = statuses.find(({ name }) => name === container.name);
      return actual ? { ...container, resources: actualResources(container, actual, what, infeasible) } : container;
    }) ?? [];
  const containers = withActual(spec?.containers, status?.containerStatuses);
  const initContainers = withActual(spec?.initContainers, status?.initContainerStatuses);
  const total = amountsOf(aggregateResources({ containers, initContainers }, what));
  for (const [name, quantity] of amountsOf(spec?.resources?.[what])) if (isForPod(name)) total.set(name, quantity);
  for (const [name, quantity] of amountsOf(spec?.overhead)) {
    // No limit stays no limit.
    if (what === "requests" || total.has(name)) addTo(total, new Map([[name, quantity]]));
  }
  return total;
}

/** While a container is resized the larger of what it has and what it shall have counts; what it cannot have does not. */
function actualResources(
  container: DeepReadonly<Container>,
  actual: DeepReadonly<ContainerStatus>,
  what: What,
  infeasible: boolean,
): Partial<Record<What, ResourceList>> {
  const lists = [actual.resources?.[what], what === "requests" ? actual.allocatedResources : undefined];
  const total =
    infeasible && lists.some((list) => list !== undefined) ? new Map<string, Quantity>() : amountsOf(container.resources?.[what]);
  for (const list of lists) raiseTo(total, amountsOf(list));
  return { [what]: listOf(total) };
}
