// Whose an object is: adoption of orphans, release of what is no longer selected.
// Upstream's ControllerRefManager (pkg/controller/controller_ref_manager.go).

import { isNotFound } from "#meta/errors.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import { controllerOf, type DeepReadonly, keyOf, type KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { index, type IndexDefinition, type ReconcileContext } from "./controller.ts";

const BY_CONTROLLER = "by-controller";
const ORPHANS = "";

/** The index that claim() finds its candidates by; all controllers of a kind share it. */
export function byController(resource: Resource): IndexDefinition {
  return index(resource, BY_CONTROLLER, (object) => [`${object.metadata?.namespace}/${controllerOf(object)?.uid ?? ORPHANS}`]);
}

export interface ClaimOptions<T extends KubeObject> {
  /** Kind of the objects that are claimed; the controller must have named byController() of it among its indexes. */
  readonly resource: Resource<T>;
  readonly owner: { readonly resource: Resource; readonly object: DeepReadonly<KubeObject> };
  /** Whether the owner wants the object. */
  readonly selects: (object: DeepReadonly<T>) => boolean;
  /** Whether an orphan that it wants is worth adopting; default: all are. */
  readonly adoptable?: (object: DeepReadonly<T>) => boolean;
  /** Put on objects with adoption, taken off with release. */
  readonly finalizer?: string;
}

/** The objects that the owner controls, by the index of byController(). */
export function ownedBy<T extends KubeObject>(
  resource: Resource<T>,
  owner: DeepReadonly<KubeObject>,
  cache: ReconcileContext["cache"],
): readonly DeepReadonly<T>[] {
  return cache(resource).byIndex(BY_CONTROLLER, `${owner.metadata?.namespace}/${owner.metadata?.uid ?? ""}`);
}

/** What belongs to the owner, after adopting orphans that it selects and releasing what it does no longer. An owner that is going does neither. */
export async function claim<T extends KubeObject>(
  { resource, owner, selects, adoptable = () => true, finalizer }: ClaimOptions<T>,
  { cache, client, signal }: ReconcileContext,
): Promise<DeepReadonly<T>[]> {
  const namespace = owner.object.metadata?.namespace ?? "";
  const uid = owner.object.metadata?.uid ?? "";
  const deleting = owner.object.metadata?.deletionTimestamp !== undefined;
  const claimed: DeepReadonly<T>[] = [];
  const patchOwner = async (object: DeepReadonly<T>, reference: object, finalizers: object): Promise<DeepReadonly<T>[]> => {
    const patch = { metadata: { uid: object.metadata?.uid, ownerReferences: [reference], ...finalizers } };
    try {
      // What is handed out is only read from here on.
      return [(await client.patch(resource, keyOf(object), patch, { type: "strategic", signal })) as DeepReadonly<T>];
    } catch (error) {
      if (isNotFound(error)) return []; // gone meanwhile: nothing to own or to let go
      throw error;
    }
  };
  const isGoing = (object: DeepReadonly<T>) => object.metadata?.deletionTimestamp !== undefined;
  const drop = finalizer === undefined ? {} : { "$deleteFromPrimitiveList/finalizers": [finalizer] };
  for (const object of ownedBy(resource, owner.object, cache)) {
    if (selects(object)) claimed.push(object);
    else if (!deleting && !isGoing(object)) await patchOwner(object, { $patch: "delete", uid }, drop);
  }
  if (deleting) return claimed;
  const orphans = cache(resource)
    .byIndex(BY_CONTROLLER, `${namespace}/${ORPHANS}`)
    .filter((object) => !isGoing(object) && selects(object) && adoptable(object));
  if (orphans.length === 0) return claimed;
  // The cache may be behind a deletion: what is adopted then would go with the owner.
  const fresh = await client.get(owner.resource, keyOf(owner.object), { signal });
  if (fresh.metadata?.uid !== uid || fresh.metadata.deletionTimestamp !== undefined) return claimed;
  const add = finalizer === undefined ? {} : { finalizers: [finalizer] };
  for (const object of orphans) claimed.push(...(await patchOwner(object, controllerReference(owner.resource, owner.object), add)));
  return claimed;
}
