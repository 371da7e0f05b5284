// Amounts of resources as plain numbers, and what a pod asks for. Pure. Rules: upstream's component-helpers/resource.

import { parseQuantity, quantityToNumber } from "#meta/quantity.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { Container } from "#kinds/api/core-v1.gen.ts";
import type { AnyPod } from "./framework.ts";

/** By resource name: cpu in millicores, all others in units or bytes. */
export type Resources = ReadonlyMap<string, number>;

/** Score plugins count a container that asks for nothing as this much, so that such pods spread too. */
const DEFAULT_CPU_MILLIS = 100;
const DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024;

type Quantities = DeepReadonly<Record<string, string | number>> | undefined;

export function amountsOf(quantities: Quantities): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const [name, quantity] of Object.entries(quantities ?? {})) {
    const value = quantityToNumber(parseQuantity(quantity));
    amounts.set(name, name === "cpu" ? Math.ceil(value * 1000 - 1e-6) : Math.ceil(value));
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
  return total(pod, false);
}

/** As podRequests, with upstream's stand-ins for cpu and memory that are not asked for. For scores only. */
export function podRequestsNonZero(pod: AnyPod): Resources {
  return total(pod, true);
}

function total(pod: AnyPod, nonZero: boolean): Resources {
  const requestsOf = (container: DeepReadonly<Container>) => {
    const amounts = amountsOf(container.resources?.requests);
    if (nonZero) {
      if (!amounts.has("cpu")) amounts.set("cpu", DEFAULT_CPU_MILLIS);
      if (!amounts.has("memory")) amounts.set("memory", DEFAULT_MEMORY_BYTES);
    }
    return amounts;
  };
  const sum = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) addInto(sum, requestsOf(container));
  const sidecars = new Map<string, number>();
  const largestInit = new Map<string, number>();
  for (const container of pod.spec?.initContainers ?? []) {
    const amounts = requestsOf(container);
    if (container.restartPolicy === "Always") {
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
  // Pod-level requests stand for the sum where they are given.
  for (const [name, amount] of amountsOf(pod.spec?.resources?.requests)) sum.set(name, amount);
  addInto(sum, amountsOf(pod.spec?.overhead));
  return sum;
}
