// What the classes of storage share.

import { checkQualifiedName, checkRequired, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { byteLength } from "#meta/names.ts";

/** For all keys and values together; also for the metadata of an attachment. */
export const MAX_PARAMETER_BYTES = 256 * 1024;
const MAX_PARAMETERS = 512;

export function checkProvisioner(errors: Errors, path: string, name: string | undefined): void {
  if (checkRequired(errors, path, name) && name) checkQualifiedName(errors, path, name.toLowerCase());
}

export function checkParameters(errors: Errors, path: string, parameters: Readonly<Record<string, string>> = {}): void {
  if (Object.keys(parameters).length > MAX_PARAMETERS) {
    errors.push(field.tooLong(path, MAX_PARAMETERS));
    return;
  }
  if (parameters[""] !== undefined) errors.push(field.invalid(path, "", "field can not be empty."));
  checkMapSize(errors, path, parameters);
}

export function checkMapSize(errors: Errors, path: string, map: Readonly<Record<string, string>> = {}): void {
  let size = 0;
  for (const [key, value] of Object.entries(map)) size += byteLength(key) + byteLength(value);
  if (size > MAX_PARAMETER_BYTES) errors.push(field.tooLong(path, MAX_PARAMETER_BYTES));
}
