// Warnings for pods: what works, but hardly as the writer thinks.

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { dns1123Label } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function podWarnings(pod: DeepReadonly<Pod>, previous: DeepReadonly<Pod> | undefined): string[] {
  if (previous !== undefined) return [];
  const warnings: string[] = [];
  const wrong = dns1123Label(pod.metadata?.name ?? "");
  if (pod.metadata?.name && wrong.length > 0) {
    const text = "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
    warnings.push(`${text}: [${wrong.join(" ")}]`);
  }
  return warnings;
}
