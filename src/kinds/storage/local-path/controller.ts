// Makes, grows and gives up volumes that are folders on nodes, as provisioners and resizers outside the cluster do for theirs: it is asked by
// annotations and answers with volumes. Folders are the nodes' own business: made when first mounted, removed by node/volumes/local-path.ts.
// A key without a namespace is a volume's.

import { Node, PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import {
  type AnyClaim,
  claimClass,
  isFullyBound,
  PROVISIONER_FINALIZER,
  SELECTED_NODE,
  STORAGE_PROVISIONER,
} from "#kinds/core/persistent-volume-claim/claims.ts";
import { clone } from "#lib/clone.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { compareQuantities } from "#meta/quantity.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch } from "#reconcile/controller.ts";
import {
  isLocalPath,
  LOCAL_PATH,
  newVolume,
  nodeOfVolume,
  resized,
  resizing,
  volumeNameOf,
  whyImpossible,
  withFinalizer,
} from "./local-path.ts";

const VOLUMES_BY_NODE = "local-path-volumes-by-node";

export const localPathProvisioner: ControllerDefinition = {
  name: "local-path-provisioner",
  eventSource: LOCAL_PATH,
  for: PersistentVolumeClaim,
  watches: [
    watch(PersistentVolume, (volume) => {
      if (!isLocalPath(volume)) return [];
      const ref = volume.spec?.claimRef;
      return [keyOf(volume), ...(ref ? [makeKey(ref.namespace, ref.name ?? "")] : [])];
    }),
    watch(Node, ({ metadata }, cache) =>
      cache(PersistentVolume)
        .byIndex(VOLUMES_BY_NODE, metadata?.name ?? "")
        .map(keyOf),
    ),
  ],
  reads: [StorageClass],
  indexes: [
    index(PersistentVolume, VOLUMES_BY_NODE, (volume) => {
      const node = isLocalPath(volume) ? nodeOfVolume(volume) : undefined;
      return node === undefined ? [] : [node];
    }),
  ],
  reconcile: (key, context) => (splitKey(key).namespace === "" ? syncVolume(key, context) : syncClaim(key, context)),
};

async function syncClaim(key: Key, context: ReconcileContext): Promise<void> {
  const claim = context.cache(PersistentVolumeClaim).get(key);
  if (!claim) return;
  if (isFullyBound(claim)) return grow(claim, context);
  const asked = claim.metadata?.annotations?.[STORAGE_PROVISIONER] === LOCAL_PATH;
  if (asked && !claim.spec?.volumeName && claim.metadata?.deletionTimestamp === undefined) await provision(key, claim, context);
}

async function provision(key: Key, claim: AnyClaim, { cache, client, events, signal }: ReconcileContext): Promise<void> {
  const about = { resource: PersistentVolumeClaim, object: claim };
  const storageClass = cache(StorageClass).get(makeKey(undefined, claimClass(claim)));
  if (storageClass?.provisioner !== LOCAL_PATH) return;
  const selected = claim.metadata?.annotations?.[SELECTED_NODE];
  if (selected === undefined && storageClass.volumeBindingMode === "WaitForFirstConsumer") return;
  if (cache(PersistentVolume).get(makeKey(undefined, volumeNameOf(claim)))) return;
  const fail = (cause: string) => {
    const message = `failed to provision volume with StorageClass "${storageClass.metadata?.name ?? ""}": ${cause}`;
    events.event(about, "Warning", "ProvisioningFailed", message);
  };
  const impossible = whyImpossible(claim);
  if (impossible !== undefined) return fail(impossible);
  const node = selected === undefined ? anyNode(cache(Node).list()) : cache(Node).get(makeKey(undefined, selected));
  if (!node) {
    if (selected === undefined) return fail("no node is ready");
    // The node is gone: the scheduler has to choose another.
    const next: PersistentVolumeClaim = clone(claim);
    delete next.metadata?.annotations?.[SELECTED_NODE];
    await client.update(PersistentVolumeClaim, next, { signal });
    return fail(`node "${selected}" not found`);
  }
  events.event(about, "Normal", "Provisioning", `External provisioner is provisioning volume for claim "${key}"`);
  try {
    const { metadata } = await client.create(PersistentVolume, newVolume(claim, storageClass, node), { signal });
    events.event(about, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${metadata?.name ?? ""}`);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** For classes that do not wait for a consumer: the first node by name that could run one. */
function anyNode(nodes: readonly DeepReadonly<Node>[]): DeepReadonly<Node> | undefined {
  return nodes
    .filter(({ spec, status }) => spec?.unschedulable !== true && isConditionTrue(status?.conditions, "Ready"))
    .toSorted((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1))[0];
}

/** Grows the volume to what its claim asks for: first the volume, then what the claim says of it. */
async function grow(claim: AnyClaim, { cache, client, clock, events, signal }: ReconcileContext): Promise<void> {
  const volume = cache(PersistentVolume).get(makeKey(undefined, claim.spec?.volumeName ?? ""));
  const wanted = claim.spec?.resources?.requests?.["storage"];
  const size = claim.status?.capacity?.["storage"];
  if (!volume || !isLocalPath(volume) || volume.spec?.claimRef?.uid !== claim.metadata?.uid) return;
  if (wanted === undefined || size === undefined || claim.status?.phase !== "Bound" || compareQuantities(wanted, size) <= 0) return;
  const about = { resource: PersistentVolumeClaim, object: claim };
  let current = claim;
  if (claim.status.allocatedResourceStatuses?.["storage"] === undefined) {
    events.event(about, "Normal", "Resizing", `External resizer is resizing volume ${volume.metadata?.name ?? ""}`);
    current = await client.updateStatus(PersistentVolumeClaim, resizing(claim, String(wanted), clock.now()), { signal });
  }
  if (compareQuantities(volume.spec?.capacity?.["storage"] ?? "0", wanted) < 0) {
    const next: PersistentVolume = clone(volume);
    next.spec = { ...next.spec, capacity: { ...next.spec?.capacity, storage: wanted } };
    await client.update(PersistentVolume, next, { signal });
  }
  await client.updateStatus(PersistentVolumeClaim, resized(current, String(wanted)), { signal });
  events.event(about, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded");
}

async function syncVolume(key: Key, { cache, client, signal }: ReconcileContext): Promise<void> {
  const volume = cache(PersistentVolume).get(key);
  if (!volume || !isLocalPath(volume)) return;
  const deletes = volume.spec?.persistentVolumeReclaimPolicy === "Delete";
  const held = volume.metadata?.finalizers?.includes(PROVISIONER_FINALIZER) ?? false;
  if (volume.metadata?.deletionTimestamp === undefined) {
    if (deletes && volume.status?.phase === "Released") {
      const { uid = "" } = volume.metadata ?? {};
      await client.delete(PersistentVolume, key, { signal, preconditions: { uid } }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    } else if (deletes !== held) await client.update(PersistentVolume, withFinalizer(volume, deletes), { signal });
    return;
  }
  // Whoever has the folder removes it and lets go. Nobody has, if it is to stay or its node is gone.
  const node = nodeOfVolume(volume);
  const orphaned = volume.status?.phase !== "Bound" && node !== undefined && !(await nodeExists(node));
  if (held && (!deletes || orphaned)) await client.update(PersistentVolume, withFinalizer(volume, false), { signal });

  /** The cache may not have a node yet that is just being registered. */
  async function nodeExists(name: string): Promise<boolean> {
    if (cache(Node).get(makeKey(undefined, name))) return true;
    try {
      await client.get(Node, makeKey(undefined, name), { signal });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
}
