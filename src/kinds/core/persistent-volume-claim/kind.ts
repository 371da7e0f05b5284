import type { PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import { formatAccessModes, storageClassOf } from "#kinds/shared/volumes.ts";
import type { KindHooks } from "#meta/kind.ts";
import { defaultClaim } from "./defaults.ts";
import { prepareClaim } from "./prepare.ts";
import { validateClaim } from "./validate.ts";
import { claimWarnings } from "./warnings.ts";

export const persistentVolumeClaimHooks: KindHooks<PersistentVolumeClaim> = {
  returnsDeleted: true,
  default: defaultClaim,
  prepare: (next, previous, { subresource }) => prepareClaim(next, previous, subresource),
  validate: (next, previous, { subresource }) => validateClaim(next, previous, subresource),
  warnings: (claim, _previous, { subresource }) => (subresource === "status" ? [] : claimWarnings(claim)),
  generation: false,
  columns: [
    nameColumn,
    text("Status", (claim) => (claim.metadata?.deletionTimestamp ? "Terminating" : (claim.status?.phase ?? ""))),
    text("Volume", (claim) => claim.spec?.volumeName ?? ""),
    text("Capacity", (claim) => (claim.spec?.volumeName ? (claim.status?.capacity?.["storage"] ?? "0") : "")),
    text("Access Modes", (claim) => (claim.spec?.volumeName ? formatAccessModes(claim.status?.accessModes) : "")),
    text("StorageClass", (claim) => storageClassOf(claim.metadata?.annotations, claim.spec?.storageClassName)),
    text("VolumeAttributesClass", (claim) => claim.spec?.volumeAttributesClassName ?? "<unset>"),
    ageColumn,
    wide(text("VolumeMode", (claim) => claim.spec?.volumeMode ?? "<unset>")),
  ],
};
