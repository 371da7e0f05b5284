// Puts metadata back that a writer could not change.

import { clone } from "#lib/clone.ts";
import type { DeepReadonly, KubeObject, ObjectMeta } from "./object.ts";

/** The metadata that writers of an object may set. */
export const WRITABLE_METADATA = ["labels", "annotations", "ownerReferences", "finalizers"] as const;

/** Gives `next` the fields of `previous`; all that can be written, unless `names` says which. */
export function keepMetadata(
  next: KubeObject,
  previous: DeepReadonly<KubeObject>,
  names: readonly (typeof WRITABLE_METADATA)[number][] = WRITABLE_METADATA,
): void {
  const metadata: ObjectMeta = (next.metadata ??= {});
  for (const name of names) {
    const value = previous.metadata?.[name];
    if (value === undefined) delete metadata[name];
    else Object.assign(metadata, { [name]: clone(value) });
  }
}
