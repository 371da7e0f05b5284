import type { Volume } from "#kinds/api/core-v1.gen.ts";
import { type DeepReadonly, makeKey } from "#meta/object.ts";
import type { AnyPod, Plugin, PodInfo, Refusal } from "../framework.ts";
import type { Listers } from "../listers.ts";

const DISK_CONFLICT: Refusal = { reasons: ["node(s) had no available disk"] };
const IN_USE: Refusal = {
  reasons: ["node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"],
};

type AnyVolumeSource = DeepReadonly<Volume>;

/** Disks that only one pod of a node may have, and claims that only one pod at all may have. */
export function volumeRestrictions({ claims }: Pick<Listers, "claims">): Plugin {
  return {
    name: "VolumeRestrictions",
    filter: (pod, snapshot) => {
      const disks = pod.pod.spec?.volumes?.filter(isDisk) ?? [];
      const exclusive = new Set<string>();
      for (const name of pod.claims) {
        const claim = claims.get(makeKey(pod.namespace, name));
        if (!claim) return { refusal: { reasons: [`persistentvolumeclaim ${JSON.stringify(name)} not found`], unresolvable: true } };
        if (claim.spec?.accessModes?.includes("ReadWriteOncePod")) exclusive.add(name);
      }
      let users = 0;
      for (const name of exclusive) if (snapshot.claimUsers(makeKey(pod.namespace, name)) > 0) users++;
      if (disks.length === 0 && users === 0) return undefined;
      return {
        check: (info) => {
          if (disks.length > 0) for (const other of info.pods) if (disks.some((disk) => conflicts(disk, other.pod))) return DISK_CONFLICT;
          return users > 0 ? IN_USE : undefined;
        },
        shift: (_, other, by) => {
          if (other.namespace === pod.namespace) for (const name of other.claims) if (exclusive.has(name)) users += by;
        },
      };
    },
    events: [
      {
        resource: "Pod",
        actions: ["delete"],
        helps: (pod, before) => before !== undefined && before.metadata?.namespace === pod.namespace && sharesVolume(pod, before),
      },
      { resource: "Node", actions: ["add"] },
      {
        resource: "PersistentVolumeClaim",
        actions: ["add"],
        helps: (pod, _, after) => after?.metadata?.namespace === pod.namespace && pod.claims.includes(after.metadata.name ?? ""),
      },
    ],
  };
}

function sharesVolume(pod: PodInfo, other: AnyPod): boolean {
  const claimed = other.spec?.volumes?.some(
    ({ persistentVolumeClaim: claim }) => claim !== undefined && pod.claims.includes(claim.claimName),
  );
  return (claimed ?? false) || (pod.pod.spec?.volumes ?? []).some((volume) => isDisk(volume) && conflicts(volume, other));
}

function isDisk(volume: AnyVolumeSource): boolean {
  return Boolean(volume.gcePersistentDisk ?? volume.awsElasticBlockStore ?? volume.rbd ?? volume.iscsi);
}

function conflicts(disk: AnyVolumeSource, { spec }: AnyPod): boolean {
  return spec?.volumes?.some((other) => isSameDisk(disk, other)) ?? false;
}

/** Disks that both sides only read may be shared, those of AWS may not. */
function isSameDisk(a: AnyVolumeSource, b: AnyVolumeSource): boolean {
  if (a.gcePersistentDisk && b.gcePersistentDisk) {
    const [one, other] = [a.gcePersistentDisk, b.gcePersistentDisk];
    if (one.pdName === other.pdName && !(one.readOnly && other.readOnly)) return true;
  }
  if (a.awsElasticBlockStore && a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore?.volumeID) return true;
  if (a.iscsi && b.iscsi && a.iscsi.iqn === b.iscsi.iqn && !(a.iscsi.readOnly && b.iscsi.readOnly)) return true;
  if (!a.rbd || !b.rbd) return false;
  const [one, other] = [a.rbd, b.rbd];
  const sharesMonitor = one.monitors.some((monitor) => other.monitors.includes(monitor));
  return sharesMonitor && one.pool === other.pool && one.image === other.image && !(one.readOnly && other.readOnly);
}
