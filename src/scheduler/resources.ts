// Amounts of resources as plain numbers, and what a pod asks for. Pure. Rules: upstream's component-helpers/resource.

import type { Container, ContainerStatus } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { milliValue, quantityValue } from "#meta/quantity.ts";
import type { AnyPod } from "./framework.ts";

/** By resource name: cpu in millicores, all others in units or bytes. */
export type Resources = ReadonlyMap<string, number>;

/** Score plugins count a container that asks for nothing as this much, so that such pods spread too. */
const DEFAULT_CPU_MILLIS = 100;
const DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024;

type Quantities = DeepReadonly<Record<string, string | number>> | undefined;

export function amountsOf(quantities: Quantities): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const name in quantities) {
    const quantity = quantities[name];
    if (quantity !== undefined) amounts.set(name, name === "cpu" ? milliValue(quantity) : quantityValue(quantity));
  }
  return amounts;
}

export function addInto(sum: Map<string, number>, more: Resources, sign = 1): void {
  for (const [name, amount] of more) sum.set(name, (sum.get(name) ?? 0) + sign * amount);
}

function maxInto(largest: Map<string, number>, other: Resources): void {
  for (const [name, amount] of other) largest.set(name, Math.max(largest.get(name) ?? 0, amount));
}

/** What the pod takes of a node: containers and sidecars together, or the largest init step if that is more, plus overhead. */
export function podRequests(pod: AnyPod): Resources {
  return total(pod, false, false);
}

/** As podRequests, with upstream's stand-ins for cpu and memory that are not asked for. For scores only. */
export function podRequestsNonZero(pod: AnyPod): { readonly cpu: number; readonly memory: number } {
  const podLevel = isPodLevelSet(pod);
  const plain = podLevel ? podRequests(pod) : undefined;
  const amounts = total(pod, plain?.has("cpu") !== true, plain?.has("memory") !== true);
  return { cpu: amounts.get("cpu") ?? 0, memory: amounts.get("memory") ?? 0 };
}

function total(pod: AnyPod, cpuStandIn: boolean, memoryStandIn: boolean): Resources {
  const infeasible = pod.status?.conditions?.some(({ type, reason }) => type === "PodResizePending" && reason === "Infeasible") ?? false;
  const requestsOf = (container: DeepReadonly<Container>, statuses: readonly DeepReadonly<ContainerStatus>[] | undefined) => {
    const amounts = effectiveRequests(container, statuses, infeasible);
    if (cpuStandIn && !amounts.has("cpu")) amounts.set("cpu", DEFAULT_CPU_MILLIS);
    if (memoryStandIn && !amounts.has("memory")) amounts.set("memory", DEFAULT_MEMORY_BYTES);
    return amounts;
  };
  const sum = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) addInto(sum, requestsOf(container, pod.status?.containerStatuses));
  if (pod.spec?.initContainers) {
    const sidecars = new Map<string, number>();
    const largestInit = new Map<string, number>();
    for (const container of pod.spec.initContainers) {
      const sidecar = container.restartPolicy === "Always";
      const amounts = requestsOf(container, sidecar ? pod.status?.initContainerStatuses : undefined);
      if (sidecar) {
        addInto(sidecars, amounts);
        maxInto(largestInit, sidecars);
      } else {
        // Sidecars started before this step run beside it.
        addInto(amounts, sidecars);
        maxInto(largestInit, amounts);
      }
    }
    addInto(sum, sidecars);
    maxInto(sum, largestInit);
  }
  // Pod-level requests stand for the sum where they are given.
  if (isPodLevelSet(pod)) {
    for (const [name, amount] of amountsOf(pod.spec?.resources?.requests)) if (isPodLevelResource(name)) sum.set(name, amount);
  }
  if (pod.spec?.overhead) addInto(sum, amountsOf(pod.spec.overhead));
  return sum;
}

/** While a container is resized it takes the most of what is asked for, given and in use; a resize that cannot be is not counted. */
function effectiveRequests(
  container: DeepReadonly<Container>,
  statuses: readonly DeepReadonly<ContainerStatus>[] | undefined,
  infeasible: boolean,
): Map<string, number> {
  const asked = amountsOf(container.resources?.requests);
  const status = statuses?.find(({ name }) => name === container.name);
  if (!status?.resources) return asked;
  const amounts = infeasible ? new Map<string, number>() : asked;
  maxInto(amounts, amountsOf(status.resources.requests));
  maxInto(amounts, amountsOf(status.allocatedResources));
  return amounts;
}

function isPodLevelSet(pod: AnyPod): boolean {
  const requests = pod.spec?.resources?.requests;
  return requests !== undefined && Object.keys(requests).some(isPodLevelResource);
}

function isPodLevelResource(name: string): boolean {
  return name === "cpu" || name === "memory" || name.startsWith("hugepages-");
}

/** Named by somebody other than Kubernetes, such as `example.com/gpu`. */
export function isExtendedResource(name: string): boolean {
  return name.includes("/") && !name.includes("kubernetes.io/") && !name.startsWith("requests.");
}
