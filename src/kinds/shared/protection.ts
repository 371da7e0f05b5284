// Finalizers that keep an object for as long as it is used.

import { clone } from "#lib/clone.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";

/** The object with the finalizer added while it lives, without it once it is to go and not in use; undefined: as it is. */
export function finalizerStep<T extends KubeObject>(object: DeepReadonly<T>, finalizer: string, isUsed: () => boolean): T | undefined {
  const finalizers = object.metadata?.finalizers ?? [];
  const has = finalizers.includes(finalizer);
  const deleting = object.metadata?.deletionTimestamp !== undefined;
  if (deleting ? !has || isUsed() : has) return undefined;
  const next = clone(object) as T; // a copy of our own
  next.metadata = { ...next.metadata, finalizers: deleting ? finalizers.filter((name) => name !== finalizer) : [...finalizers, finalizer] };
  return next;
}
