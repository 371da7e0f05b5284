// What Services are given and of which there is one each: cluster addresses and node ports. In memory; what is taken follows from the stored Services.

import { contains, formatIp, rangeOf, type Cidr, type Ip } from "#kinds/shared/ip.ts";

/** A pool of numbers between two bounds, both inclusive. */
export interface Pool {
  has(value: bigint): boolean;
  take(value: bigint): void;
  give(value: bigint): void;
  /** Takes a free one; undefined if there is none. */
  takeAny(): bigint | undefined;
}

/** How many are left for those that ask for a certain one, so that clashes with those given by chance are rare. */
function reservedFor(size: number): number {
  return size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
}

/** Random tries before the pool is searched in order. */
const RANDOM_TRIES = 16;

export function createPool(first: bigint, last: bigint, random: () => number): Pool {
  const taken = new Set<bigint>();
  const size = Number(last - first) + 1;
  const reserved = size > 0 ? reservedFor(size) : 0;
  const takeIfFree = (value: bigint): boolean => {
    if (taken.has(value)) return false;
    taken.add(value);
    return true;
  };
  return {
    has: (value) => taken.has(value),
    take: (value) => void taken.add(value),
    give: (value) => void taken.delete(value),
    takeAny() {
      if (size <= 0 || taken.size >= size) return undefined;
      for (let attempt = 0; attempt < RANDOM_TRIES; attempt++) {
        const value = first + BigInt(reserved + Math.floor(random() * (size - reserved)));
        if (takeIfFree(value)) return value;
      }
      for (let offset = 0; offset < size; offset++) {
        const value = first + BigInt((offset + reserved) % size);
        if (takeIfFree(value)) return value;
      }
      return undefined;
    },
  };
}

/** Cluster addresses of one range. The first address and, for IPv4, the last are never given. */
export function createAddressPool(cidr: Cidr, random: () => number) {
  const { first, size } = rangeOf(cidr);
  const low = first + 1n;
  const high = first + size - (cidr.family === 4 ? 2n : 1n);
  // IPv6 ranges are huge; upstream uses no more than 2^16 of them either.
  const pool = createPool(low, high - low > 65535n ? low + 65535n : high, random);
  const text = `${formatIp({ family: cidr.family, value: first })}/${cidr.prefix}`;
  return {
    family: cidr.family,
    covers: (ip: Ip): boolean => contains(cidr, ip),
    give: (ip: Ip): void => pool.give(ip.value),
    /** For what is stored already. */
    mark: (ip: Ip): void => pool.take(ip.value),
    takeAny(): string | undefined {
      const value = pool.takeAny();
      return value === undefined ? undefined : formatIp({ family: cidr.family, value });
    },
    /** What is wrong with taking this one; undefined: it is taken now. */
    take(ip: Ip): string | undefined {
      if (!contains(cidr, ip) || ip.value < low || ip.value > high) {
        return `the provided IP (${formatIp(ip)}) is not in the valid range. The range of valid IPs is ${text}`;
      }
      if (pool.has(ip.value)) return "provided IP is already allocated";
      pool.take(ip.value);
      return undefined;
    },
  };
}

export type AddressPool = ReturnType<typeof createAddressPool>;

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export function createPortPool({ first, last }: PortRange, random: () => number) {
  const pool = createPool(BigInt(first), BigInt(last), random);
  return {
    give: (port: number): void => pool.give(BigInt(port)),
    mark: (port: number): void => pool.take(BigInt(port)),
    takeAny(): number | undefined {
      const port = pool.takeAny();
      return port === undefined ? undefined : Number(port);
    },
    take(port: number): string | undefined {
      if (port < first || port > last) return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
      if (pool.has(BigInt(port))) return "provided port is already allocated";
      pool.take(BigInt(port));
      return undefined;
    },
  };
}

export type PortPool = ReturnType<typeof createPortPool>;
