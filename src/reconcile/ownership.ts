// Whose an object is: adoption of orphans, release of what is no longer selected.
// Upstream's ControllerRefManager (pkg/controller/controller_ref_manager.go).

import type { Client } from "#client/client.ts";
import { isNotFound } from "#meta/errors.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import { controllerOf, type DeepReadonly, keyOf, type KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

export interface ClaimOptions<T extends KubeObject> {
  readonly client: Client;
  readonly signal: AbortSignal;
  /** Kind of the objects that are claimed. */
  readonly resource: Resource<T>;
  readonly owner: { readonly resource: Resource; readonly object: DeepReadonly<KubeObject> };
  /** The owner's own objects and orphans; others are passed over. */
  readonly candidates: readonly DeepReadonly<T>[];
  /** Whether the owner wants the object. */
  readonly selects: (object: DeepReadonly<T>) => boolean;
  /** Whether an orphan that is selected is worth having; default: all that are not being deleted. */
  readonly adoptable?: (object: DeepReadonly<T>) => boolean;
}

/** What belongs to the owner, after adopting orphans that it selects and releasing what it does no longer. An owner that is going does neither. */
export async function claim<T extends KubeObject>(options: ClaimOptions<T>): Promise<DeepReadonly<T>[]> {
  const { client, signal, resource, owner, selects } = options;
  const { adoptable = () => true } = options;
  const uid = owner.object.metadata?.uid ?? "";
  const deleting = owner.object.metadata?.deletionTimestamp !== undefined;
  const claimed: DeepReadonly<T>[] = [];
  const orphans: DeepReadonly<T>[] = [];
  const patchOwner = async (object: DeepReadonly<T>, reference: object): Promise<DeepReadonly<T>[]> => {
    const patch = { metadata: { uid: object.metadata?.uid, ownerReferences: [reference] } };
    try {
      // What is handed out is only read from here on.
      return [(await client.patch(resource, keyOf(object), patch, { type: "strategic", signal })) as DeepReadonly<T>];
    } catch (error) {
      if (isNotFound(error)) return []; // gone meanwhile: nothing to own or to let go
      throw error;
    }
  };
  for (const object of options.candidates) {
    const controller = controllerOf(object);
    const going = object.metadata?.deletionTimestamp !== undefined;
    if (controller === undefined) {
      if (!deleting && !going && adoptable(object) && selects(object)) orphans.push(object);
    } else if (controller.uid === uid) {
      if (selects(object)) claimed.push(object);
      else if (!deleting && !going) await patchOwner(object, { $patch: "delete", uid });
    }
  }
  if (orphans.length === 0) return claimed;
  // The cache may be behind a deletion: what is adopted then would go with the owner.
  const fresh = await client.get(owner.resource, keyOf(owner.object), { signal });
  if (fresh.metadata?.uid !== uid || fresh.metadata.deletionTimestamp !== undefined) return claimed;
  for (const object of orphans) claimed.push(...(await patchOwner(object, controllerReference(owner.resource, owner.object))));
  return claimed;
}
