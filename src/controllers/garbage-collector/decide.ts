// What to do with one object, from what is known of its owners and dependents. Pure.

import type { DeepReadonly, ObjectMeta, OwnerReference } from "#meta/object.ts";
import { FOREGROUND, ORPHAN, type Node } from "./graph.ts";

/** Whether an owner reference holds: its owner is there, is not, or is there and waits for its dependents to go. */
export type OwnerState = "solid" | "absent" | "waiting";

export type Decision =
  | { readonly do: "nothing" }
  /** Takes these owners off the object's list: it has others that hold it. */
  | { readonly do: "dropOwners"; readonly uids: readonly string[] }
  | { readonly do: "delete"; readonly policy: "Background" | "Foreground" | "Orphan"; readonly unblock: boolean };

/**
 * For an object that is not itself waiting for its dependents. `owners` are its references with their state, `dependents`
 * the objects that name it as owner.
 */
export function decide(
  metadata: DeepReadonly<ObjectMeta>,
  owners: readonly { readonly reference: DeepReadonly<OwnerReference>; readonly state: OwnerState }[],
  dependents: readonly Node[],
): Decision {
  if (owners.length === 0) return { do: "nothing" };
  const notSolid = owners.filter(({ state }) => state !== "solid").map(({ reference }) => reference.uid);
  if (notSolid.length < owners.length) return notSolid.length === 0 ? { do: "nothing" } : { do: "dropOwners", uids: notSolid };
  if (owners.some(({ state }) => state === "waiting") && dependents.length > 0) {
    // A dependent that itself waits may be part of a circle through this object: unblocked, the circle comes apart.
    return { do: "delete", policy: "Foreground", unblock: dependents.some((dependent) => dependent.awaitsDependents) };
  }
  const finalizers = metadata.finalizers ?? [];
  const policy = finalizers.includes(ORPHAN) ? "Orphan" : finalizers.includes(FOREGROUND) ? "Foreground" : "Background";
  return { do: "delete", policy, unblock: false };
}

/** The dependents that an owner waiting for its dependents has to wait for. */
export function blockersOf(owner: Node, dependents: Iterable<Node>): Node[] {
  const blockers: Node[] = [];
  for (const dependent of dependents) {
    if (dependent.owners.some(({ uid, blockOwnerDeletion }) => uid === owner.uid && blockOwnerDeletion === true)) blockers.push(dependent);
  }
  return blockers;
}
