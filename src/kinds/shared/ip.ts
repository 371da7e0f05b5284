// IP addresses and ranges as they stand in objects, with what is wrong with them in upstream's words. Addresses are
// big integers with a family, which is all that comparing and allocating need.

import { parseIpSloppy } from "#lib/ip.ts";
import { field, type FieldError } from "#meta/errors.ts";

export interface Ip {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface Cidr extends Ip {
  readonly prefix: number;
}

/** The address, or undefined. Leading zeros in IPv4 are refused, as everywhere since v1.36. */
export function parseIp(text: string): Ip | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Ip | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return { family: 4, value: BigInt(value) };
}

function parseIpv6(text: string): Ip | undefined {
  let rest = text;
  const tail: number[] = [];
  const lastColon = text.lastIndexOf(":");
  if (text.includes(".")) {
    const mapped = parseIpv4(text.slice(lastColon + 1));
    if (!mapped) return undefined;
    tail.push(Number(mapped.value >> 16n), Number(mapped.value & 0xffffn));
    rest = text.slice(0, lastColon + 1);
    if (!rest.endsWith("::")) rest = rest.slice(0, -1);
  }
  const halves = rest.split("::");
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined) => (half === undefined || half === "" ? [] : half.split(":"));
  const [head, back] = [groups(halves[0]), groups(halves[1])];
  if (![...head, ...back].every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const missing = 8 - head.length - back.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...head.map(hex), ...Array.from({ length: missing }, () => 0), ...back.map(hex), ...tail];
  return { family: 6, value: all.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n) };
}

const hex = (group: string): number => Number.parseInt(group, 16);

/** The canonical text of an address. */
export function formatIp({ family, value }: Ip): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  // The first of the longest runs of two or more zero groups is written as `::`.
  let [best, length] = [-1, 1];
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > length) [best, length] = [start, end - start];
    if (end > start) start = end;
  }
  const text = (list: readonly number[]) => list.map((group) => group.toString(16)).join(":");
  return best < 0 ? text(groups) : `${text(groups.slice(0, best))}::${text(groups.slice(best + length))}`;
}

/** A range; its value is the address as written, which may have bits beyond the prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (!ip || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const prefix = Number(digits);
  return prefix <= (ip.family === 4 ? 32 : 128) ? { ...ip, prefix } : undefined;
}

/** The first address of a range, and how many there are. */
export function rangeOf({ family, value, prefix }: Cidr): { readonly first: bigint; readonly size: bigint } {
  const size = 1n << BigInt((family === 4 ? 32 : 128) - prefix);
  return { first: value - (value % size), size };
}

export function contains(cidr: Cidr, ip: Ip): boolean {
  const { first, size } = rangeOf(cidr);
  return ip.family === cidr.family && ip.value >= first && ip.value < first + size;
}

const isMapped = ({ family, value }: Ip): boolean => family === 6 && value >> 32n === 0xffffn;

/** What is wrong with an address. Values in `known` were stored before and stay allowed. */
export function validateIp(path: string, given: string | undefined, known: readonly string[] = []): FieldError[] {
  const text = given ?? "";
  if (known.includes(text)) return [];
  const ip = parseIp(text);
  if (ip && !isMapped(ip)) return [];
  if (ip) return [field.invalid(path, text, "must not be an IPv4-mapped IPv6 address")];
  if (hasLeadingZeros(text)) return [field.invalid(path, text, "must not have leading 0s")];
  return [field.invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
}

function hasLeadingZeros(text: string): boolean {
  return !text.includes(":") && parseIpv4(text.replaceAll(/(^|\.)0+(?=\d)/g, "$1")) !== undefined;
}

/** What is wrong with a range. Values in `known` were stored before and stay allowed. */
export function validateCidr(path: string, text: string, known: readonly string[] = []): FieldError[] {
  if (known.includes(text)) return [];
  const cidr = parseCidr(text);
  if (!cidr) return [field.invalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")];
  if (isMapped(cidr)) return [field.invalid(path, text, "must not have an IPv4-mapped IPv6 address")];
  if (rangeOf(cidr).first !== cidr.value) return [field.invalid(path, text, "must not have bits set beyond the prefix length")];
  return [];
}

/**
 * What is wrong with an address that traffic is sent to. Unlike upstream, loopback addresses are allowed: pods of the
 * process runtime have one each.
 */
export function validateEndpointIp(path: string, given: string | undefined): FieldError[] {
  const text = given ?? "";
  const ip = parseIpSloppy(text);
  if (!ip) return [field.invalid(path, text, "must be a valid IP address")];
  const errors: FieldError[] = [];
  const within = (range: string) => {
    const cidr = parseCidr(range);
    return cidr !== undefined && contains(cidr, ip);
  };
  if (ip.value === 0n) errors.push(field.invalid(path, text, `may not be unspecified (${text})`));
  if (within("169.254.0.0/16") || within("fe80::/10")) {
    errors.push(field.invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"));
  }
  if (within("224.0.0.0/24") || within("ff02::/16")) {
    errors.push(field.invalid(path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"));
  }
  return errors;
}
