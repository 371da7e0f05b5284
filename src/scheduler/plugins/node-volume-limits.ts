import type { CSINode } from "#kinds/api/storage-v1.gen.ts";
import { type DeepReadonly, makeKey } from "#meta/object.ts";
import type { AnyPod, Plugin, PodInfo, Refusal } from "../framework.ts";
import type { Listers } from "../listers.ts";
import { type AnyClaim, claimClass, claimRefsOf, notForPod } from "../volumes.ts";

const TOO_MANY: Refusal = { reasons: ["node(s) exceed max volume count"] };

/** Volumes of a CSI driver by their handle. */
type Attached = Map<string, string>;

/** A CSI driver may attach only so many volumes to a node. */
export function nodeVolumeLimits(listers: Pick<Listers, "claims" | "volumes" | "classes" | "csiNodes" | "attachments">): Plugin {
  const { claims, csiNodes } = listers;
  return {
    name: "NodeVolumeLimits",
    filter: (pod) => {
      if (claimRefsOf(pod.pod).length === 0) return undefined;
      const wanted: Attached = new Map();
      const problem = collect(pod.pod, listers, wanted, true);
      return {
        check: (info) => {
          if (problem !== undefined) return { reasons: [problem], unresolvable: true };
          if (wanted.size === 0) return undefined;
          const limits = limitsOf(csiNodes.get(makeKey(undefined, info.name)));
          if (limits.size === 0) return undefined;
          return exceeds(wanted, attachedTo(info.name, info.pods, listers), limits) ? TOO_MANY : undefined;
        },
      };
    },
    events: [
      { resource: "CSINode", actions: ["add"] },
      {
        resource: "CSINode",
        actions: ["update"],
        helps: (_, before, after) => {
          const was = limitsOf(before);
          for (const [driver, limit] of limitsOf(after)) if (limit > (was.get(driver) ?? 0)) return true;
          return false;
        },
      },
      {
        resource: "Pod",
        actions: ["delete"],
        helps: (_, before) =>
          before !== undefined && Boolean(before.spec?.nodeName || before.status?.nominatedNodeName) && claimRefsOf(before).length > 0,
      },
      {
        resource: "PersistentVolumeClaim",
        actions: ["add"],
        helps: (pod, _, after) =>
          after?.metadata?.namespace === pod.namespace && claimRefsOf(pod.pod).some(({ name }) => name === after.metadata?.name),
      },
      { resource: "VolumeAttachment", actions: ["delete"], helps: (pod: PodInfo) => pod.claims.length > 0 },
    ],
  };

  function attachedTo(node: string, pods: ReadonlySet<PodInfo>, from: typeof listers): Attached {
    const attached: Attached = new Map();
    for (const other of pods) collect(other.pod, from, attached, false);
    for (const { spec } of from.attachments.list()) {
      if (spec.nodeName !== node || !spec.attacher || !spec.source.persistentVolumeName) continue;
      const handle = from.volumes.get(makeKey(undefined, spec.source.persistentVolumeName))?.spec?.csi?.volumeHandle;
      if (handle !== undefined) attached.set(`${spec.attacher}/${handle}`, spec.attacher);
    }
    return attached;
  }

  /** Adds the pod's volumes. Gives what is wrong with a new pod. */
  function collect(pod: AnyPod, from: typeof listers, into: Attached, isNew: boolean): string | undefined {
    const { namespace = "" } = pod.metadata ?? {};
    for (const { name, ephemeral } of claimRefsOf(pod)) {
      if (name === "") return "PersistentVolumeClaim had no name";
      const claim = claims.get(makeKey(namespace, name));
      if (!claim) {
        if (isNew) return `looking up PVC ${namespace}/${name}: persistentvolumeclaim ${JSON.stringify(name)} not found`;
        continue;
      }
      const wrong = ephemeral ? notForPod(pod, claim) : undefined;
      if (wrong !== undefined) return wrong;
      const driver = driverOf(claim, from);
      if (driver) into.set(`${driver.name}/${driver.handle}`, driver.name);
    }
    return undefined;
  }
}

function driverOf(
  claim: AnyClaim,
  { volumes, classes }: Pick<Listers, "volumes" | "classes">,
): { name: string; handle: string } | undefined {
  const volume = claim.spec?.volumeName ? volumes.get(makeKey(undefined, claim.spec.volumeName)) : undefined;
  if (volume) {
    const csi = volume.spec?.csi;
    return csi && { name: csi.driver, handle: csi.volumeHandle };
  }
  // Not provisioned yet: it will be one more volume of its class's driver.
  const storageClass = classes.get(makeKey(undefined, claimClass(claim)));
  if (!storageClass) return undefined;
  return { name: storageClass.provisioner, handle: `unprovisioned-${claim.metadata?.namespace ?? ""}/${claim.metadata?.name ?? ""}` };
}

function limitsOf(node: DeepReadonly<CSINode> | undefined): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const { name, allocatable } of node?.spec.drivers ?? []) if (allocatable?.count !== undefined) limits.set(name, allocatable.count);
  return limits;
}

function exceeds(wanted: Attached, attached: Attached, limits: ReadonlyMap<string, number>): boolean {
  const counts = new Map<string, number>();
  for (const driver of attached.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1);
  const more = new Map<string, number>();
  for (const [id, driver] of wanted) if (!attached.has(id)) more.set(driver, (more.get(driver) ?? 0) + 1);
  for (const [driver, count] of more) {
    const limit = limits.get(driver);
    if (limit !== undefined && (counts.get(driver) ?? 0) + count > limit) return true;
  }
  return false;
}
