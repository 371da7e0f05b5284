import type { PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";

/** Also for the claim templates of StatefulSets. */
export function defaultClaim({ spec, status }: PersistentVolumeClaim): void {
  if (spec) {
    spec.volumeMode ??= "Filesystem";
    canonicalize(spec.resources?.limits);
    canonicalize(spec.resources?.requests);
    // The old reference to a source and the new one are kept alike where both can say it.
    if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
    else if (!spec.dataSource && spec.dataSourceRef && !spec.dataSourceRef.namespace && isClaimOrSnapshot(spec.dataSourceRef)) {
      const { apiGroup, kind, name } = spec.dataSourceRef;
      spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
    }
  }
  if (status) {
    status.phase ||= "Pending";
    canonicalize(status.capacity);
    canonicalize(status.allocatedResources);
  }
}

function isClaimOrSnapshot({ apiGroup, kind }: { readonly apiGroup?: string; readonly kind: string }): boolean {
  return (!apiGroup && kind === "PersistentVolumeClaim") || (apiGroup === "snapshot.storage.k8s.io" && kind === "VolumeSnapshot");
}
