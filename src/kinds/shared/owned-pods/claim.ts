// Which pods belong to a controller: owned and matching ones stay, matching orphans are adopted, owned ones that no
// longer match are released. Pure; upstream's ControllerRefManager (pkg/controller/controller_ref_manager.go).

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { isActive } from "#kinds/core/pod/state.ts";
import { controllerOf, type DeepReadonly } from "#meta/object.ts";
import type { LabelMatcher } from "#meta/selectors.ts";

export interface Claim {
  readonly owned: readonly DeepReadonly<Pod>[];
  readonly adopt: readonly DeepReadonly<Pod>[];
  readonly release: readonly DeepReadonly<Pod>[];
}

/** `finishedToo`: orphans that ended are adopted as well, for owners that count them. */
export function claimPods(
  owner: { readonly uid: string; readonly deleting: boolean; readonly finishedToo?: boolean },
  selector: LabelMatcher,
  pods: readonly DeepReadonly<Pod>[],
): Claim {
  const owned: DeepReadonly<Pod>[] = [];
  const adopt: DeepReadonly<Pod>[] = [];
  const release: DeepReadonly<Pod>[] = [];
  for (const pod of pods) {
    const controller = controllerOf(pod);
    const matches = selector.matches(pod.metadata?.labels);
    if (controller) {
      if (controller.uid !== owner.uid) continue;
      if (matches) owned.push(pod);
      else if (!owner.deleting && pod.metadata?.deletionTimestamp === undefined) release.push(pod);
    } else if (matches && !owner.deleting && (owner.finishedToo ? pod.metadata?.deletionTimestamp === undefined : isActive(pod)))
      adopt.push(pod);
  }
  return { owned, adopt, release };
}
