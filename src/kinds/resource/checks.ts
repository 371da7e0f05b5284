// Checks that the kinds of dynamic resource allocation share, with upstream's paths and words.

import { checkRequired, checkRule, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { byteLength, cIdentifier, dns1123Subdomain } from "#meta/names.ts";

const MAX_OPAQUE_BYTES = 10 * 1024;
const MAX_ID_BYTES = 32;
const MAX_DRIVER_BYTES = 63;
const MAX_POOL_BYTES = 253;

/** Checks each item, or only the number of them if there are too many; with `keyOf` items with a key that was seen before are told. */
export function checkItems<T>(
  errors: Errors,
  path: string,
  items: readonly T[] | undefined,
  max: number,
  check: (item: T, path: string) => void,
  keyOf?: (item: T) => unknown,
): void {
  if (!items) return;
  if (max >= 0 && items.length > max) {
    errors.push(field.tooMany(path, items.length, max));
    return;
  }
  for (const [index, item] of items.entries()) check(item, `${path}[${index}]`);
  if (!keyOf) return;
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const value = keyOf(item);
    const key = JSON.stringify(value);
    if (seen.has(key)) errors.push(field.duplicate(`${path}[${index}]`, value));
    seen.add(key);
  }
}

export function checkDriverName(errors: Errors, path: string, name = ""): void {
  if (!checkRequired(errors, path, name)) return;
  if (byteLength(name) > MAX_DRIVER_BYTES) errors.push(field.tooLong(path, MAX_DRIVER_BYTES));
  for (const wrong of dns1123Subdomain(name.toLowerCase())) errors.push(field.invalid(path, name, wrong));
}

export function checkPoolName(errors: Errors, path: string, name = ""): void {
  if (!checkRequired(errors, path, name)) return;
  if (byteLength(name) > MAX_POOL_BYTES) errors.push(field.tooLong(path, MAX_POOL_BYTES));
  for (const part of name.split("/")) checkSubdomain(errors, path, part);
}

/** `name`, or `domain/name`. More slashes are let through, as upstream does. */
export function checkQualified(errors: Errors, path: string, name: string): void {
  const [first = "", second, ...more] = name.split("/");
  if (second === undefined) {
    checkIdentifier(errors, path, first);
    return;
  }
  if (more.length > 0) return;
  if (first === "") errors.push(field.invalid(path, "", "the domain must not be empty"));
  else checkDriverName(errors, path, first);
  if (second === "") errors.push(field.invalid(path, "", "the name must not be empty"));
  else checkIdentifier(errors, path, second);
}

export function checkFullyQualified(errors: Errors, path: string, name: string): void {
  checkQualified(errors, path, name);
  if (!name.includes("/")) {
    errors.push(field.invalid(path, name, "a fully qualified name must be a domain and a name separated by a slash"));
  }
}

function checkIdentifier(errors: Errors, path: string, id: string): void {
  if (byteLength(id) > MAX_ID_BYTES) errors.push(field.tooLong(path, MAX_ID_BYTES));
  checkRule(errors, path, id, cIdentifier);
}

/** Free JSON that a driver understands: an object of limited size. */
export function checkOpaqueData(errors: Errors, path: string, data: unknown, isStored: boolean): void {
  if (data === undefined || data === null) errors.push(field.required(path));
  else if (!isStored && byteLength(JSON.stringify(data)) > MAX_OPAQUE_BYTES) errors.push(field.tooLong(path, MAX_OPAQUE_BYTES));
  else if (typeof data !== "object" || Array.isArray(data)) {
    errors.push(field.invalid(path, "<value omitted>", "must be a valid JSON object"));
  }
}

export function checkUuid(errors: Errors, path: string, uid: string): void {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uid)) return;
  const detail = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";
  if (/^(urn:uuid:|\{)?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?$/i.test(uid)) errors.push(field.invalid(path, uid, detail));
  else errors.push(field.invalid(path, uid, `error validating uid: invalid UUID length: ${byteLength(uid)}`));
}

/** Names of drivers are compared as they are written, so that capitals only lead to mistakes. */
export function driverWarnings(path: string, name = ""): string[] {
  return name === name.toLowerCase()
    ? []
    : [`${path}: driver names should be lowercase; ${JSON.stringify(name)} contains uppercase characters`];
}
