import type { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { newestOf } from "#kinds/shared/newest.ts";
import type { DeepReadonly, ObjectMeta } from "#meta/object.ts";

const DEFAULTS = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

export function isDefaultClass(metadata: DeepReadonly<ObjectMeta> | undefined): boolean {
  return DEFAULTS.some((name) => metadata?.annotations?.[name] === "true");
}

/** What claims get that name no class: of several default classes the newest, of those the first by name. */
export function defaultClassOf(classes: Iterable<DeepReadonly<StorageClass>>): DeepReadonly<StorageClass> | undefined {
  return newestOf(Array.from(classes).filter(({ metadata }) => isDefaultClass(metadata)));
}
