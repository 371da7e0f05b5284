// Which EndpointSlices stand for hand-made Endpoints. Pure. Rules are upstream's pkg/controller/endpointslicemirroring.

import type { EndpointAddress, EndpointPort as OldPort, Endpoints, EndpointSubset } from "#kinds/api/core-v1.gen.ts";
import type { Endpoint, EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { groupKey, MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from "#kinds/discovery/endpoint-slice/plan.ts";
import { equal } from "#lib/equal.ts";
import { formatIp, parseIpSloppy } from "#lib/ip.ts";
import type { DeepReadonly } from "#meta/object.ts";

export const MIRRORED_BY = "endpointslicemirroring-controller.k8s.io";
/** Upstream's default of --mirroring-max-endpoints-per-subset. */
const MAX_ADDRESSES = 1000;
const SKIP = "endpointslice.kubernetes.io/skip-mirror";
const LEADER = "control-plane.alpha.kubernetes.io/leader";
/** Annotations that say something of the Endpoints' own writes. */
const UNMIRRORED: ReadonlySet<string> = new Set([
  "endpoints.kubernetes.io/last-change-trigger-time",
  "kubectl.kubernetes.io/last-applied-configuration",
]);

type AnyEndpoints = DeepReadonly<Endpoints>;
type AnySlice = DeepReadonly<EndpointSlice>;

/** Not those that say so, nor those that are a lock. */
export function isMirrored({ metadata }: AnyEndpoints): boolean {
  return metadata?.labels?.[SKIP] !== "true" && metadata?.annotations?.[LEADER] === undefined;
}

export interface MirrorPlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly AnySlice[];
  /** Addresses that are none, and those beyond what a subset may have. */
  readonly invalid: number;
  readonly skipped: number;
}

interface Group {
  readonly addressType: "IPv4" | "IPv6";
  readonly ports: NonNullable<EndpointSlice["ports"]>;
  readonly endpoints: Map<string, Endpoint>;
}

/** `slices`: those of this controller for these Endpoints. */
export function planMirror(endpoints: AnyEndpoints, slices: readonly AnySlice[]): MirrorPlan {
  const { groups, invalid, skipped } = groupsOf(endpoints.subsets ?? []);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const remove: AnySlice[] = [];
  const left = new Map<string, AnySlice[]>();
  for (const slice of slices) {
    const key = groupKey(slice.addressType, slice.ports ?? []);
    left.set(key, [...(left.get(key) ?? []), slice]);
  }
  for (const [key, group] of groups) {
    const [present, ...more] = left.get(key) ?? [];
    left.delete(key);
    remove.push(...more);
    const wanted = sliceOf(endpoints, group);
    if (!present) create.push(wanted);
    else if (!isSame(present, wanted)) update.push(renamed(wanted, present));
  }
  remove.push(...[...left.values()].flat());
  // What would be removed and made anew is changed instead: one write, and never a moment without.
  for (const gone of Array.from(remove)) {
    const at = create.findIndex((slice) => slice.addressType === gone.addressType);
    const [made] = at < 0 ? [] : create.splice(at, 1);
    if (!made) continue;
    remove.splice(remove.indexOf(gone), 1);
    update.push(renamed(made, gone));
  }
  return { create, update, remove, invalid, skipped };
}

/** Addresses of subsets with the same ports belong together. */
function groupsOf(subsets: readonly DeepReadonly<EndpointSubset>[]): { groups: Map<string, Group>; invalid: number; skipped: number } {
  const groups = new Map<string, Group>();
  let invalid = 0;
  let skipped = 0;
  for (const { ports = [], addresses = [], notReadyAddresses = [] } of subsets) {
    const slicePorts = ports.map(portOf);
    let added = 0;
    const add = (address: DeepReadonly<EndpointAddress>, ready: boolean) => {
      const ip = parseIpSloppy(address.ip);
      if (!ip) invalid++;
      else if (added >= MAX_ADDRESSES) skipped++;
      else {
        added++;
        const addressType = ip.family === 6 ? "IPv6" : "IPv4";
        const key = groupKey(addressType, slicePorts);
        let group = groups.get(key);
        if (!group) groups.set(key, (group = { addressType, ports: slicePorts, endpoints: new Map() }));
        const text = formatIp(ip);
        // An address that is there as ready is ready.
        if (!group.endpoints.has(text)) group.endpoints.set(text, endpointOf(address, text, ready));
      }
    };
    for (const address of addresses) add(address, true);
    for (const address of notReadyAddresses) add(address, false);
  }
  return { groups, invalid, skipped };
}

function portOf({ name, port, protocol, appProtocol }: DeepReadonly<OldPort>) {
  return { name: name ?? "", port, protocol: protocol ?? "TCP", ...(appProtocol === undefined ? {} : { appProtocol }) };
}

function endpointOf({ hostname, nodeName, targetRef }: DeepReadonly<EndpointAddress>, ip: string, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef: { ...targetRef } }),
  };
}

function sliceOf({ metadata }: AnyEndpoints, { addressType, ports, endpoints }: Group): EndpointSlice {
  const name = metadata?.name ?? "";
  const annotations = Object.entries(metadata?.annotations ?? {}).filter(([annotation]) => !UNMIRRORED.has(annotation));
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${name}-`,
      namespace: metadata?.namespace ?? "",
      labels: { ...metadata?.labels, [SERVICE_NAME_LABEL]: name, [MANAGED_BY_LABEL]: MIRRORED_BY },
      ...(annotations.length > 0 ? { annotations: Object.fromEntries(annotations) } : {}),
      ownerReferences: [
        { apiVersion: "v1", kind: "Endpoints", name, uid: metadata?.uid ?? "", controller: true, blockOwnerDeletion: true },
      ],
    },
    addressType,
    endpoints: [...endpoints.values()],
    ports,
  };
}

function isSame(present: AnySlice, { metadata, endpoints }: EndpointSlice): boolean {
  const byAddress = (list: AnySlice["endpoints"]) => new Map(list?.map((endpoint) => [endpoint.addresses[0], endpoint]));
  const [before, after] = [byAddress(present.endpoints), byAddress(endpoints)];
  return (
    before.size === after.size &&
    [...after].every(([address, endpoint]) => equal(before.get(address), endpoint)) &&
    equal(present.metadata?.labels ?? {}, metadata?.labels ?? {}) &&
    equal(present.metadata?.annotations ?? {}, metadata?.annotations ?? {}) &&
    equal(present.metadata?.ownerReferences?.[0]?.uid, metadata?.ownerReferences?.[0]?.uid)
  );
}

/** The slice under the name of one that is there. */
function renamed(slice: EndpointSlice, { metadata }: AnySlice): EndpointSlice {
  const { generateName: _, ...rest } = slice.metadata ?? {};
  const { name, resourceVersion } = metadata ?? {};
  return {
    ...slice,
    metadata: { ...rest, ...(name === undefined ? {} : { name }), ...(resourceVersion === undefined ? {} : { resourceVersion }) },
  };
}
