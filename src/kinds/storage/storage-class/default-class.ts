import type { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import type { DeepReadonly, ObjectMeta } from "#meta/object.ts";

const DEFAULTS = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

export function isDefaultClass(metadata: DeepReadonly<ObjectMeta> | undefined): boolean {
  return DEFAULTS.some((name) => metadata?.annotations?.[name] === "true");
}

/** What claims get that name no class: of several default classes the newest, of those the first by name. */
export function defaultClassOf(classes: Iterable<DeepReadonly<StorageClass>>): DeepReadonly<StorageClass> | undefined {
  let chosen: DeepReadonly<StorageClass> | undefined;
  for (const candidate of classes) {
    if (!isDefaultClass(candidate.metadata)) continue;
    const [time, best] = [Date.parse(candidate.metadata?.creationTimestamp ?? ""), Date.parse(chosen?.metadata?.creationTimestamp ?? "")];
    const newer = !chosen || time > best || (time === best && (candidate.metadata?.name ?? "") < (chosen.metadata?.name ?? ""));
    if (newer) chosen = candidate;
  }
  return chosen;
}
