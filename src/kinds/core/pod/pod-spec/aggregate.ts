// What the containers of a pod need together.

import type { Container, PodSpec } from "#kinds/api/core-v1.gen.ts";
import { tryParse, type ResourceList } from "#kinds/shared/quantities.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { addQuantities, compareQuantities, formatQuantity, type Quantity } from "#meta/quantity.ts";

type Spec = DeepReadonly<Pick<PodSpec, "initContainers"> & { containers?: PodSpec["containers"] }>;

/** What all containers need together: the sum, or what an init container needs beside the sidecars before it, if that is more. */
export function aggregateResources(spec: Spec, what: "limits" | "requests"): ResourceList {
  const total = new Map<string, Quantity>();
  const sidecars = new Map<string, Quantity>();
  const peak = new Map<string, Quantity>();
  const add = (into: Map<string, Quantity>, container: DeepReadonly<Container>) => {
    for (const [name, value] of Object.entries(container.resources?.[what] ?? {})) {
      const quantity = tryParse(value);
      if (quantity) into.set(name, addQuantities(into.get(name) ?? "0", quantity));
    }
  };
  for (const container of spec.containers ?? []) add(total, container);
  for (const container of spec.initContainers ?? []) {
    const needed = new Map(sidecars);
    add(needed, container);
    if (container.restartPolicy === "Always") {
      add(total, container);
      add(sidecars, container);
    }
    for (const [name, value] of needed) if (compareQuantities(value, peak.get(name) ?? "0") > 0) peak.set(name, value);
  }
  for (const [name, value] of peak) if (compareQuantities(value, total.get(name) ?? "0") > 0) total.set(name, value);
  return Object.fromEntries([...total].map(([name, value]) => [name, formatQuantity(value)]));
}
