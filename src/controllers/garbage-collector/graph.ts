// Who owns whom: every object of the cluster by uid, with its owners, fed by watches. Holds metadata only. Synchronous; says
// what is to be looked at after a change, and does nothing itself.

import type { DeepReadonly, KubeObject, OwnerReference } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

/** One object. Replaced as a whole when the object changes. */
export interface Node {
  readonly uid: string;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly owners: readonly DeepReadonly<OwnerReference>[];
  readonly deleting: boolean;
  /** Deleting, and waits until its blocking dependents are gone. */
  readonly awaitsDependents: boolean;
  /** Deleting, and waits until its dependents have forgotten it. */
  readonly orphansDependents: boolean;
}

/** Uids to look at again. */
export interface Work {
  readonly attemptDelete: readonly string[];
  readonly attemptOrphan: readonly string[];
  /** A reference to an owner that lives in another namespace; such an owner does not exist for the object. */
  readonly crossNamespace?: readonly DeepReadonly<OwnerReference>[];
}

export interface OwnerGraph {
  readonly size: number;
  get(uid: string): Node | undefined;
  /** Objects that name `uid` as an owner, whether that exists or not. */
  dependentsOf(uid: string): Iterable<Node>;
  /** An object as a watch shows it. */
  observe(resource: Resource, object: DeepReadonly<KubeObject>): Work;
  /** An object that a watch, or the server when asked, says is gone. */
  forget(uid: string): Work;
  /** All objects that name an owner the graph does not know: to be verified once all watches have synced. */
  withUnknownOwners(): readonly string[];
}

const NOTHING: Work = { attemptDelete: [], attemptOrphan: [] };
const NO_OWNERS: readonly OwnerReference[] = [];

export function createOwnerGraph(): OwnerGraph {
  const nodes = new Map<string, Node>();
  const dependents = new Map<string, Set<string>>();

  function* dependentsOf(uid: string): Generator<Node> {
    for (const dependent of dependents.get(uid) ?? []) {
      const node = nodes.get(dependent);
      if (node) yield node;
    }
  }
  const join = (owner: string, dependent: string) => {
    const set = dependents.get(owner);
    if (set) set.add(dependent);
    else dependents.set(owner, new Set([dependent]));
  };
  const part = (owner: string, dependent: string) => {
    const set = dependents.get(owner);
    if (set?.delete(dependent) && set.size === 0) dependents.delete(owner);
  };

  return {
    get size() {
      return nodes.size;
    },
    get: (uid) => nodes.get(uid),
    dependentsOf,

    observe(resource, object) {
      const node = nodeOf(resource, object);
      if (!node) return NOTHING;
      const before = nodes.get(node.uid);
      nodes.set(node.uid, node);
      const attemptDelete: string[] = [];
      const attemptOrphan: string[] = [];
      const crossNamespace: DeepReadonly<OwnerReference>[] = [];

      for (const owner of before?.owners ?? NO_OWNERS) {
        const now = node.owners.find(({ uid }) => uid === owner.uid);
        if (!now) part(owner.uid, node.uid);
        // One blocker less: an owner that waits for its dependents may be free now.
        if (owner.blockOwnerDeletion && !now?.blockOwnerDeletion && nodes.get(owner.uid)?.awaitsDependents) attemptDelete.push(owner.uid);
      }
      let suspicious = false;
      for (const owner of node.owners) {
        join(owner.uid, node.uid);
        if (before?.owners.some(({ uid }) => uid === owner.uid)) continue;
        const known = nodes.get(owner.uid);
        if (!known || !canOwn(known, node)) suspicious = true;
        else if (known.awaitsDependents) suspicious = true;
        if (known && !canOwn(known, node)) crossNamespace.push(owner);
      }
      if (suspicious) attemptDelete.push(node.uid);
      // The last owner that kept it may have been taken out of the list.
      if (before && before.owners.length > node.owners.length && node.owners.length > 0) attemptDelete.push(node.uid);
      // Its own dependents came first: they wait for nothing now, unless it is not what they took it for.
      if (!before) for (const dependent of dependentsOf(node.uid)) if (!canOwn(node, dependent)) attemptDelete.push(dependent.uid);

      if (node.orphansDependents && !before?.orphansDependents) attemptOrphan.push(node.uid);
      if (node.awaitsDependents && !before?.awaitsDependents) {
        for (const dependent of dependentsOf(node.uid)) attemptDelete.push(dependent.uid);
        attemptDelete.push(node.uid);
      }
      return { attemptDelete, attemptOrphan, crossNamespace };
    },

    forget(uid) {
      const node = nodes.get(uid);
      nodes.delete(uid);
      const attemptDelete = Array.from(dependentsOf(uid), (dependent) => dependent.uid);
      for (const owner of node?.owners ?? NO_OWNERS) {
        part(owner.uid, uid);
        if (nodes.get(owner.uid)?.awaitsDependents) attemptDelete.push(owner.uid);
      }
      return { attemptDelete, attemptOrphan: [] };
    },

    withUnknownOwners() {
      const found: string[] = [];
      for (const node of nodes.values()) {
        const doubtful = node.owners.some(({ uid }) => {
          const owner = nodes.get(uid);
          return !owner || owner.awaitsDependents || !canOwn(owner, node);
        });
        if (doubtful || node.awaitsDependents) found.push(node.uid);
      }
      return found;
    },
  };
}

/** An owner is cluster-scoped or lives in its dependent's namespace. */
export function canOwn(owner: Node, dependent: Node): boolean {
  return owner.namespace === "" || owner.namespace === dependent.namespace;
}

function nodeOf(resource: Resource, object: DeepReadonly<KubeObject>): Node | undefined {
  const { uid, name, namespace, ownerReferences, finalizers, deletionTimestamp } = object.metadata ?? {};
  if (uid === undefined || name === undefined) return undefined;
  const deleting = deletionTimestamp !== undefined;
  return {
    uid,
    resource,
    namespace: namespace ?? "",
    name,
    owners: ownerReferences ?? NO_OWNERS,
    deleting,
    awaitsDependents: deleting && (finalizers?.includes(FOREGROUND) ?? false),
    orphansDependents: deleting && (finalizers?.includes(ORPHAN) ?? false),
  };
}
