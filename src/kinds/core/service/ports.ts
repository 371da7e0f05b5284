// Where a Service's port leads on one pod. Pure.

import type { Pod, ServicePort } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** The number of the pod's port that a service port targets; undefined if the pod has no port of that name. */
export function targetPortOf(pod: DeepReadonly<Pod>, port: DeepReadonly<ServicePort>): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target;
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find(
      (candidate) => candidate.name === target && (candidate.protocol ?? "TCP") === (port.protocol ?? "TCP"),
    );
    if (found) return found.containerPort;
  }
  return undefined;
}
