import type { PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import type { FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function validateClaim(
  _next: DeepReadonly<PersistentVolumeClaim>,
  _previous: DeepReadonly<PersistentVolumeClaim> | undefined,
  _subresource: string,
): FieldError[] {
  return [];
}
