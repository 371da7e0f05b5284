// What the Endpoints object of a Service should hold. Pure. Rules are upstream's pkg/controller/endpoint.

import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset, Pod, Service } from "#kinds/api/core-v1.gen.ts";
import { isPodReady, isTerminal } from "#kinds/core/pod/state.ts";
import { targetPortOf } from "#kinds/core/service/ports.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** Beyond this many addresses the rest is left out and the object says so. */
const MAX_ADDRESSES = 1000;
const OVER_CAPACITY_ANNOTATION = "endpoints.kubernetes.io/over-capacity";
const HEADLESS_LABEL = "service.kubernetes.io/headless";
export const MANAGED_BY_LABEL = "endpoints.kubernetes.io/managed-by";
export const MANAGED_BY = "endpoint-controller";

/** The object as it should be; `previous` keeps its metadata. */
export function planEndpoints(
  service: DeepReadonly<Service>,
  pods: readonly DeepReadonly<Pod>[],
  previous: DeepReadonly<Endpoints> | undefined,
): Endpoints {
  const { subsets, truncated } = limit(subsetsOf(service, pods));
  const annotations: Record<string, string> = { ...previous?.metadata?.annotations };
  if (truncated) annotations[OVER_CAPACITY_ANNOTATION] = "truncated";
  else delete annotations[OVER_CAPACITY_ANNOTATION];
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      ...(previous?.metadata as Endpoints["metadata"]), // only sent, not changed
      name: service.metadata?.name ?? "",
      namespace: service.metadata?.namespace ?? "",
      labels: {
        ...service.metadata?.labels,
        [MANAGED_BY_LABEL]: MANAGED_BY,
        ...(service.spec?.clusterIP === "None" ? { [HEADLESS_LABEL]: "" } : {}),
      },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    ...(subsets.length > 0 ? { subsets } : {}),
  };
}

/** Addresses with the same ports share a subset; all in a stable order, so that equal inputs give equal objects. */
function subsetsOf(service: DeepReadonly<Service>, pods: readonly DeepReadonly<Pod>[]): EndpointSubset[] {
  interface Group {
    readonly ports: EndpointPort[];
    readonly ready: EndpointAddress[];
    readonly notReady: EndpointAddress[];
  }
  const groups = new Map<string, Group>();
  const specPorts = service.spec?.ports ?? [];
  const everReady = service.spec?.publishNotReadyAddresses === true;
  for (const pod of pods) {
    const ip = pod.status?.podIP;
    if (!ip || isTerminal(pod)) continue;
    // A terminating pod is left out, unless the Service wants all of them.
    if (pod.metadata?.deletionTimestamp !== undefined && !everReady) continue;
    const ports = specPorts.flatMap((port): EndpointPort[] => {
      const number = targetPortOf(pod, port);
      return number === undefined
        ? []
        : [
            {
              ...(port.name ? { name: port.name } : {}),
              port: number,
              protocol: port.protocol ?? "TCP",
              ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
            },
          ];
    });
    if (ports.length === 0 && specPorts.length > 0) continue;
    const key = JSON.stringify(ports.toSorted((a, b) => a.port - b.port));
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { ports, ready: [], notReady: [] }));
    (everReady || isPodReady(pod) ? group.ready : group.notReady).push(addressOf(pod, service, ip));
  }
  const byIp = (a: EndpointAddress, b: EndpointAddress) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0);
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => ({
      ...(group.ready.length > 0 ? { addresses: group.ready.toSorted(byIp) } : {}),
      ...(group.notReady.length > 0 ? { notReadyAddresses: group.notReady.toSorted(byIp) } : {}),
      ...(group.ports.length > 0 ? { ports: group.ports } : {}),
    }));
}

function addressOf(pod: DeepReadonly<Pod>, service: DeepReadonly<Service>, ip: string): EndpointAddress {
  const hostname = pod.spec?.hostname;
  return {
    ip,
    ...(hostname && pod.spec?.subdomain === service.metadata?.name ? { hostname } : {}),
    ...(pod.spec?.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: { kind: "Pod", namespace: pod.metadata?.namespace ?? "", name: pod.metadata?.name ?? "", uid: pod.metadata?.uid ?? "" },
  };
}

function limit(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const total = subsets.reduce((sum, subset) => sum + (subset.addresses?.length ?? 0) + (subset.notReadyAddresses?.length ?? 0), 0);
  if (total <= MAX_ADDRESSES) return { subsets, truncated: false };
  let room = MAX_ADDRESSES;
  const take = (addresses: EndpointAddress[] | undefined) => {
    const taken = addresses?.slice(0, room);
    room -= taken?.length ?? 0;
    return taken;
  };
  const ready = subsets.map((subset) => take(subset.addresses));
  const cut = subsets.map((subset, position): EndpointSubset => {
    const addresses = ready[position];
    const notReadyAddresses = take(subset.notReadyAddresses);
    return {
      ...(addresses?.length ? { addresses } : {}),
      ...(notReadyAddresses?.length ? { notReadyAddresses } : {}),
      ...(subset.ports ? { ports: subset.ports } : {}),
    };
  });
  return { subsets: cut.filter((subset) => subset.addresses ?? subset.notReadyAddresses), truncated: true };
}
