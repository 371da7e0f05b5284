import type { Pod } from "#kinds/api/core-v1.gen.ts";
import type { FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function validatePod(_next: DeepReadonly<Pod>, _previous: DeepReadonly<Pod> | undefined, _subresource: string): FieldError[] {
  return [];
}
