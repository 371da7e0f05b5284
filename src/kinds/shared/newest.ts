import type { DeepReadonly, KubeObject } from "#meta/object.ts";

/** The newest, of those of one second the first by name. */
export function newestOf<T extends DeepReadonly<KubeObject>>(objects: readonly T[]): T | undefined {
  const age = ({ metadata }: T) => Date.parse(metadata?.creationTimestamp ?? "");
  const nameOf = ({ metadata }: T) => metadata?.name ?? "";
  return objects.toSorted((a, b) => age(b) - age(a) || (nameOf(a) < nameOf(b) ? -1 : 1))[0];
}
