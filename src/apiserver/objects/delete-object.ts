// Deletion of an object: preconditions, grace period, finalizers; then it is gone or marked.

import { clone } from "#lib/clone.ts";
import { conflict, notFound } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject, ObjectMeta } from "#meta/object.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { isWriteConflict } from "../store-errors.ts";
import type { DeleteOptions } from "./delete-options.ts";
import { storeKey, type ServedKind } from "./served-kind.ts";
import { encodeForStore, release, timestamp, type WriteCall, type WriteEnvironment } from "./write-call.ts";
import type { Entry } from "#store/store.ts";

/** What a deletion did. */
export interface Deleted {
  /** The object's last state: as it lives on, or as it was. */
  readonly entry: Entry;
  readonly gone: boolean;
}

const ORPHAN = "orphan";
const FOREGROUND = "foregroundDeletion";

/** Deletes an object, or marks it as deleted if finalizers or its grace period hold it. Throws notFound, conflict. */
export async function deleteObject(
  environment: WriteEnvironment,
  kind: ServedKind,
  target: { readonly namespace: string; readonly name: string; readonly options: DeleteOptions },
  call: WriteCall,
): Promise<Deleted> {
  const { store } = environment;
  const key = storeKey(kind, target.namespace, target.name);
  let admitted = false;
  for (;;) {
    const found = store.get(key);
    const entry = found instanceof Promise ? await found : found;
    if (!entry) throw notFound(kind.resource, target.name);
    const current = kind.forms.decoded(entry);
    checkPreconditions(kind, target.name, target.options, current);
    if (!admitted) {
      await admit(kind, target, call, current);
      admitted = true;
    }
    const plan = planDeletion(kind, current, target.options, environment.clock.now());
    if (plan === "pending" || call.dryRun) return { entry, gone: plan === "now" };
    try {
      if (plan === "now") {
        await store.delete(key, entry.revision);
        release(environment, kind, current);
        return { entry, gone: true };
      }
      return { entry: await store.put(key, encodeForStore(kind, plan), entry.revision), gone: false };
    } catch (error) {
      if (!isWriteConflict(error)) throw error;
    }
  }
}

async function admit(
  kind: ServedKind,
  target: { readonly namespace: string; readonly name: string },
  call: WriteCall,
  current: DeepReadonly<KubeObject>,
): Promise<void> {
  const plugins = call.admission?.select("DELETE", kind.resource, "");
  if (!plugins?.mutate && !plugins?.validate) return;
  const attributes: AdmissionAttributes = {
    operation: "DELETE",
    resource: kind.resource,
    subresource: "",
    namespace: target.namespace,
    name: target.name,
    object: undefined,
    oldObject: clone(current) as KubeObject, // clone drops the read-only marks of the shared object
    user: call.user,
    dryRun: call.dryRun,
    warn: call.warn,
  };
  await plugins.mutate?.(attributes);
  await plugins.validate?.(attributes);
}

function checkPreconditions(kind: ServedKind, name: string, options: DeleteOptions, current: DeepReadonly<KubeObject>): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const metadata = current.metadata ?? {};
  if (uid !== undefined && uid !== metadata.uid) {
    throw conflict(
      kind.resource,
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid ?? ""}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      kind.resource,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion ?? ""}). The object might have been modified`,
    );
  }
}

/**
 * Pure: what a delete does to an object: remove it now, nothing because its deletion is under way, or the object to
 * write in its place. Follows upstream's BeforeDelete and the registry's handling of finalizers.
 */
export function planDeletion(
  kind: ServedKind,
  current: DeepReadonly<KubeObject>,
  options: DeleteOptions,
  nowMs: number,
): "now" | "pending" | KubeObject {
  const next = clone(current) as KubeObject; // clone drops the read-only marks of the shared object
  const metadata: ObjectMeta = (next.metadata ??= {});
  const grace = planGrace(kind, metadata, next, options, nowMs);
  if (grace === "pending") return "pending";
  const finalizers = planFinalizers(kind, metadata, options);
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (grace === "graceful") return (metadata.deletionGracePeriodSeconds ?? 0) > 0 || finalizers.length > 0 ? next : "now";
  if (finalizers.length === 0 && !kind.definition.holdsDeletion?.(next)) return "now";
  markAsDeleting(metadata, nowMs);
  kind.definition.onDeletion?.(next);
  return next;
}

/** Sets when the object's grace period ends, if it has one. "none": the kind knows no grace, or it is over. */
function planGrace(
  kind: ServedKind,
  metadata: ObjectMeta,
  object: KubeObject,
  options: DeleteOptions,
  nowMs: number,
): "none" | "pending" | "graceful" {
  const hook = kind.definition.gracePeriodSeconds;
  if (!hook) return "none";
  // Upstream takes a negative period for one second.
  const asked = options.gracePeriodSeconds;
  const requested = asked !== undefined && asked < 0 ? 1 : asked;
  if (metadata.deletionTimestamp !== undefined) {
    const running = metadata.deletionGracePeriodSeconds;
    if (running === undefined) return "none";
    // A later delete may only shorten the period.
    if (requested === undefined || requested >= running) return "pending";
    const began = Date.parse(metadata.deletionTimestamp) - running * 1000;
    metadata.deletionTimestamp = timestamp(began + requested * 1000);
    metadata.deletionGracePeriodSeconds = requested;
    return "graceful";
  }
  const seconds = hook(object, requested);
  metadata.deletionTimestamp = timestamp(nowMs + seconds * 1000);
  metadata.deletionGracePeriodSeconds = seconds;
  if (metadata.generation) metadata.generation++;
  return "graceful";
}

function markAsDeleting(metadata: ObjectMeta, nowMs: number): void {
  if (metadata.deletionGracePeriodSeconds === undefined && metadata.generation) metadata.generation++;
  if (metadata.deletionTimestamp === undefined || Date.parse(metadata.deletionTimestamp) > nowMs) {
    metadata.deletionTimestamp = timestamp(nowMs);
  }
  metadata.deletionGracePeriodSeconds = 0;
}

/** The finalizers after the garbage collector's two were set as the options say. */
function planFinalizers(kind: ServedKind, metadata: ObjectMeta, options: DeleteOptions): string[] {
  const present = metadata.finalizers ?? [];
  const others = present.filter((name) => name !== ORPHAN && name !== FOREGROUND);
  const policy = propagation(kind, present, options);
  if (policy === "Orphan") return [...others, ORPHAN];
  return policy === "Foreground" ? [...others, FOREGROUND] : others;
}

function propagation(kind: ServedKind, present: readonly string[], options: DeleteOptions): "Orphan" | "Foreground" | "Background" {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? "Orphan" : "Background";
  if (options.propagationPolicy !== undefined) return options.propagationPolicy;
  if (present.includes(FOREGROUND)) return "Foreground";
  if (present.includes(ORPHAN)) return "Orphan";
  return kind.definition.defaultPropagation ?? "Background";
}
