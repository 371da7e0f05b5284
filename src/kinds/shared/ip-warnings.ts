// Warnings about addresses and ranges that are understood but not written as they should be.

import { bitsOf, formatCidr, formatIp, isIpv4Mapped, parseCidr, parseCidrSloppy, parseIp, parseIpSloppy } from "#lib/ip.ts";
import { quote } from "#meta/errors.ts";

export function warningsForIp(path: string, value: string): string[] {
  const sloppy = parseIpSloppy(value);
  if (!sloppy) return [];
  const strict = parseIp(value);
  if (!strict || isIpv4Mapped(strict)) {
    return [`${path}: non-standard IP address ${quote(value)} is invalid: use ${quote(formatIp(sloppy))}`];
  }
  const canonical = formatIp(strict);
  if (strict.family === 4 || canonical === value) return [];
  return [`${path}: IPv6 address ${quote(value)} should be in RFC 5952 canonical format (${quote(canonical)})`];
}

export function warningsForCidr(path: string, value: string): string[] {
  const sloppy = parseCidrSloppy(value);
  if (!sloppy) return [];
  const warnings: string[] = [];
  if (sloppy.address.value !== sloppy.network.value) {
    const single = `${formatIp(sloppy.address)}/${bitsOf(sloppy.address.family)}`;
    const options = `${quote(formatCidr(sloppy))} or ${quote(single)}`;
    warnings.push(`${path}: CIDR value ${quote(value)} is ambiguous in this context (should be ${options}?)`);
  }
  const strict = parseCidr(value);
  if (!strict || isIpv4Mapped(strict.address)) {
    warnings.push(`${path}: non-standard CIDR value ${quote(value)} is invalid: use ${quote(formatCidr(sloppy))}`);
  }
  if (warnings.length > 0 || sloppy.address.family === 4 || formatCidr(sloppy) === value) return warnings;
  return [`${path}: IPv6 CIDR value ${quote(value)} should be in RFC 5952 canonical format (${quote(formatCidr(sloppy))})`];
}
