// IP addresses and subnets: parsing as strict as Go's netip or as lax as the parser of Kubernetes' older fields, canonical text, and
// arithmetic. An address is a number with a family.

export interface Ip {
  readonly family: 4 | 6;
  /** Below 2^32 or 2^128. */
  readonly value: bigint;
}

export interface Cidr {
  /** The address as it was written; `network` has no bits beyond the prefix. */
  readonly address: Ip;
  readonly network: Ip;
  readonly prefix: number;
}

const MAPPED = 0xffffn << 32n;

/** Parses an address; undefined if it is none. No leading zeros in IPv4, no zones. `::ffff:1.2.3.4` is IPv6 here. */
export function parseIp(text: string): Ip | undefined {
  if (text.includes(":")) return parseIpv6(text, false);
  const value = parseIpv4(text, false);
  return value === undefined ? undefined : { family: 4, value };
}

/** As parseIp, but reads leading zeros of IPv4 as decimal and IPv4-mapped IPv6 as IPv4. */
export function parseIpSloppy(text: string): Ip | undefined {
  if (text.includes(":")) return unmapped(parseIpv6(text, true));
  const value = parseIpv4(text, true);
  return value === undefined ? undefined : { family: 4, value };
}

/** Whether it is an IPv6 address of the form `::ffff:1.2.3.4`. */
export function isIpv4Mapped(ip: Ip): boolean {
  return ip.family === 6 && ip.value >> 32n === 0xffffn;
}

function unmapped(ip: Ip | undefined): Ip | undefined {
  return ip && isIpv4Mapped(ip) ? { family: 4, value: ip.value ^ MAPPED } : ip;
}

function parseIpv4(text: string, leadingZeros: boolean): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!(leadingZeros ? /^\d+$/ : /^(?:0|[1-9]\d{0,2})$/).test(part)) return undefined;
    const byte = Number(part);
    if (byte > 255) return undefined;
    value = value * 256 + byte;
  }
  return BigInt(value);
}

function parseIpv6(text: string, leadingZeros: boolean): Ip | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half, index) => (half === "" ? [] : parseGroups(half, index === halves.length - 1, leadingZeros)));
  const [head, tail] = groups;
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  // "::" stands for at least one group.
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array.from({ length: missing }, () => 0), ...(tail ?? [])]) value = (value << 16n) | BigInt(group);
  return { family: 6, value };
}

/** The 16-bit groups of a half; its last may be an IPv4 address if it ends the whole. */
function parseGroups(half: string, last: boolean, leadingZeros: boolean): number[] | undefined {
  const groups: number[] = [];
  const parts = half.split(":");
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && part.includes(".")) {
      const value = parseIpv4(part, leadingZeros);
      if (value === undefined) return undefined;
      groups.push(Number(value >> 16n), Number(value & 0xffffn));
    } else if (/^[\da-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** Canonical text: dotted, or RFC 5952. */
export function formatIp(ip: Ip): string {
  if (ip.family === 4) {
    const value = Number(ip.value);
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  }
  if (isIpv4Mapped(ip)) return `::ffff:${formatIp({ family: 4, value: ip.value ^ MAPPED })}`;
  const groups = Array.from({ length: 8 }, (_, index) => Number((ip.value >> BigInt(112 - 16 * index)) & 0xffffn));
  // The longest run of zeros, the first of equals, if it is two groups or more.
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const text = groups.map((group) => group.toString(16));
  if (best.length < 2) return text.join(":");
  return `${text.slice(0, best.start).join(":")}::${text.slice(best.start + best.length).join(":")}`;
}

/** How many bits addresses of the family have. */
export function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** Parses a subnet; undefined if it is none. Bits beyond the prefix are let through: compare `address` and `network`. */
export function parseCidr(text: string): Cidr | undefined {
  return readCidr(text, parseIp, /^(?:0|[1-9]\d{0,2})$/);
}

/** As parseCidr, with the address as in parseIpSloppy and leading zeros in the prefix. */
export function parseCidrSloppy(text: string): Cidr | undefined {
  return readCidr(text, (address) => (address.includes(":") ? parseIpv6(address, true) : parseIpSloppy(address)), /^\d+$/);
}

function readCidr(text: string, parse: (address: string) => Ip | undefined, form: RegExp): Cidr | undefined {
  const slash = text.indexOf("/");
  const digits = text.slice(slash + 1);
  const address = slash < 0 ? undefined : parse(text.slice(0, slash));
  if (address === undefined || !form.test(digits)) return undefined;
  const prefix = Number(digits);
  if (prefix > bitsOf(address.family)) return undefined;
  const hostBits = BigInt(bitsOf(address.family) - prefix);
  return { address, network: { family: address.family, value: (address.value >> hostBits) << hostBits }, prefix };
}

/** `network/prefix`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.network)}/${cidr.prefix}`;
}

export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  if (ip.family !== cidr.network.family) return false;
  const hostBits = BigInt(bitsOf(ip.family) - cidr.prefix);
  return ip.value >> hostBits === cidr.network.value >> hostBits;
}

/** How many addresses the subnet has, its first and last included. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(bitsOf(cidr.network.family) - cidr.prefix);
}

/** The address at an offset from the network's first one; throws a RangeError beyond the last. */
export function ipAt(cidr: Cidr, offset: number | bigint): Ip {
  const index = BigInt(offset);
  if (index < 0n || index >= cidrSize(cidr)) throw new RangeError(`no address at ${index} in ${formatCidr(cidr)}`);
  return { family: cidr.network.family, value: cidr.network.value + index };
}

/** The offset of an address from the network's first one; undefined if it lies outside. */
export function offsetOf(cidr: Cidr, ip: Ip): bigint | undefined {
  return cidrContains(cidr, ip) ? ip.value - cidr.network.value : undefined;
}
