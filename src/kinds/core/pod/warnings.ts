// Warnings for pods: what works, but hardly as the writer thinks.

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { warningsForIp } from "#kinds/shared/ip-warnings.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { nameWarnings } from "./name-warnings.ts";
import { podSpecWarnings } from "./pod-spec/warnings.ts";

/** Updates are mostly programs', and many: they get none. */
export function podWarnings(
  pod: DeepReadonly<Pod>,
  previous: DeepReadonly<Pod> | undefined,
  { subresource }: { readonly subresource: string },
): string[] {
  if (subresource === "status") {
    const { podIPs = [], hostIPs = [] } = pod.status ?? {};
    return [
      ...podIPs.flatMap(({ ip }, index) => warningsForIp(`status.podIPs[${index}].ip`, ip)),
      ...hostIPs.flatMap(({ ip }, index) => warningsForIp(`status.hostIPs[${index}].ip`, ip)),
    ];
  }
  if (previous !== undefined) return [];
  return [
    ...nameWarnings(pod.metadata?.name, "the Pod's hostname"),
    ...(pod.spec ? podSpecWarnings("", pod.spec, pod.metadata, false) : []),
  ];
}
