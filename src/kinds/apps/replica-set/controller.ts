// Keeps as many pods as a ReplicaSet asks for; a ReplicationController is the same under another name.

import { ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { isActive } from "#kinds/core/pod/state.ts";
import { createPods, deletePods, messageOf, podFromTemplate } from "#kinds/shared/owned-pods/controller.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { controllerOf, type DeepReadonly, type Key, keyOf, makeKey } from "#meta/object.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";
import { type LabelMatcher, labelSelectorMatcher } from "#meta/selectors.ts";
import { type ControllerDefinition, type ReconcileContext, watch } from "#reconcile/controller.ts";
import { byController, claim, ownedBy } from "#reconcile/ownership.ts";
import { podsToDelete } from "./ranking.ts";
import { observe, type Replicated } from "./status.ts";

/** Upstream's bound on pods created or deleted in one run. */
const BURST = 500;

export interface ReplicaControllerOptions<T extends Replicated> {
  readonly name: string;
  readonly resource: Resource<T>;
  readonly selector: (set: DeepReadonly<T>) => LabelMatcher;
  /** Whether the kind's status counts pods that are leaving. */
  readonly countsTerminating: boolean;
}

export const replicaSetController = replicaController({
  name: "replicaset-controller",
  resource: ReplicaSet,
  selector: (set) => labelSelectorMatcher(set.spec?.selector),
  countsTerminating: true,
});

export function replicaController<T extends Replicated>(options: ReplicaControllerOptions<T>): ControllerDefinition {
  const { name, resource, selector, countsTerminating } = options;
  const apiVersion = apiVersionOf(resource);

  /** The set that controls the pod; for an orphan, all whose selector takes it. */
  const ownersOf = (pod: DeepReadonly<Pod>, cache: ReconcileContext["cache"]): Key[] => {
    const controller = controllerOf(pod);
    const namespace = pod.metadata?.namespace ?? "";
    if (controller)
      return controller.kind === resource.kind && controller.apiVersion === apiVersion ? [makeKey(namespace, controller.name)] : [];
    return cache(resource)
      .list({ namespace })
      .filter((set) => selector(set).matches(pod.metadata?.labels))
      .map(keyOf);
  };

  return {
    name,
    for: resource,
    awaitsOwnWrites: true,
    watches: [watch(Pod, ownersOf)],
    indexes: [byController(Pod)],
    async reconcile(key, context) {
      const { cache, client, clock, signal } = context;
      const set = cache(resource).get(key);
      if (!set) return;
      const owner = { resource, object: set };
      const matcher = selector(set);
      const selects = (pod: DeepReadonly<Pod>) => matcher.matches(pod.metadata?.labels);
      const pods = await claim({ resource: Pod, owner, selects, adoptable: isActive }, context);

      const deleting = set.metadata?.deletionTimestamp !== undefined;
      const active = pods.filter(isActive);
      const wanted = set.spec?.replicas ?? 1;
      const creating = active.length < wanted;
      let failure: unknown;
      if (!deleting && creating) {
        const pod = podFromTemplate(owner, set.spec?.template);
        ({ failure } = await createPods(owner, Array<Pod>(Math.min(wanted - active.length, BURST)).fill(pod), context));
      } else if (!deleting && active.length > wanted) {
        const surplus = Math.min(active.length - wanted, BURST);
        const chosen = podsToDelete(active, relatedPods(resource, set, cache), surplus, clock.now());
        ({ failure } = await deletePods(owner, chosen, context));
      }
      const told = failure === undefined ? undefined : { creating, message: messageOf(failure) };
      const { status, recheckInMs } = observe(set, pods, told, clock.now(), countsTerminating);
      if (!equal(status, set.status)) {
        const next = clone(set) as T; // a copy of our own
        next.status = status;
        await client.updateStatus(resource, next, { signal });
      }
      if (failure !== undefined) throw failure;
      return { requeueAfterMs: recheckInMs };
    },
  };
}

/** Pods of all sets with the same controller (of one Deployment), or of this set alone. */
function relatedPods<T extends Replicated>(
  resource: Resource<T>,
  set: DeepReadonly<T>,
  cache: ReconcileContext["cache"],
): DeepReadonly<Pod>[] {
  const controller = controllerOf(set);
  const sets = controller
    ? cache(resource)
        .list({ namespace: set.metadata?.namespace ?? "" })
        .filter((other) => controllerOf(other)?.uid === controller.uid)
    : [set];
  return sets.flatMap((other) => ownedBy(Pod, other, cache)).filter(isActive);
}
