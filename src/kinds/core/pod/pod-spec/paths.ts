// Checks of file paths in pod specs.

import type { Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";

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

export function checkFileMode(errors: Errors, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    errors.push(field.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive"));
  }
}
