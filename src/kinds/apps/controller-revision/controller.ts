// What the controllers of StatefulSets and DaemonSets do to their revisions.

import type { Client } from "#client/client.ts";
import { ControllerRevision } from "#kinds/api/apps-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { keyOf } from "#meta/object.ts";
import { type AnyRevision, inOrder, sameData } from "../revisions.ts";

interface Call {
  readonly client: Client;
  readonly signal: AbortSignal;
}

/**
 * Creates a revision, or finds the one that an earlier run has created. `make` gives it the name for a number of collisions, which grows
 * for as long as the name is taken by other data.
 */
export async function createRevision(
  make: (collisions: number) => ControllerRevision,
  knownCollisions: number,
  { client, signal }: Call,
): Promise<{ readonly revision: AnyRevision; readonly collisions: number }> {
  for (let collisions = knownCollisions; ; collisions++) {
    const made = make(collisions);
    const wanted = { ...made, data: inOrder(made.data) };
    try {
      return { revision: await client.create(ControllerRevision, wanted, { signal }), collisions };
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const present = await client.get(ControllerRevision, keyOf(wanted), { signal });
      if (sameData(present, wanted.data)) return { revision: present, collisions };
    }
  }
}

/** Makes a revision the newest again: that is how a rollback is recorded. */
export async function renumberRevision(revision: AnyRevision, number: number, { client, signal }: Call): Promise<AnyRevision> {
  if (revision.revision === number) return revision;
  const next = clone(revision) as ControllerRevision; // a copy of our own
  next.revision = number;
  return client.update(ControllerRevision, next, { signal });
}

export async function deleteRevision(revision: AnyRevision, { client, signal }: Call): Promise<void> {
  const uid = revision.metadata?.uid ?? "";
  try {
    await client.delete(ControllerRevision, keyOf(revision), { preconditions: { uid }, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
