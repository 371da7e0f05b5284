import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "#kinds/api/core-v1.gen.ts";
import { isWhole } from "#kinds/shared/quantities.ts";
import type { DeepReadonly } from "#meta/object.ts";

const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

export function claimWarnings({ metadata, spec }: DeepReadonly<PersistentVolumeClaim>): string[] {
  const warnings = claimSpecWarnings("spec", spec ?? {});
  if (metadata?.annotations?.[CLASS_ANNOTATION] === undefined) return warnings;
  return [`metadata.annotations[${CLASS_ANNOTATION}]: deprecated since v1.8; use "storageClassName" attribute instead`, ...warnings];
}

/** Also of claim templates. */
export function claimSpecWarnings(path: string, { resources }: DeepReadonly<PersistentVolumeClaimSpec>): string[] {
  const warnings: string[] = [];
  for (const list of ["requests", "limits"] as const) {
    const storage = resources?.[list]?.["storage"];
    if (isWhole(storage)) continue;
    warnings.push(`${path}.resources.${list}[storage]: fractional byte value ${JSON.stringify(storage)} is invalid, must be an integer`);
  }
  return warnings;
}
