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
  /** Some pods were left out because their node is not known (yet). */
  readonly nodesMissing: boolean;
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
  const { service } = input;
  const slices = input.slices.filter((slice) => slice.metadata?.deletionTimestamp === undefined);
  const { groups, nodesMissing } = desiredGroups(input);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const remove: DeepReadonly<EndpointSlice>[] = [];
  const keyOfSlice = (slice: DeepReadonly<EndpointSlice>) => groupKey(slice.addressType, slice.ports ?? []);
  for (const slice of slices) if (!groups.has(keyOfSlice(slice))) remove.push(slice);
  for (const [key, group] of groups) {
    const planned = planGroup(
      service,
      group,
      slices.filter((slice) => keyOfSlice(slice) === key),
    );
    create.push(...planned.create);
    update.push(...planned.update);
    remove.push(...planned.remove);
  }
  // What would be removed and made anew is changed instead: one write, and never a moment without.
  for (const gone of Array.from(remove)) {
    const at = create.findIndex((slice) => slice.addressType === gone.addressType);
    const made = create[at];
    if (!made) continue;
    create.splice(at, 1);
    remove.splice(remove.indexOf(gone), 1);
    update.push({ ...withContents(service, gone, made.endpoints ?? []), ...(made.ports ? { ports: made.ports } : {}) });
  }
  return { create, update, remove, nodesMissing };
}

/** Upstream's way to touch few slices: those that change anyway take more in first, then one with room for all that is left, then new ones. */
function planGroup(
  service: DeepReadonly<Service>,
  group: Group,
  slices: readonly DeepReadonly<EndpointSlice>[],
): Omit<SlicePlan, "nodesMissing"> {
  const left = new Map(group.endpoints);
  const labels = labelsFor(service);
  const entries = slices.map((slice) => {
    const endpoints = takeMatching(slice, left);
    const changed = !equal(endpoints, slice.endpoints ?? []) || !equal(labels, slice.metadata?.labels ?? {});
    return { slice, endpoints, changed };
  });
  const fill = (endpoints: Endpoint[]) => {
    for (const [id, endpoint] of left) {
      if (endpoints.length >= MAX_ENDPOINTS) return;
      endpoints.push(endpoint);
      left.delete(id);
    }
  };
  const fullestFirst = entries.toSorted((a, b) => b.endpoints.length - a.endpoints.length);
  for (const entry of fullestFirst) if (entry.changed && entry.endpoints.length > 0) fill(entry.endpoints);
  const create: EndpointSlice[] = [];
  while (left.size > 0) {
    const roomy = fullestFirst.find((entry) => !entry.changed && entry.endpoints.length + left.size <= MAX_ENDPOINTS);
    if (roomy) roomy.changed = true;
    const endpoints = roomy?.endpoints ?? [];
    fill(endpoints);
    if (!roomy) create.push(newSlice(service, group, endpoints));
  }
  // A group of its own stands for "no endpoints": it has one empty slice.
  const isPlaceholder = group.endpoints.size === 0;
  if (isPlaceholder && entries.length === 0) create.push(newSlice(service, group, []));
  const remove = entries.filter((entry, position) => entry.endpoints.length === 0 && !(isPlaceholder && position === 0));
  const update = entries.filter((entry) => entry.changed && !remove.includes(entry));
  return {
    create,
    update: update.map(({ slice, endpoints }) => withContents(service, slice, endpoints)),
    remove: remove.map(({ slice }) => slice),
  };
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

function desiredGroups({ service, pods, nodeOf }: SliceInput): { groups: Map<string, Group>; nodesMissing: boolean } {
  const groups = new Map<string, Group>();
  const spec = service.spec;
  let nodesMissing = false;
  for (const family of spec?.ipFamilies ?? ["IPv4"]) {
    const addressType = family === "IPv6" ? "IPv6" : "IPv4";
    let found = false;
    for (const pod of pods) {
      const address = isTerminal(pod) ? undefined : addressOf(pod, addressType);
      if (address === undefined) continue;
      const node = pod.spec?.nodeName ? nodeOf(pod.spec.nodeName) : undefined;
      if (!node && spec?.publishNotReadyAddresses !== true) {
        nodesMissing = true;
        continue;
      }
      const endpoint = endpointOf(pod, service, address, node);
      groupFor(groups, addressType, portsFor(service, pod)).endpoints.set(endpointId(endpoint), endpoint);
      found = true;
    }
    // A Service without endpoints still has one slice, so that its absence tells "not reconciled yet".
    if (!found) groupFor(groups, addressType, []);
  }
  return { groups, nodesMissing };
}

function groupFor(groups: Map<string, Group>, addressType: string, ports: readonly EndpointPort[]): Group {
  const key = groupKey(addressType, ports);
  let group = groups.get(key);
  if (!group) groups.set(key, (group = { addressType, ports, endpoints: new Map() }));
  return group;
}

/** What slices that can share endpoints have in common. */
export function groupKey(addressType: string, ports: readonly DeepReadonly<EndpointPort>[]): string {
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

function endpointOf(
  pod: DeepReadonly<Pod>,
  service: DeepReadonly<Service>,
  address: string,
  node: DeepReadonly<Node> | undefined,
): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const nodeName = pod.spec?.nodeName;
  const zone = node?.metadata?.labels?.["topology.kubernetes.io/zone"];
  const hostname = pod.spec?.hostname;
  return {
    addresses: [address],
    conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...(hostname && pod.spec?.subdomain === service.metadata?.name ? { hostname } : {}),
    targetRef: { kind: "Pod", namespace: pod.metadata?.namespace ?? "", name: pod.metadata?.name ?? "", uid: pod.metadata?.uid ?? "" },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...hintsFor(service, serving && !terminating, zone, nodeName),
  };
}

const CLOSE = ["PreferClose", "PreferSameZone", "PreferSameNode"];

/** Where an endpoint is wanted, for Services whose traffic shall stay close: upstream hints at its own zone, and node. */
function hintsFor(
  { spec }: DeepReadonly<Service>,
  isReady: boolean,
  zone: string | undefined,
  node: string | undefined,
): Pick<Endpoint, "hints"> {
  const wish = spec?.trafficDistribution;
  if (wish === undefined || !CLOSE.includes(wish) || !(isReady || spec?.publishNotReadyAddresses === true)) return {};
  const hints = {
    ...(zone ? { forZones: [{ name: zone }] } : {}),
    ...(node && wish === "PreferSameNode" ? { forNodes: [{ name: node }] } : {}),
  };
  return Object.keys(hints).length > 0 ? { hints } : {};
}

function labelsFor(service: DeepReadonly<Service>): Record<string, string> {
  const headless = service.spec?.clusterIP === "None";
  const { [HEADLESS_LABEL]: _, ...own } = service.metadata?.labels ?? {};
  return {
    ...own,
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
