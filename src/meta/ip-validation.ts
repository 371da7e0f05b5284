// What may stand in fields that hold addresses and subnets, with upstream's words.

import { formatCidr, formatIp, isIpv4Mapped, parseCidr, parseCidrSloppy, parseIp, parseIpSloppy } from "#lib/ip.ts";
import { field, quote, type FieldError } from "./errors.ts";

const NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/** An address in canonical form: fields that are new. */
export function validateIp(path: string, value: string): FieldError[] {
  const errors = validateLegacyIp(path, value);
  const ip = parseIpSloppy(value);
  if (errors.length > 0 || ip === undefined) return errors;
  const canonical = formatIp(ip);
  return canonical === value ? [] : [field.invalid(path, value, `must be in canonical form (${quote(canonical)})`)];
}

/** An address in any sound form: fields that are older than the strict rules. */
export function validateLegacyIp(path: string, value: string): FieldError[] {
  if (parseIpSloppy(value) === undefined) return [field.invalid(path, value, NO_IP)];
  const strict = parseIp(value);
  if (strict === undefined) return [field.invalid(path, value, "must not have leading 0s")];
  return isIpv4Mapped(strict) ? [field.invalid(path, value, "must not be an IPv4-mapped IPv6 address")] : [];
}

/** A subnet in canonical form. */
export function validateCidr(path: string, value: string): FieldError[] {
  const errors = validateLegacyCidr(path, value);
  const cidr = parseCidrSloppy(value);
  if (errors.length > 0 || cidr === undefined) return errors;
  const canonical = formatCidr(cidr);
  return canonical === value ? [] : [field.invalid(path, value, `must be in canonical form (${quote(canonical)})`)];
}

/** A subnet in any sound form. */
export function validateLegacyCidr(path: string, value: string): FieldError[] {
  if (parseCidrSloppy(value) === undefined) return [field.invalid(path, value, NO_CIDR)];
  const strict = parseCidr(value);
  if (strict === undefined) return [field.invalid(path, value, "must not have leading 0s in IP or prefix length")];
  if (isIpv4Mapped(strict.address)) return [field.invalid(path, value, "must not have an IPv4-mapped IPv6 address")];
  return strict.address.value === strict.network.value
    ? []
    : [field.invalid(path, value, "must not have bits set beyond the prefix length")];
}
