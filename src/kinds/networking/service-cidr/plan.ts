// When a range of cluster addresses may go. Pure.

import type { IPAddress, ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { isManaged } from "#kinds/core/service/addresses/address-object.ts";
import { contains, parseCidr, parseIp, type Cidr, type Ip } from "#kinds/shared/ip.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Range = DeepReadonly<ServiceCIDR>;

const cidrsOf = ({ spec }: Range): Cidr[] => (spec?.cidrs ?? []).flatMap((text) => parseCidr(text) ?? []);

/** The ranges that an address lies in. Those that are going do not count. */
export function rangesWith(ip: Ip, ranges: readonly Range[]): Range[] {
  return ranges.filter((range) => !range.metadata?.deletionTimestamp && cidrsOf(range).some((cidr) => contains(cidr, ip)));
}

export function overlapping(range: Range, ranges: readonly Range[]): Range[] {
  const own = cidrsOf(range);
  return ranges.filter((other) => cidrsOf(other).some((cidr) => own.some((each) => contains(each, cidr) || contains(cidr, each))));
}

/** Whether no Service would be left with an address of no range. */
export function canDelete(range: Range, ranges: readonly Range[], addresses: readonly DeepReadonly<IPAddress>[]): boolean {
  const name = range.metadata?.name;
  const others = ranges.filter((other) => other.metadata?.name !== name);
  return addresses.every((address) => {
    const ip = isManaged(address) ? parseIp(address.metadata?.name ?? "") : undefined;
    return !ip || !cidrsOf(range).some((cidr) => contains(cidr, ip)) || rangesWith(ip, others).length > 0;
  });
}
