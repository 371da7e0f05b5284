// What is wrong between Services and the objects of their cluster addresses, and what mends it. Pure.

import type { Service } from "#kinds/api/core-v1.gen.ts";
import type { IPAddress, ParentReference, ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { contains, formatIp, parseCidr, parseIp, type Ip } from "#kinds/shared/ip.ts";
import { keyOf, makeKey, type DeepReadonly, type Key } from "#meta/object.ts";
import { FAMILY_LABEL, isManaged } from "../addresses/address-object.ts";
import { heldBy } from "../allocation.ts";

/** A Service that is being created has its address before it is stored; so long nobody calls an address leaked. */
const GRACE_MS = 60_000;
/** The same for an address that a stored Service is about to get. */
const CHANGE_MS = 5_000;

export interface RepairStep {
  readonly service?: DeepReadonly<Service>;
  readonly address?: DeepReadonly<IPAddress>;
  readonly reason: string;
  readonly action: "ClusterIPAllocation" | "ClusterIPValidation" | "IPAddressAllocation";
  readonly note: string;
  /** Absent: nothing but the event. */
  readonly mend?: "create" | "recreate" | "remove";
  readonly ip?: Ip;
}

export interface RepairInput {
  readonly services: readonly DeepReadonly<Service>[];
  readonly addresses: readonly DeepReadonly<IPAddress>[];
  readonly ranges: readonly DeepReadonly<ServiceCIDR>[];
  readonly now: number;
}

/** What is to be done now, and when to look again for what may only be slow (undefined: no need). */
export function planRepair(input: RepairInput): { readonly steps: RepairStep[]; readonly againInMs: number | undefined } {
  const services = new Map<Key, DeepReadonly<Service>>(input.services.map((service) => [keyOf(service), service]));
  const addresses = new Map(input.addresses.map((address) => [address.metadata?.name ?? "", address]));
  const cidrs = input.ranges.flatMap(({ spec }) => (spec?.cidrs ?? []).flatMap((text) => parseCidr(text) ?? []));
  const steps: RepairStep[] = [];
  for (const service of input.services) {
    for (const text of heldBy(service).ips) {
      const step = checkHeld(service, text, addresses, services, (ip) => cidrs.some((cidr) => contains(cidr, ip)));
      if (step) steps.push(step);
    }
  }
  let againInMs: number | undefined;
  for (const address of input.addresses) {
    const found = isManaged(address) ? checkAddress(address, services, input.now) : undefined;
    if (typeof found === "number") againInMs = Math.min(againInMs ?? found, found);
    else if (found) steps.push(found);
  }
  return { steps, againInMs };
}

function checkHeld(
  service: DeepReadonly<Service>,
  text: string,
  addresses: ReadonlyMap<string, DeepReadonly<IPAddress>>,
  services: ReadonlyMap<Key, DeepReadonly<Service>>,
  inRange: (ip: Ip) => boolean,
): RepairStep | undefined {
  const ip = parseIp(text);
  const about = (reason: string, note: string): RepairStep => ({ service, reason, action: "ClusterIPAllocation", note });
  if (!ip) {
    const note = `Cluster IP ${text} is not a valid IP; please recreate Service`;
    return { ...about("ClusterIPNotValid", note), action: "ClusterIPValidation" };
  }
  const [family, shown] = [`IPv${ip.family}`, formatIp(ip)];
  if (!inRange(ip)) {
    return about(
      "ClusterIPOutOfRange",
      `Cluster IP [${family}]: ${shown} is not within any configured Service CIDR; please recreate service`,
    );
  }
  const address = addresses.get(shown);
  if (!address) {
    return { ...about("ClusterIPNotAllocated", `Cluster IP [${family}]: ${shown} is not allocated; repairing`), mend: "create", ip };
  }
  const { namespace = "", name = "" } = service.metadata ?? {};
  const parent = address.spec?.parentRef;
  const note = `the ClusterIP [${family}]: ${shown} for Service ${namespace}/${name} has a wrong reference; repairing`;
  const recreate: RepairStep = { ...about("ClusterIPNotAllocated", note), address, mend: "recreate", ip };
  if (parent?.group || parent?.resource !== "services") return recreate;
  if (parent.namespace !== namespace || parent.name !== name) {
    const other = services.get(makeKey(parent.namespace, parent.name ?? ""));
    if (!other) return recreate;
    if (!heldBy(other).ips.has(shown)) return undefined;
    return about("ClusterIPAlreadyAllocated", `Cluster IP [${family}]:${shown} was assigned to multiple services; please recreate service`);
  }
  return isManaged(address) && address.metadata?.labels?.[FAMILY_LABEL] === family ? undefined : recreate;
}

/** A number: it may be that a write is under way; look again after so many milliseconds. */
function checkAddress(
  address: DeepReadonly<IPAddress>,
  services: ReadonlyMap<Key, DeepReadonly<Service>>,
  now: number,
): RepairStep | number | undefined {
  const name = address.metadata?.name ?? "";
  const parent: Partial<ParentReference> = address.spec?.parentRef ?? {};
  const { group, resource } = parent;
  const [namespace, serviceName] = [parent.namespace ?? "", parent.name ?? ""];
  const remove = (reason: string, note: string): RepairStep => ({ address, reason, action: "IPAddressAllocation", note, mend: "remove" });
  if (group || resource !== "services") {
    const shown = `&ParentReference{Group:${group ?? ""},Resource:${resource ?? ""},Namespace:${namespace},Name:${serviceName},}`;
    const note = `IPAddress ${name} appears to have been modified, not referencing a Service ${shown}: cleaning up`;
    return remove("IPAddressNotAllocated", note);
  }
  const ageMs = now - Date.parse(address.metadata?.creationTimestamp ?? "");
  const service = services.get(makeKey(namespace, serviceName));
  if (!service) {
    if (ageMs <= GRACE_MS) return GRACE_MS - ageMs + 1;
    const note = `IPAddress: ${name} for Service ${namespace}/${serviceName} appears to have leaked: cleaning up`;
    return remove("IPAddressNotAllocated", note);
  }
  if ((service.spec?.clusterIPs ?? []).includes(name)) return undefined;
  if (service.spec?.type === "ExternalName" && ageMs < GRACE_MS) return GRACE_MS - ageMs;
  if (ageMs < CHANGE_MS) return CHANGE_MS - ageMs;
  return remove("IPAddressWrongReference", `IPAddress: ${name} for Service ${namespace}/${serviceName} has a wrong reference; cleaning up`);
}
