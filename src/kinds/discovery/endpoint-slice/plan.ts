// What the EndpointSlices of a Service should hold, and the least change that gets them there. Pure.
// Rules are upstream's endpointslice controller (staging endpointslice/reconciler.go, utils.go).

import type { Node, Pod, Service } from "#kinds/api/core-v1.gen.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { isPodReady, isTerminal } from "#kinds/core/pod/state.ts";
import { targetPortOf } from "#kinds/core/service/ports.ts";
import { equal } from "#lib/equal.ts";
import type { DeepReadonly } from "#meta/object.ts";

export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
export const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
export const MANAGED_BY = "endpointslice-controller.k8s.io";
const HEADLESS_LABEL = "service.kubernetes.io/headless";
const TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time";

/** Upstream's default of --max-endpoints-per-slice. */
const MAX_ENDPOINTS = 100;

export interface SlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly DeepReadonly<EndpointSlice>[];
}

export interface SliceInput {
  readonly service: DeepReadonly<Service>;
  /** Pods that the Service selects. */
  readonly pods: readonly DeepReadonly<Pod>[];
  /** The slices there are, of this controller and this Service only. */
  readonly slices: readonly DeepReadonly<EndpointSlice>[];
  readonly nodeOf: (name: string) => DeepReadonly<Node> | undefined;
}

interface Group {
  readonly addressType: string;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** The writes that bring the slices to what the pods say. */
export function planSlices(input: SliceInput): SlicePlan {
  const { service, slices } = input;
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const remove: DeepReadonly<EndpointSlice>[] = [];
  const groups = desiredGroups(input);
  const keyOfSlice = (slice: DeepReadonly<EndpointSlice>) => groupKey(slice.addressType, slice.ports ?? []);
  for (const slice of slices) if (!groups.has(keyOfSlice(slice)) && slice.metadata?.deletionTimestamp === undefined) remove.push(slice);

  for (const [key, group] of groups) {
    const left = new Map(group.endpoints);
    const present = slices.filter((slice) => keyOfSlice(slice) === key && slice.metadata?.deletionTimestamp === undefined);
    const kept = present.map((slice) => ({ slice, endpoints: takeMatching(slice, left) }));
    // Fill what has room, fullest first, so that few slices change; open new ones for the rest.
    for (const entry of kept.toSorted((a, b) => b.endpoints.length - a.endpoints.length)) {
      for (const [id, endpoint] of left) {
        if (entry.endpoints.length >= MAX_ENDPOINTS) break;
        if (
          entry.endpoints.length === 0 &&
          kept.some((other) => other !== entry && other.endpoints.length < MAX_ENDPOINTS && other.endpoints.length > 0)
        )
          break;
        entry.endpoints.push(endpoint);
        left.delete(id);
      }
    }
    let hasSlice = false;
    for (const { slice, endpoints } of kept) {
      if (endpoints.length === 0 && (hasSlice || kept.some((other) => other.endpoints.length > 0) || left.size > 0)) {
        remove.push(slice);
        continue;
      }
      hasSlice = true;
      const next = withContents(service, slice, endpoints);
      if (!equal(next.endpoints, slice.endpoints ?? []) || !equal(next.metadata?.labels, slice.metadata?.labels ?? {})) update.push(next);
    }
    const rest = [...left.values()];
    for (let start = 0; start < rest.length || (start === 0 && !hasSlice); start += MAX_ENDPOINTS) {
      create.push(newSlice(service, group, rest.slice(start, start + MAX_ENDPOINTS)));
      hasSlice = true;
    }
  }
  return { create, update, remove };
}

/** Takes from `left` the endpoints that the slice holds already, with their present state. */
function takeMatching(slice: DeepReadonly<EndpointSlice>, left: Map<string, Endpoint>): Endpoint[] {
  const taken: Endpoint[] = [];
  for (const old of slice.endpoints ?? []) {
    const id = endpointId(old);
    const now = left.get(id);
    if (!now) continue;
    taken.push(now);
    left.delete(id);
  }
  return taken;
}

function endpointId(endpoint: DeepReadonly<Endpoint>): string {
  return endpoint.targetRef?.uid ?? endpoint.addresses.join(",");
}

function desiredGroups({ service, pods, nodeOf }: SliceInput): Map<string, Group> {
  const groups = new Map<string, Group>();
  const spec = service.spec;
  for (const family of spec?.ipFamilies ?? ["IPv4"]) {
    const addressType = family === "IPv6" ? "IPv6" : "IPv4";
    for (const pod of pods) {
      if (isTerminal(pod)) continue;
      const address = addressOf(pod, addressType);
      if (address === undefined) continue;
      const ports = portsFor(service, pod);
      if (ports.length === 0 && (spec?.ports ?? []).length > 0) continue;
      const group = groupFor(groups, addressType, ports);
      const endpoint = endpointOf(pod, service, address, nodeOf);
      group.endpoints.set(endpointId(endpoint), endpoint);
    }
    // A Service without endpoints still has one slice, so that its absence tells "not reconciled yet".
    if (![...groups.values()].some((group) => group.addressType === addressType)) groupFor(groups, addressType, []);
  }
  return groups;
}

function groupFor(groups: Map<string, Group>, addressType: string, ports: readonly EndpointPort[]): Group {
  const key = groupKey(addressType, ports);
  let group = groups.get(key);
  if (!group) groups.set(key, (group = { addressType, ports, endpoints: new Map() }));
  return group;
}

function groupKey(addressType: string, ports: readonly DeepReadonly<EndpointPort>[]): string {
  const parts = ports.map((port) => `${port.name ?? ""}/${port.protocol ?? "TCP"}/${port.port ?? ""}/${port.appProtocol ?? ""}`);
  return `${addressType} ${parts.toSorted().join(" ")}`;
}

function portsFor(service: DeepReadonly<Service>, pod: DeepReadonly<Pod>): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const port of service.spec?.ports ?? []) {
    const number = targetPortOf(pod, port);
    if (number === undefined) continue;
    ports.push({
      name: port.name ?? "",
      protocol: port.protocol ?? "TCP",
      port: number,
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    });
  }
  return ports;
}

function addressOf(pod: DeepReadonly<Pod>, addressType: string): string | undefined {
  const ips = pod.status?.podIPs?.map((entry) => entry.ip) ?? (pod.status?.podIP ? [pod.status.podIP] : []);
  return ips.find((ip) => ip !== undefined && ip.includes(":") === (addressType === "IPv6"));
}

function endpointOf(pod: DeepReadonly<Pod>, service: DeepReadonly<Service>, address: string, nodeOf: SliceInput["nodeOf"]): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const nodeName = pod.spec?.nodeName;
  const zone = nodeName === undefined ? undefined : nodeOf(nodeName)?.metadata?.labels?.["topology.kubernetes.io/zone"];
  const hostname = pod.spec?.hostname;
  const named = hostname !== undefined && pod.spec?.subdomain === service.metadata?.name;
  return {
    addresses: [address],
    conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...(named ? { hostname } : {}),
    targetRef: { kind: "Pod", namespace: pod.metadata?.namespace ?? "", name: pod.metadata?.name ?? "", uid: pod.metadata?.uid ?? "" },
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
  };
}

function labelsFor(service: DeepReadonly<Service>): Record<string, string> {
  const headless = service.spec?.clusterIP === "None";
  return {
    ...service.metadata?.labels,
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [SERVICE_NAME_LABEL]: service.metadata?.name ?? "",
    ...(headless ? { [HEADLESS_LABEL]: "" } : {}),
  };
}

function withContents(service: DeepReadonly<Service>, slice: DeepReadonly<EndpointSlice>, endpoints: Endpoint[]): EndpointSlice {
  return {
    ...(slice as EndpointSlice), // the copy's own fields are replaced, shared ones are only sent
    metadata: { ...(slice.metadata as EndpointSlice["metadata"]), labels: labelsFor(service) },
    endpoints,
  };
}

function newSlice(service: DeepReadonly<Service>, group: Group, endpoints: Endpoint[]): EndpointSlice {
  const trigger = service.metadata?.creationTimestamp;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${service.metadata?.name ?? ""}-`,
      namespace: service.metadata?.namespace ?? "",
      labels: labelsFor(service),
      ...(trigger === undefined ? {} : { annotations: { [TRIGGER_TIME_ANNOTATION]: trigger } }),
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "Service",
          name: service.metadata?.name ?? "",
          uid: service.metadata?.uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: group.addressType,
    endpoints,
    ports: [...group.ports],
  };
}
