// metadata.generation: counts the changes of what is desired.

import { equal } from "#lib/equal.ts";
import type { KindDefinition } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";

/** Whether objects of the kind have a generation at all. */
export function hasGeneration(definition: KindDefinition): boolean {
  return definition.generation !== undefined ? definition.generation !== false : (definition.schema.fields?.has("spec") ?? false);
}

/** Whether a write raises the generation. */
export function raisesGeneration(definition: KindDefinition, next: DeepReadonly<KubeObject>, previous: DeepReadonly<KubeObject>): boolean {
  if (!hasGeneration(definition)) return false;
  if (typeof definition.generation === "function") return definition.generation(next, previous);
  return !equal((next as { spec?: unknown }).spec, (previous as { spec?: unknown }).spec);
}
