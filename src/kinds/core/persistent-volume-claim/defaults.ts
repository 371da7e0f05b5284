import type { PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";

/** Also for the claim templates of StatefulSets. */
export function defaultClaim(claim: PersistentVolumeClaim): void {
  const spec = (claim.spec ??= {});
  const status = (claim.status ??= {});
  spec.volumeMode ??= "Filesystem";
  status.phase ||= "Pending";
  for (const list of [spec.resources?.limits, spec.resources?.requests, status.capacity, status.allocatedResources]) canonicalize(list);
}
