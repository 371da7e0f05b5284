// A pod's quality of service, which decides who is evicted first.

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { tryParse, type ResourceList } from "#kinds/shared/quantities.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { addQuantities, compareQuantities, type Quantity } from "#meta/quantity.ts";

type Lists = DeepReadonly<{ requests?: ResourceList; limits?: ResourceList }>;

const COMPUTE = ["cpu", "memory"];

export function qosClass(pod: DeepReadonly<Pod>): "Guaranteed" | "Burstable" | "BestEffort" {
  const spec = pod.spec;
  const each: (Lists | undefined)[] = spec?.resources
    ? [spec.resources]
    : [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map((container) => container.resources);
  const requests = new Map<string, Quantity>();
  const limits = new Map<string, Quantity>();
  let guaranteed = true;
  for (const lists of each) {
    collect(requests, lists?.requests);
    const found = collect(limits, lists?.limits);
    // Pod-level resources without limits are judged by the sums alone.
    const judged = spec?.resources === undefined || Object.keys(lists?.limits ?? {}).length > 0;
    if (judged && found < COMPUTE.length) guaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return "BestEffort";
  if (guaranteed && requests.size === limits.size) {
    const equal = [...requests].every(([name, request]) => {
      const limit = limits.get(name);
      return limit !== undefined && compareQuantities(limit, request) === 0;
    });
    if (equal) return "Guaranteed";
  }
  return "Burstable";
}

/** Adds a list's compute resources to the sums; how many it had above zero. */
function collect(sums: Map<string, Quantity>, list: Readonly<ResourceList> | undefined): number {
  let found = 0;
  for (const name of COMPUTE) {
    const quantity = tryParse(list?.[name]);
    if (quantity === undefined || quantity.nanos <= 0n) continue;
    found++;
    sums.set(name, addQuantities(sums.get(name) ?? "0", quantity));
  }
  return found;
}
