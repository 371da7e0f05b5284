// Checks of file paths in pod specs.

import type { Volume } from "#kinds/api/core-v1.gen.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function checkNoBacksteps(errors: Errors, path: string, value: string): void {
  if (value.split("/").includes("..")) errors.push(field.invalid(path, value, "must not contain '..'"));
}

/** A path below some root. */
export function checkDescendingPath(errors: Errors, path: string, value: string): void {
  if (value.startsWith("/")) errors.push(field.invalid(path, value, "must be a relative path"));
  checkNoBacksteps(errors, path, value);
}

/** As a descending path, and no name that volumes use for themselves. */
export function checkNonReservedPath(errors: Errors, path: string, value: string): void {
  checkDescendingPath(errors, path, value);
  if (value.startsWith("..") && !value.startsWith("../")) errors.push(field.invalid(path, value, "must not start with '..'"));
}

/** Where a volume's tokens are put. Upstream names the volume's path here, not the token's. */
export function checkTokenPaths(errors: Errors, path: string, { projected }: DeepReadonly<Volume>): void {
  for (const { serviceAccountToken: token } of projected?.sources ?? []) {
    if (token?.path) checkNonReservedPath(errors, `${path}.projected.path`, token.path);
  }
}

export function checkFileMode(errors: Errors, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    errors.push(field.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive"));
  }
}
