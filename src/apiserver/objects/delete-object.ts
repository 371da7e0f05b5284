// Deletion of an object: preconditions, grace period, finalizers; then it is gone or marked.

import { clone } from "#lib/clone.ts";
import { conflict, notFound } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import type { Entry } from "#store/store.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { isWriteConflict } from "../store-errors.ts";
import type { DeleteOptions } from "./delete-options.ts";
import { planDeletion } from "./plan-deletion.ts";
import { storeKey, type ServedKind } from "./served-kind.ts";
import { encodeForStore, release, type WriteCall, type WriteEnvironment } from "./write-call.ts";

/** What a deletion did. */
export interface Deleted {
  /** The object's last state: as it lives on, or as it was, with the version of its end. */
  readonly entry: Entry;
  /** "pending": its grace period runs already, and nothing was changed. */
  readonly outcome: "gone" | "marked" | "pending";
}

export interface DeleteTarget {
  readonly namespace: string;
  readonly name: string;
  readonly options: DeleteOptions;
}

/** Deletes an object, or marks it as deleted if finalizers or its grace period hold it. Throws notFound, conflict. */
export async function deleteObject(
  environment: WriteEnvironment,
  kind: ServedKind,
  target: DeleteTarget,
  call: WriteCall,
): Promise<Deleted> {
  const { store } = environment;
  const key = storeKey(kind, target.namespace, target.name);
  let admitted = false;
  /** What was written just before the object was to go. */
  let marked: Entry | undefined;
  for (;;) {
    const found = store.get(key);
    const entry = found instanceof Promise ? await found : found;
    if (!entry) {
      // Somebody who saw that its end had come was faster.
      if (marked) return { entry: marked, outcome: "gone" };
      throw notFound(kind.resource, target.name);
    }
    const current = kind.forms.decoded(entry);
    checkPreconditions(kind, target, current);
    if (!admitted) {
      await admit(kind, target, call, current);
      admitted = true;
    }
    const plan = planDeletion(kind.definition, current, target.options, environment.clock.now());
    if (plan.do === "nothing") return { entry, outcome: plan.pending ? "pending" : "marked" };
    const value = plan.do === "remove" ? undefined : encodeForStore(kind, plan.object, call);
    const outcome = plan.do === "mark" ? "marked" : "gone";
    if (call.dryRun) return { entry: value ? { ...entry, value } : entry, outcome };
    try {
      if (value && !sameBytes(value, entry.value)) marked = await store.put(key, value, entry.revision);
      const last = value && marked ? marked : entry;
      if (plan.do === "mark") return { entry: last, outcome };
      const revision = await store.delete(key, last.revision);
      await release(environment, kind, current);
      return { entry: { ...last, revision }, outcome };
    } catch (error) {
      if (!isWriteConflict(error)) throw error;
    }
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

async function admit(kind: ServedKind, target: DeleteTarget, call: WriteCall, current: DeepReadonly<KubeObject>): Promise<void> {
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

function checkPreconditions({ definition, resource }: ServedKind, target: DeleteTarget, current: DeepReadonly<KubeObject>): void {
  const { uid, resourceVersion } = target.options.preconditions ?? {};
  const metadata = current.metadata ?? {};
  // Upstream puts the kind where the resource's name belongs, but for those that end in their own way.
  const own = definition.holdsDeletion !== undefined;
  const named = own ? resource : { group: resource.group, plural: resource.kind };
  if (uid !== undefined && uid !== metadata.uid) {
    const actual = metadata.uid ?? "";
    throw conflict(
      named,
      target.name,
      own
        ? `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${actual}`
        : `the UID in the precondition (${uid}) does not match the UID in record (${actual}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const actual = metadata.resourceVersion ?? "";
    throw conflict(
      named,
      target.name,
      own
        ? `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${actual}`
        : `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${actual}). The object might have been modified`,
    );
  }
}
