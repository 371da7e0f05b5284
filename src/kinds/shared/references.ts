// References to other objects as several kinds hold them.

import { field } from "#meta/errors.ts";
import { dns1123Subdomain, pathSegmentName } from "#meta/names.ts";
import { checkRequired, checkRule, type Errors } from "./checks.ts";

interface LocalReference {
  readonly apiGroup?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
}

/** A path segment that must be there. */
export function checkRequiredSegment(errors: Errors, path: string, value: string | undefined): void {
  if (!checkRequired(errors, path, value) || !value) return;
  for (const wrong of pathSegmentName(value)) errors.push(field.invalid(path, value, wrong));
}

/** A reference by group, kind and name. */
export function checkLocalReference(errors: Errors, path: string, reference: LocalReference): void {
  if (reference.apiGroup !== undefined) checkRule(errors, `${path}.apiGroup`, reference.apiGroup, dns1123Subdomain);
  checkRequiredSegment(errors, `${path}.kind`, reference.kind);
  checkRequiredSegment(errors, `${path}.name`, reference.name);
}
