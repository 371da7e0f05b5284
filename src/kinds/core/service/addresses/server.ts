// Cluster addresses. Whoever creates the IPAddress object of an address has it, so that servers that share a store
// never give one twice; what is kept in memory only saves asking for addresses that are taken.

import type { Registry } from "#apiserver/registry.ts";
import { IPAddress, ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { formatIp, parseCidr, parseIp, type Ip } from "#kinds/shared/ip.ts";
import type { Logger } from "#lib/log.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { makeKey, type DeepReadonly } from "#meta/object.ts";
import { addressObject } from "./address-object.ts";
import { createAddressRange, type AddressRange, type ClusterAddresses, type ServiceName } from "../pools.ts";

export const DEFAULT_SERVICE_CIDR = "kubernetes";

export interface AddressesOptions {
  readonly registry: Registry;
  /** The cluster's own ranges, which are there before the object that tells of them. */
  readonly cidrs: readonly string[];
  readonly random: () => number;
  readonly log: Logger;
}

/** Follows the stored ranges and addresses until the registry ends. */
export async function createClusterAddresses(options: AddressesOptions): Promise<ClusterAddresses> {
  const { registry, random, log } = options;
  const own = rangesOf(options.cidrs);
  const [primary] = own;
  if (!primary) throw new TypeError("no range of service addresses was given");
  const ranges = registry.cache(ServiceCIDR);
  const stored = registry.cache(IPAddress);
  await Promise.all([ranges.ready, stored.ready]);

  const taken = { 4: new Set<bigint>(), 6: new Set<bigint>() };
  stored.subscribe(({ before, after }) => {
    const ip = parseIp((after ?? before)?.metadata?.name ?? "");
    if (!ip) return;
    if (after) taken[ip.family].add(ip.value);
    else taken[ip.family].delete(ip.value);
  });
  let ready = own;
  ranges.subscribe(() => (ready = readyRanges(ranges.list(), own)));

  /** Releases under way: an address is free again when its object is gone. */
  const releases = new Map<string, Promise<void>>();
  const create = async (service: ServiceName, ip: Ip): Promise<boolean> => {
    taken[ip.family].add(ip.value);
    try {
      await registry.create(IPAddress, addressObject(ip, service));
      return true;
    } catch (error) {
      if (isAlreadyExists(error)) return false;
      taken[ip.family].delete(ip.value);
      throw error;
    }
  };
  return {
    families: own.map(({ family }) => family),
    async take(service, ip, dryRun) {
      if (!ready.some((range) => range.covers(ip))) return "the provided network does not match the current range";
      if (dryRun) return undefined;
      await releases.get(formatIp(ip));
      return (await create(service, ip)) ? undefined : "provided IP is already allocated";
    },
    async takeAny(service, family, dryRun) {
      for (const range of ready) {
        if (range.family !== family) continue;
        if (dryRun) return range.base;
        for (let ip = range.pick(taken[family], random); ip; ip = range.pick(taken[family], random)) {
          if (await create(service, ip)) return formatIp(ip);
        }
      }
      return undefined;
    },
    give(text) {
      const ip = parseIp(text);
      if (!ip) return undefined;
      const release = registry.delete(IPAddress, makeKey("", text)).then(
        () => void taken[ip.family].delete(ip.value),
        // It is found and removed later, as one that nobody has.
        (error: unknown) => log.warn("a cluster address could not be freed", { ip: text, error: String(error) }),
      );
      const done = release.finally(() => {
        if (releases.get(text) === done) releases.delete(text);
      });
      releases.set(text, done);
      return done;
    },
  };
}

function rangesOf(cidrs: readonly string[]): AddressRange[] {
  return cidrs.flatMap((text) => {
    const cidr = parseCidr(text);
    return cidr ? [createAddressRange(cidr)] : [];
  });
}

/** The ranges that addresses are given from; the cluster's own first. */
function readyRanges(stored: readonly DeepReadonly<ServiceCIDR>[], own: readonly AddressRange[]): AddressRange[] {
  const texts = new Set<string>();
  const byAge = stored.toSorted((a, b) => rank(a).localeCompare(rank(b)));
  for (const cidr of byAge) if (isReady(cidr)) for (const text of cidr.spec?.cidrs ?? []) texts.add(text);
  const told = stored.some(({ metadata }) => metadata?.name === DEFAULT_SERVICE_CIDR);
  return [...(told ? [] : own), ...rangesOf([...texts])];
}

const rank = ({ metadata }: DeepReadonly<ServiceCIDR>): string =>
  metadata?.name === DEFAULT_SERVICE_CIDR ? "" : `${metadata?.creationTimestamp ?? ""} ${metadata?.name ?? ""}`;

/** A range that nobody has said anything about is ready. */
export function isReady({ metadata, status }: DeepReadonly<ServiceCIDR>): boolean {
  if (metadata?.deletionTimestamp) return false;
  const condition = status?.conditions?.find(({ type }) => type === "Ready");
  return condition === undefined || condition.status === "True";
}
