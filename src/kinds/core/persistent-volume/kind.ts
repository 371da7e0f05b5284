import type { PersistentVolume } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";
import { formatAccessModes, storageClassOf } from "#kinds/shared/volumes.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateVolume } from "./validate.ts";
import { volumeWarnings } from "./warnings.ts";

export const persistentVolumeHooks: KindHooks<PersistentVolume> = {
  returnsDeleted: true,
  default: (volume) => {
    (volume.status ??= {}).phase ||= "Pending";
    const spec = (volume.spec ??= {});
    spec.persistentVolumeReclaimPolicy ||= "Retain";
    spec.volumeMode ??= "Filesystem";
    canonicalize(spec.capacity);
    if (spec.hostPath) spec.hostPath.type ??= "";
    if (spec.iscsi) spec.iscsi.iscsiInterface ||= "default";
    if (spec.rbd) {
      spec.rbd.pool ||= "rbd";
      spec.rbd.user ||= "admin";
      spec.rbd.keyring ||= "/etc/ceph/keyring";
    }
    if (spec.azureDisk) {
      spec.azureDisk.cachingMode ??= "ReadWrite";
      spec.azureDisk.fsType ??= "ext4";
      spec.azureDisk.readOnly ??= false;
      spec.azureDisk.kind ??= "Shared";
    }
    if (spec.scaleIO) {
      spec.scaleIO.storageMode ||= "ThinProvisioned";
      spec.scaleIO.fsType ||= "xfs";
    }
  },
  prepare: (next, previous, { now }) => {
    if (previous === undefined) next.status = { phase: "Pending", lastPhaseTransitionTime: now };
    const [status, before] = [(next.status ??= {}), previous?.status];
    if (previous === undefined) return;
    const unset = status.lastPhaseTransitionTime === undefined;
    if (status.phase !== before?.phase) {
      if (unset || status.lastPhaseTransitionTime === before?.lastPhaseTransitionTime) status.lastPhaseTransitionTime = now;
    } else if (unset && before?.lastPhaseTransitionTime !== undefined) status.lastPhaseTransitionTime = before.lastPhaseTransitionTime;
  },
  validate: (next, previous, { subresource }) => validateVolume(next, previous, subresource),
  warnings: (volume, _previous, { subresource }) => (subresource === "status" ? [] : volumeWarnings(volume)),
  generation: false,
  columns: [
    nameColumn,
    text("Capacity", (volume) => volume.spec?.capacity?.["storage"] ?? "0"),
    text("Access Modes", (volume) => formatAccessModes(volume.spec?.accessModes)),
    text("Reclaim Policy", (volume) => volume.spec?.persistentVolumeReclaimPolicy ?? ""),
    text("Status", (volume) => (volume.metadata?.deletionTimestamp ? "Terminating" : (volume.status?.phase ?? ""))),
    text("Claim", ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}` : "")),
    text("StorageClass", (volume) => storageClassOf(volume.metadata?.annotations, volume.spec?.storageClassName)),
    text("VolumeAttributesClass", (volume) => volume.spec?.volumeAttributesClassName ?? "<unset>"),
    text("Reason", (volume) => volume.status?.reason ?? ""),
    ageColumn,
    wide(text("VolumeMode", (volume) => volume.spec?.volumeMode ?? "<unset>")),
  ],
};
