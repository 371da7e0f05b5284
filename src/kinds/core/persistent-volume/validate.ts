import type { PersistentVolume } from "#kinds/api/core-v1.gen.ts";
import type { FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function validateVolume(
  _next: DeepReadonly<PersistentVolume>,
  _previous: DeepReadonly<PersistentVolume> | undefined,
  _subresource: string,
): FieldError[] {
  return [];
}
