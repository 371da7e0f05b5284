// Which volumes are to be attached to a node, and which may go. Pure. Rules: controller/volume/attachdetach.

import type { AttachedVolume, Node, Pod } from "#kinds/api/core-v1.gen.ts";
import type { VolumeAttachment } from "#kinds/api/storage-v1.gen.ts";
import type { AnyVolume } from "#kinds/core/persistent-volume-claim/claims.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";

type AnyAttachment = DeepReadonly<VolumeAttachment>;

/** A volume of a CSI driver that pods of the node use. */
export interface WantedVolume {
  /** Of its attachment to this node. */
  readonly attachment: string;
  readonly volume: AnyVolume;
  readonly pods: readonly DeepReadonly<Pod>[];
  /** Other nodes that have it. */
  readonly elsewhere: readonly string[];
}

export interface AttachmentPlan {
  readonly attach: readonly WantedVolume[];
  /** Wanted, but another node has them for itself. */
  readonly blocked: readonly WantedVolume[];
  /** Attached since the node was last told. */
  readonly attached: readonly WantedVolume[];
  /** Could not be attached, says the driver. */
  readonly failed: readonly { readonly wanted: WantedVolume; readonly message: string }[];
  readonly detach: readonly AnyAttachment[];
  /** Not wanted any more, but the node has them in use: names. */
  readonly held: readonly string[];
  /** What the node is to be told that it has. */
  readonly report: readonly AttachedVolume[];
}

/** How long a node that does not answer may hold a volume that nobody wants. */
export const FORCE_DETACH_MS = 6 * 60_000;
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/** As nodes call a volume in their status. */
export function uniqueName({ spec }: AnyVolume): string {
  return `kubernetes.io/csi/${spec?.csi?.driver ?? ""}^${spec?.csi?.volumeHandle ?? ""}`;
}

function mayBeShared({ spec }: AnyVolume): boolean {
  const modes = spec?.accessModes ?? [];
  return modes.length === 0 || modes.includes("ReadWriteMany") || modes.includes("ReadOnlyMany");
}

/**
 * `attachments` are those of the node that were made by us; `volumeOf` gives their volumes. `node` is undefined when there is none any more.
 * `unwantedForMs` tells how long an attachment has not been wanted.
 */
export function planAttachments(
  node: DeepReadonly<Node> | undefined,
  wanted: readonly WantedVolume[],
  attachments: readonly AnyAttachment[],
  volumeOf: (attachment: AnyAttachment) => AnyVolume | undefined,
  unwantedForMs: (attachment: string) => number,
): AttachmentPlan {
  const existing = new Map(attachments.map((attachment) => [attachment.metadata?.name ?? "", attachment]));
  const told = new Set(node?.status?.volumesAttached?.map(({ name }) => name));
  const inUse = new Set(node?.status?.volumesInUse);
  const attach: WantedVolume[] = [];
  const blocked: WantedVolume[] = [];
  const attached: WantedVolume[] = [];
  const failed: { wanted: WantedVolume; message: string }[] = [];
  const report: AttachedVolume[] = [];
  for (const one of wanted) {
    const attachment = existing.get(one.attachment);
    existing.delete(one.attachment);
    const name = uniqueName(one.volume);
    if (!attachment) {
      if (one.elsewhere.length > 0 && !mayBeShared(one.volume)) blocked.push(one);
      else attach.push(one);
    } else if (attachment.status?.attached) {
      report.push({ name, devicePath: "" });
      if (!told.has(name)) attached.push(one);
    } else if (attachment.status?.attachError) failed.push({ wanted: one, message: attachment.status.attachError.message ?? "" });
  }
  const detach: AnyAttachment[] = [];
  const held: string[] = [];
  const ready = isConditionTrue(node?.status?.conditions, "Ready");
  const outOfService = node === undefined || (node.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) ?? false);
  for (const [id, attachment] of existing) {
    if (attachment.metadata?.deletionTimestamp !== undefined) continue; // its driver is at it
    const volume = volumeOf(attachment);
    const name = volume && uniqueName(volume);
    const forced = outOfService || (!ready && unwantedForMs(id) >= FORCE_DETACH_MS);
    if (name === undefined || !inUse.has(name) || forced) detach.push(attachment);
    else {
      held.push(id);
      if (attachment.status?.attached) report.push({ name, devicePath: "" });
    }
  }
  report.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { attach, blocked, attached, failed, detach, held, report };
}

/** What a pod is told whose volume another node has. */
export function multiAttachMessage({ volume }: WantedVolume, pod: DeepReadonly<Pod>, users: readonly DeepReadonly<Pod>[]): string {
  const here = users.filter(({ metadata }) => metadata?.namespace === pod.metadata?.namespace).map(({ metadata }) => metadata?.name ?? "");
  const others = users.length - here.length;
  let why = "Volume is already exclusively attached to one node and can't be attached to another";
  if (here.length > 0)
    why = `Volume is already used by pod(s) ${here.toSorted().join(", ")}${others > 0 ? ` and ${others} pod(s) in different namespaces` : ""}`;
  else if (others > 0) why = `Volume is already used by ${others} pod(s) in different namespaces`;
  return `Multi-Attach error for volume "${volume.metadata?.name ?? ""}" ${why}`;
}
