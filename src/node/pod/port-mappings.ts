// The ports of the node that a pod asks for. Pure.

import type { PortMapping } from "../runtime.ts";
import { kindOfInit, type PodObject } from "./pod-view.ts";

/** hostPorts of the containers that keep running. On the host network a port is the host's anyway. */
export function portMappings(pod: PodObject): PortMapping[] {
  const { spec } = pod;
  if (spec?.hostNetwork === true) return [];
  const sidecars = (spec?.initContainers ?? []).filter((container) => kindOfInit(container) === "sidecar");
  return [...sidecars, ...(spec?.containers ?? [])].flatMap((container) =>
    (container.ports ?? []).flatMap(({ hostPort, containerPort, protocol = "TCP", hostIP }) => {
      if (hostPort === undefined || hostPort === 0) return [];
      const known = protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP";
      return [{ hostPort, containerPort, protocol: known, ...(hostIP ? { hostIp: hostIP } : {}) }];
    }),
  );
}
