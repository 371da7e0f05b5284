// Keeps as many pods as a ReplicaSet asks for.

import type { Client } from "#client/client.ts";
import { ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { Pod, type PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { isActive } from "#kinds/core/pod/state.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { isApiError, isNotFound } from "#meta/errors.ts";
import { controllerOf, type DeepReadonly, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch } from "#reconcile/controller.ts";
import { type Claim, claimPods } from "./claim.ts";
import { podsToDelete } from "./ranking.ts";
import { observe } from "./status.ts";

/** Upstream's bound on pods created or deleted in one run. */
const BURST = 500;
const BY_OWNER = "replicaset-pods-by-owner";
const ORPHANS = "";

export const replicaSetController: ControllerDefinition = {
  name: "replicaset-controller",
  for: ReplicaSet,
  watches: [watch(Pod, (pod, cache) => ownersOf(pod, cache))],
  indexes: [index(Pod, BY_OWNER, (pod) => [`${pod.metadata?.namespace}/${controllerOf(pod)?.uid ?? ORPHANS}`])],
  async reconcile(key, context) {
    const { cache, client, clock, signal } = context;
    const set = cache(ReplicaSet).get(key);
    if (!set) return;
    const { namespace } = splitKey(key);
    const uid = set.metadata?.uid ?? "";
    const ownedPods = cache(Pod).byIndex(BY_OWNER, `${namespace}/${uid}`);
    const candidates = [...ownedPods, ...cache(Pod).byIndex(BY_OWNER, `${namespace}/${ORPHANS}`)];
    const deleting = set.metadata?.deletionTimestamp !== undefined;
    const claim = claimPods({ uid, deleting }, labelSelectorMatcher(set.spec?.selector), candidates);
    const pods = await applyClaim(client, set, claim, signal);
    if (!pods) return; // the set is going, and the cache does not show it yet

    const active = pods.filter(isActive);
    const wanted = set.spec?.replicas ?? 1;
    let failure: { creating: boolean; message: string } | undefined;
    let thrown: unknown;
    if (!deleting && active.length !== wanted) {
      const creating = active.length < wanted;
      try {
        if (creating) await createPods(set, Math.min(wanted - active.length, BURST), context);
        else
          await deletePods(
            set,
            podsToDelete(active, relatedPods(set, cache), Math.min(active.length - wanted, BURST), clock.now()),
            context,
          );
      } catch (error) {
        failure = { creating, message: error instanceof Error ? error.message : String(error) };
        thrown = error;
      }
    }
    const { status, recheckInMs } = observe(set, pods, failure, clock.now());
    if (!equal(status, set.status)) {
      const next = clone(set) as ReplicaSet; // a copy of our own
      next.status = status;
      await client.updateStatus(ReplicaSet, next, { signal });
    }
    if (thrown !== undefined) throw thrown;
    return { requeueAfterMs: recheckInMs };
  },
};

/** The set that controls the pod; for an orphan, all whose selector takes it. */
function ownersOf(pod: DeepReadonly<Pod>, cache: ReconcileContext["cache"]): Key[] {
  const controller = controllerOf(pod);
  const namespace = pod.metadata?.namespace ?? "";
  if (controller) return controller.kind === "ReplicaSet" ? [makeKey(namespace, controller.name)] : [];
  return cache(ReplicaSet)
    .list({ namespace })
    .filter((set) => labelSelectorMatcher(set.spec?.selector).matches(pod.metadata?.labels))
    .map(keyOf);
}

/** The pods of the set after adopting and releasing; undefined: the set is about to go. */
async function applyClaim(
  client: Client,
  set: DeepReadonly<ReplicaSet>,
  claim: Claim,
  signal: AbortSignal,
): Promise<DeepReadonly<Pod>[] | undefined> {
  const patchOwner = async (pod: DeepReadonly<Pod>, reference: object): Promise<DeepReadonly<Pod>[]> => {
    const patch = { metadata: { uid: pod.metadata?.uid, ownerReferences: [reference] } };
    try {
      return [await client.patch(Pod, keyOf(pod), patch, { type: "strategic", signal })];
    } catch (error) {
      if (isNotFound(error)) return []; // gone meanwhile: nothing to own or to let go
      throw error;
    }
  };
  for (const pod of claim.release) await patchOwner(pod, { $patch: "delete", uid: set.metadata?.uid ?? "" });
  const pods = [...claim.owned];
  if (claim.adopt.length === 0) return pods;
  // The cache may be behind a deletion: adopting for a set that is going would leak the pod to the collector.
  const fresh = await client.get(ReplicaSet, keyOf(set), { signal });
  if (fresh.metadata?.uid !== set.metadata?.uid || fresh.metadata?.deletionTimestamp !== undefined) return undefined;
  for (const pod of claim.adopt) pods.push(...(await patchOwner(pod, ownerReference(set))));
  return pods;
}

/** Slow start: one, then twice as many each time all went well, so that a refusal (quota) costs few requests. */
async function createPods(set: DeepReadonly<ReplicaSet>, count: number, context: ReconcileContext): Promise<void> {
  const { client, events, signal } = context;
  const about = { resource: ReplicaSet, object: set };
  const pod = podFromTemplate(set);
  for (let done = 0, batch = 1; done < count; done += batch, batch *= 2) {
    const results = await Promise.allSettled(
      Array.from({ length: Math.min(batch, count - done) }, () => client.create(Pod, pod, { signal })),
    );
    for (const result of results) {
      if (result.status === "fulfilled") events.event(about, "Normal", "SuccessfulCreate", `Created pod: ${result.value.metadata?.name}`);
    }
    const failed = results.find((result) => result.status === "rejected");
    if (!failed) continue;
    // In a namespace that goes, creating again would never succeed.
    if (isApiError(failed.reason) && failed.reason.status.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating")) return;
    events.event(about, "Warning", "FailedCreate", `Error creating: ${messageOf(failed.reason)}`);
    throw failed.reason;
  }
}

async function deletePods(set: DeepReadonly<ReplicaSet>, pods: readonly DeepReadonly<Pod>[], context: ReconcileContext): Promise<void> {
  const { client, events, signal } = context;
  const about = { resource: ReplicaSet, object: set };
  const results = await Promise.allSettled(
    pods.map(async (pod) => {
      const uid = pod.metadata?.uid ?? "";
      await client.delete(Pod, keyOf(pod), { preconditions: { uid }, signal });
      events.event(about, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata?.name}`);
    }),
  );
  for (const result of results) {
    if (result.status === "fulfilled" || isNotFound(result.reason)) continue;
    events.event(about, "Warning", "FailedDelete", `Error deleting: ${messageOf(result.reason)}`);
    throw result.reason;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Pods of all sets with the same controller (of one Deployment), or of this set alone. */
function relatedPods(set: DeepReadonly<ReplicaSet>, cache: ReconcileContext["cache"]): DeepReadonly<Pod>[] {
  const namespace = set.metadata?.namespace ?? "";
  const controller = controllerOf(set);
  const sets = controller
    ? cache(ReplicaSet)
        .list({ namespace })
        .filter((other) => controllerOf(other)?.uid === controller.uid)
    : [set];
  return sets.flatMap((other) => cache(Pod).byIndex(BY_OWNER, `${namespace}/${other.metadata?.uid ?? ""}`)).filter(isActive);
}

function ownerReference(set: DeepReadonly<ReplicaSet>) {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: set.metadata?.name ?? "",
    uid: set.metadata?.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

function podFromTemplate(set: DeepReadonly<ReplicaSet>): Pod {
  const template = (set.spec?.template ?? {}) as PodTemplateSpec; // only sent, not changed
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${set.metadata?.name ?? ""}-`,
      namespace: set.metadata?.namespace ?? "",
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [ownerReference(set)],
    },
    ...(template.spec ? { spec: template.spec } : {}),
  };
}
