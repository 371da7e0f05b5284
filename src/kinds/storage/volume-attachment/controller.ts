// Keeps books of what is attached where, for CSI drivers that attach: a VolumeAttachment for each volume that a pod on the node uses, and the
// node's own list of them. Attaching itself is the driver's. Keys are nodes.

import { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { CSIDriver, VolumeAttachment } from "#kinds/api/storage-v1.gen.ts";
import { type AnyVolume, claimKeysOf, isFullyBound } from "#kinds/core/persistent-volume-claim/claims.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { equal } from "#lib/equal.ts";
import { isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { type ControllerDefinition, index, type ReconcileContext, type ReconcileResult, watch } from "#reconcile/controller.ts";
import { FORCE_DETACH_MS, multiAttachMessage, planAttachments, type WantedVolume } from "./attachments.ts";

const PODS_BY_CLAIM = "pods-by-claim";
const CLAIMING_PODS_BY_NODE = "pods-with-claims-by-node";
const ATTACHMENTS_BY_NODE = "attachments-by-node";
const ATTACHMENTS_BY_VOLUME = "attachments-by-volume";

type Cache = ReconcileContext["cache"];

const nodeKeys = (pods: readonly DeepReadonly<Pod>[]): Key[] =>
  pods.flatMap(({ spec }) => (spec?.nodeName ? [makeKey(undefined, spec.nodeName)] : []));

const usersOf = (volume: AnyVolume | undefined, cache: Cache): readonly DeepReadonly<Pod>[] => {
  const ref = volume?.spec?.csi && volume.spec.claimRef;
  return ref ? cache(Pod).byIndex(PODS_BY_CLAIM, makeKey(ref.namespace, ref.name ?? "")) : [];
};

interface Memory {
  /** By attachment. A controller that starts anew gives the nodes the whole time again, as upstream's. */
  readonly unwantedSince: Map<string, number>;
  /** Attachments that the cache does not show yet: a volume for one node alone must not get a second in the meantime. */
  readonly made: Map<string, { readonly volume: string; readonly node: string; readonly revision: number }>;
}

export function attachDetachController(): ControllerDefinition {
  const memory: Memory = { unwantedSince: new Map(), made: new Map() };
  return {
    name: "attachdetach-controller",
    for: Node,
    concurrency: 1,
    watches: [
      watch(Pod, (pod) => (claimKeysOf(pod).length > 0 ? nodeKeys([pod]) : [])),
      watch(PersistentVolumeClaim, (claim, cache) => nodeKeys(cache(Pod).byIndex(PODS_BY_CLAIM, keyOf(claim)))),
      watch(PersistentVolume, (volume, cache) => nodeKeys(usersOf(volume, cache))),
      // Those that wait for the volume to be free, too.
      watch(VolumeAttachment, ({ spec }, cache) => {
        const volume = cache(PersistentVolume).get(makeKey(undefined, spec.source.persistentVolumeName ?? ""));
        return [makeKey(undefined, spec.nodeName), ...nodeKeys(usersOf(volume, cache))];
      }),
    ],
    reads: [CSIDriver],
    indexes: [
      index(Pod, PODS_BY_CLAIM, claimKeysOf),
      index(Pod, CLAIMING_PODS_BY_NODE, (pod) => (pod.spec?.nodeName && claimKeysOf(pod).length > 0 ? [pod.spec.nodeName] : [])),
      index(VolumeAttachment, ATTACHMENTS_BY_NODE, ({ spec }) => [spec.nodeName]),
      index(VolumeAttachment, ATTACHMENTS_BY_VOLUME, ({ spec }) =>
        spec.source.persistentVolumeName ? [spec.source.persistentVolumeName] : [],
      ),
    ],
    reconcile: (key, context) => syncNode(key, context, memory),
  };
}

async function syncNode(key: Key, context: ReconcileContext, memory: Memory): Promise<ReconcileResult> {
  const { cache, client, clock, events, signal } = context;
  const { unwantedSince, made } = memory;
  const { name } = splitKey(key);
  for (const [id, { revision }] of made) if (cache(VolumeAttachment).revision >= revision) made.delete(id);
  const node = cache(Node).get(key);
  const pods = node ? cache(Pod).byIndex(CLAIMING_PODS_BY_NODE, name) : [];
  const all = cache(VolumeAttachment).byIndex(ATTACHMENTS_BY_NODE, name);
  if (pods.length === 0 && all.length === 0 && !node?.status?.volumesAttached?.length) return;

  const volumeOf = ({ spec }: (typeof all)[number]) =>
    cache(PersistentVolume).get(makeKey(undefined, spec.source.persistentVolumeName ?? ""));
  const wanted = await wantedVolumes(name, pods, cache, made);
  // Attachments that others made are theirs to remove.
  const ours: (typeof all)[number][] = [];
  for (const attachment of all) {
    const csi = volumeOf(attachment)?.spec?.csi;
    const id = attachment.metadata?.name ?? "";
    if (csi ? id === (await attachmentName(csi, name)) : /^csi-[0-9a-f]{64}$/.test(id)) ours.push(attachment);
  }
  const now = clock.now();
  const plan = planAttachments(node, wanted, ours, volumeOf, (id) => now - (unwantedSince.get(id) ?? now));

  const tell = ({ pods: users, volume }: WantedVolume, type: "Normal" | "Warning", reason: string, prefix: string, suffix: string) => {
    const message = `${prefix} for volume "${volume.metadata?.name ?? ""}" ${suffix}`;
    for (const pod of users) events.event({ resource: Pod, object: pod }, type, reason, message);
  };
  for (const one of plan.blocked) {
    const users = usersOf(one.volume, cache).filter((pod) => one.elsewhere.includes(pod.spec?.nodeName ?? "") && !isTerminal(pod));
    for (const pod of one.pods)
      events.event({ resource: Pod, object: pod }, "Warning", "FailedAttachVolume", multiAttachMessage(one, pod, users));
  }
  for (const { wanted: one, message } of plan.failed)
    tell(one, "Warning", "FailedAttachVolume", "AttachVolume.Attach failed", `: ${message}`);
  for (const { attachment, volume } of plan.attach) {
    const spec = {
      attacher: volume.spec?.csi?.driver ?? "",
      nodeName: name,
      source: { persistentVolumeName: volume.metadata?.name ?? "" },
    };
    try {
      const { metadata } = await client.create(VolumeAttachment, { metadata: { name: attachment }, spec }, { signal });
      made.set(attachment, { volume: spec.source.persistentVolumeName, node: name, revision: Number(metadata?.resourceVersion) });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
  // The node hears that a volume goes before it goes.
  if (node && !equal(plan.report, node.status?.volumesAttached ?? [])) {
    const status = { volumesAttached: plan.report.length > 0 ? plan.report : null };
    await client.patch(Node, key, { status }, { type: "merge", subresource: "status", signal });
  }
  for (const one of plan.attached) tell(one, "Normal", "SuccessfulAttachVolume", "AttachVolume.Attach succeeded", "");
  for (const attachment of plan.detach) {
    await client.delete(VolumeAttachment, keyOf(attachment), { signal }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
  for (const { metadata } of ours) if (!plan.held.includes(metadata?.name ?? "")) unwantedSince.delete(metadata?.name ?? "");
  for (const id of plan.held) if (!unwantedSince.has(id)) unwantedSince.set(id, now);
  return plan.held.length > 0 ? { requeueAfterMs: FORCE_DETACH_MS } : undefined;
}

/** Volumes behind the claims of pods that have not ended, if their drivers attach. */
async function wantedVolumes(
  node: string,
  pods: readonly DeepReadonly<Pod>[],
  cache: Cache,
  made: Memory["made"],
): Promise<WantedVolume[]> {
  const users = new Map<AnyVolume, DeepReadonly<Pod>[]>();
  for (const pod of pods) {
    if (isTerminal(pod)) continue;
    for (const key of claimKeysOf(pod)) {
      const claim = cache(PersistentVolumeClaim).get(key);
      const volume = claim && isFullyBound(claim) && cache(PersistentVolume).get(makeKey(undefined, claim.spec?.volumeName ?? ""));
      if (!volume || !volume.spec?.csi || volume.spec.claimRef?.uid !== claim.metadata?.uid) continue;
      if (cache(CSIDriver).get(makeKey(undefined, volume.spec.csi.driver))?.spec.attachRequired === false) continue;
      const known = users.get(volume);
      if (known) known.push(pod);
      else users.set(volume, [pod]);
    }
  }
  return Promise.all(
    Array.from(users, async ([volume, of]) => ({
      volume,
      pods: of,
      attachment: await attachmentName(volume.spec?.csi ?? { driver: "", volumeHandle: "" }, node),
      elsewhere: [
        ...cache(VolumeAttachment)
          .byIndex(ATTACHMENTS_BY_VOLUME, volume.metadata?.name ?? "")
          .map(({ spec }) => spec.nodeName),
        ...Array.from(made.values(), (one) => (one.volume === volume.metadata?.name ? one.node : node)),
      ].filter((other) => other !== node),
    })),
  );
}

/** Drivers find attachments by it: a hash of what is attached where. */
async function attachmentName(
  { driver, volumeHandle }: { readonly driver: string; readonly volumeHandle: string },
  node: string,
): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${volumeHandle}${driver}${node}`));
  return `csi-${Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
