// Numbers of which there is one each: which of a range are free, and which is given next. In memory.

import { formatIp, rangeOf, type Cidr, type Ip } from "#kinds/shared/ip.ts";

/** Random tries before a range is searched in order. */
const RANDOM_TRIES = 16;
/** Ranges of IPv6 are larger than numbers are exact; so many addresses are plenty. */
const MAX_SIZE = 2n ** 40n;

/**
 * A free number of a range, by chance, from above the part that is kept for those who ask for a certain one; from
 * that part too when all others are taken. Undefined: there is none.
 */
function pickFree(size: number, reserved: number, isTaken: (offset: number) => boolean, random: () => number): number | undefined {
  for (let attempt = 0; attempt < RANDOM_TRIES && size > reserved; attempt++) {
    const offset = reserved + Math.floor(random() * (size - reserved));
    if (!isTaken(offset)) return offset;
  }
  for (let step = 0; step < size; step++) {
    const offset = (step + reserved) % size;
    if (!isTaken(offset)) return offset;
  }
  return undefined;
}

/** Upstream's size of the part that is kept: a share of the range within bounds, none of small ranges. */
function reservedOf(size: number, share: number, max: number): number {
  return size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / share)), max);
}

export interface AddressRange {
  readonly family: 4 | 6;
  /** The network address itself, which is never given. */
  readonly base: string;
  /** Whether it may be asked for, be it free or not. */
  covers(ip: Ip): boolean;
  pick(taken: ReadonlySet<bigint>, random: () => number): Ip | undefined;
}

/** Cluster addresses of one range. The first address and, for IPv4, the last are never given. */
export function createAddressRange(cidr: Cidr): AddressRange {
  const { family } = cidr;
  const { first, size } = rangeOf(cidr);
  const low = first + 1n;
  const high = first + size - (family === 4 ? 2n : 1n);
  const count = high - low + 1n;
  const usable = Number(count < 0n ? 0n : count > MAX_SIZE ? MAX_SIZE : count);
  const reserved = reservedOf(usable, 16, 256);
  const base = formatIp({ family, value: first });
  return {
    family,
    base,
    covers: (ip) => ip.family === family && ip.value >= low && ip.value <= high,
    pick(taken, random) {
      const offset = pickFree(usable, reserved, (at) => taken.has(low + BigInt(at)), random);
      return offset === undefined ? undefined : { family, value: low + BigInt(offset) };
    },
  };
}

/** What was taken for one write, to be kept or given back; the form that the server asks for. */
export interface Allocation {
  readonly commit: () => Promise<void> | void;
  readonly rollback: () => Promise<void> | void;
}

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

export interface ClusterAddresses {
  /** Families of the cluster's own ranges; the first is the default. */
  readonly families: readonly (4 | 6)[];
  /** Takes this one; resolves to what is wrong, in upstream's words. */
  take(service: ServiceName, ip: Ip, dryRun: boolean): Promise<string | undefined>;
  /** Takes any; undefined: there is none. A dry run gets the range's own address, as upstream. */
  takeAny(service: ServiceName, family: 4 | 6, dryRun: boolean): Promise<string | undefined>;
  /** Resolves when others can have it. */
  give(ip: string): Promise<void> | void;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Node ports, each with the uid of the Service that has it: news of a Service that is gone cannot free what another one
 * has taken since.
 */
export interface PortPool {
  /** What is wrong with taking this one; undefined: it is taken now. */
  take(port: number, owner: string): string | undefined;
  takeAny(owner: string): number | undefined;
  /** For what is stored already. */
  mark(port: number, owner: string): void;
  /** Frees it if it is the owner's. */
  give(port: number, owner: string): void;
}

export function createPortPool({ first, last }: PortRange, random: () => number): PortPool {
  const owners = new Map<number, string>();
  const size = last - first + 1;
  const reserved = reservedOf(size, 32, 128);
  return {
    take(port, owner) {
      if (port < first || port > last) return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
      if (owners.has(port)) return "provided port is already allocated";
      owners.set(port, owner);
      return undefined;
    },
    takeAny(owner) {
      if (owners.size >= size) return undefined;
      const offset = pickFree(size, reserved, (at) => owners.has(first + at), random);
      if (offset === undefined) return undefined;
      owners.set(first + offset, owner);
      return first + offset;
    },
    mark: (port, owner) => void owners.set(port, owner),
    give(port, owner) {
      if (owners.get(port) === owner) owners.delete(port);
    },
  };
}
