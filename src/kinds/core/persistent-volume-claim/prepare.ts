// The two fields that say what a claim is filled from: an old one for claims and snapshots, a newer one for everything.

import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedLocalObjectReference } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function prepareClaim(
  next: PersistentVolumeClaim,
  previous: DeepReadonly<PersistentVolumeClaim> | undefined,
  subresource: string,
): void {
  if (previous === undefined) next.status = { phase: "Pending" };
  if (subresource === "" && next.spec) normalizeSources(next.spec, previous?.spec);
}

function normalizeSources(spec: PersistentVolumeClaimSpec, before: DeepReadonly<PersistentVolumeClaimSpec> | undefined): void {
  // Sources of other namespaces are behind a gate that is off (CrossNamespaceVolumeDataSource).
  if (spec.dataSourceRef?.namespace && !before?.dataSourceRef) delete spec.dataSourceRef;
  const inUse = before?.dataSource !== undefined || before?.dataSourceRef !== undefined;
  // The old field takes nothing else; upstream drops it without a word.
  if (!inUse && !spec.dataSourceRef && spec.dataSource && !isClaimOrSnapshot(spec.dataSource)) delete spec.dataSource;
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { apiGroup, kind, name } = spec.dataSourceRef;
    spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
  }
}

function isClaimOrSnapshot({ apiGroup, kind }: TypedLocalObjectReference): boolean {
  return (!apiGroup && kind === "PersistentVolumeClaim") || (apiGroup === "snapshot.storage.k8s.io" && kind === "VolumeSnapshot");
}
