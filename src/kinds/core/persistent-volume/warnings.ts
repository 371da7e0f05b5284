import type { PersistentVolume } from "#kinds/api/core-v1.gen.ts";
import { nodeLabelWarnings } from "#kinds/shared/node-labels.ts";
import type { DeepReadonly } from "#meta/object.ts";

const ANNOTATIONS: Readonly<Record<string, string>> = {
  "volume.beta.kubernetes.io/storage-class": 'deprecated since v1.8; use "storageClassName" attribute instead',
  "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
};
/** Sources that no longer work: the field, its name in the warning, since when. */
const GONE = [
  ["cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"],
] as const;
const RECYCLE = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";

export function volumeWarnings({ metadata, spec }: DeepReadonly<PersistentVolume>): string[] {
  const warnings: string[] = [];
  for (const [name, text] of Object.entries(ANNOTATIONS)) {
    if (metadata?.annotations?.[name] !== undefined) warnings.push(`metadata.annotations[${name}]: ${text}`);
  }
  if (spec?.persistentVolumeReclaimPolicy === "Recycle") warnings.push(`spec.persistentVolumeReclaimPolicy: ${RECYCLE}`);
  for (const [index, { matchExpressions = [] }] of (spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries()) {
    warnings.push(...nodeLabelWarnings(`spec.nodeAffinity.required.nodeSelectorTerms[${index}]`, { matchExpressions }));
  }
  for (const [name, shown, text] of GONE) if (spec?.[name]) warnings.push(`spec.${shown}: ${text}`);
  return warnings;
}
