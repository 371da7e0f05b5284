import type { PersistentVolume } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";
import { formatAccessModes, storageClassOf } from "#kinds/shared/volumes.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateVolume } from "./validate.ts";

export const persistentVolumeHooks: KindHooks<PersistentVolume> = {
  default: ({ spec, status }) => {
    if (status) status.phase ||= "Pending";
    if (!spec) return;
    spec.persistentVolumeReclaimPolicy ||= "Retain";
    spec.volumeMode ??= "Filesystem";
    canonicalize(spec.capacity);
    if (spec.hostPath) spec.hostPath.type ??= "";
    if (spec.iscsi) spec.iscsi.iscsiInterface ||= "default";
    if (spec.claimRef) {
      spec.claimRef.apiVersion ||= "v1";
      spec.claimRef.kind ||= "PersistentVolumeClaim";
    }
  },
  prepare: (next, previous, { now }) => {
    if (previous === undefined) next.status = { phase: "Pending", lastPhaseTransitionTime: now };
    else if (next.status?.phase && next.status.phase !== previous.status?.phase) {
      if (next.status.lastPhaseTransitionTime === previous.status?.lastPhaseTransitionTime) next.status.lastPhaseTransitionTime = now;
    }
  },
  validate: (next, previous, { subresource }) => validateVolume(next, previous, subresource),
  generation: false,
  selectableFields: (volume) => ({ name: volume.metadata?.name ?? "" }),
  selectableFieldNames: ["name"],
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
