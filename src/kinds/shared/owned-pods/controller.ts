// What all controllers that own pods do with them: make them from a template, create, delete, adopt and release them.
// Upstream's RealPodControl and PodControllerRefManager (pkg/controller).

import { Pod, type PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { isApiError, isNotFound } from "#meta/errors.ts";
import { controllerOf, type DeepReadonly, keyOf, type KubeObject, type OwnerReference } from "#meta/object.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";
import { index, type ReconcileContext } from "#reconcile/controller.ts";
import type { Claim } from "./claim.ts";

type AnyPod = DeepReadonly<Pod>;

/** The object whose pods they are; events are about it. */
export interface Owner<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly object: DeepReadonly<T>;
}

const BY_OWNER = "pods-by-owner";

/** Pods by the uid of their controller. One index, however many controllers name it. */
export const podsByOwner = index(Pod, BY_OWNER, (pod) => [`${pod.metadata?.namespace}/${controllerOf(pod)?.uid ?? ""}`]);

/** Needs `podsByOwner` among the controller's indexes. */
export function ownedPods(owner: DeepReadonly<KubeObject>, cache: ReconcileContext["cache"]): readonly AnyPod[] {
  return cache(Pod).byIndex(BY_OWNER, `${owner.metadata?.namespace}/${owner.metadata?.uid}`);
}

/** Pods without a controller. Needs `podsByOwner`. */
export function orphanPods(namespace: string, cache: ReconcileContext["cache"]): readonly AnyPod[] {
  return cache(Pod).byIndex(BY_OWNER, `${namespace}/`);
}

export function controllerReference({ resource, object }: Owner): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: object.metadata?.name ?? "",
    uid: object.metadata?.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function podFromTemplate(owner: Owner, shared: DeepReadonly<PodTemplateSpec> | undefined): Pod {
  const template = (shared ?? {}) as PodTemplateSpec; // only sent, not changed
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const { name = "", namespace = "" } = owner.object.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${name}-`,
      namespace,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    ...(template.spec ? { spec: template.spec } : {}),
  };
}

/**
 * Does what the claim says; `finalizer` goes on pods with adoption and off with release. Gives the pods that are now the
 * owner's; undefined: the owner is about to go, and the cache does not show it yet.
 */
export async function applyClaim(
  owner: Owner,
  claim: Claim,
  { client, signal }: ReconcileContext,
  finalizer?: string,
): Promise<AnyPod[] | undefined> {
  const { resource, object } = owner;
  const patchPod = async (pod: AnyPod, metadata: object): Promise<AnyPod[]> => {
    const patch = { metadata: { uid: pod.metadata?.uid, ...metadata } };
    try {
      return [await client.patch(Pod, keyOf(pod), patch, { type: "strategic", signal })];
    } catch (error) {
      if (isNotFound(error)) return []; // gone meanwhile: nothing to own or to let go
      throw error;
    }
  };
  const drop = finalizer === undefined ? {} : { "$deleteFromPrimitiveList/finalizers": [finalizer] };
  for (const pod of claim.release)
    await patchPod(pod, { ownerReferences: [{ $patch: "delete", uid: object.metadata?.uid ?? "" }], ...drop });
  const pods = [...claim.owned];
  if (claim.adopt.length === 0) return pods;
  // The cache may be behind a deletion: adopting for an owner that is going would leak the pod to the collector.
  const fresh = await client.get(resource, keyOf(object), { signal });
  if (fresh.metadata?.uid !== object.metadata?.uid || fresh.metadata?.deletionTimestamp !== undefined) return undefined;
  const add = finalizer === undefined ? {} : { finalizers: [finalizer] };
  for (const pod of claim.adopt) pods.push(...(await patchPod(pod, { ownerReferences: [controllerReference(owner)], ...add })));
  return pods;
}

/** What came of writes to many pods: those that went well, and what another one failed with. */
export interface Outcome {
  readonly done: readonly AnyPod[];
  readonly failure?: unknown;
}

/** Slow start: one, then twice as many each time all went well, so that a refusal (quota) costs few requests. */
export async function createPods(owner: Owner, pods: readonly Pod[], { client, events, signal }: ReconcileContext): Promise<Outcome> {
  const done: Pod[] = [];
  for (let from = 0, batch = 1; from < pods.length; from += batch, batch *= 2) {
    const results = await Promise.allSettled(pods.slice(from, from + batch).map((pod) => client.create(Pod, pod, { signal })));
    for (const result of results) {
      if (result.status === "rejected") continue;
      done.push(result.value);
      events.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${result.value.metadata?.name}`);
    }
    const failed = results.find((result) => result.status === "rejected");
    if (!failed) continue;
    // In a namespace that goes, creating again would never succeed.
    if (isApiError(failed.reason) && failed.reason.status.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating")) break;
    events.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(failed.reason)}`);
    return { done, failure: failed.reason };
  }
  return { done };
}

/** `before` is done for each pod first; a pod that is gone counts as deleted. */
export async function deletePods(
  owner: Owner,
  pods: readonly AnyPod[],
  { client, events, signal }: ReconcileContext,
  before?: (pod: AnyPod) => Promise<void>,
): Promise<Outcome> {
  const results = await Promise.allSettled(
    pods.map(async (pod) => {
      await before?.(pod);
      await client.delete(Pod, keyOf(pod), { preconditions: { uid: pod.metadata?.uid ?? "" }, signal });
      events.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata?.name}`);
    }),
  );
  const isDone = (result: PromiseSettledResult<void> | undefined) => result?.status === "fulfilled" || isNotFound(result?.reason);
  const done = pods.filter((_, index) => isDone(results[index]));
  const failed = results.find((result) => result.status === "rejected" && !isNotFound(result.reason));
  if (failed?.status !== "rejected") return { done };
  events.event(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(failed.reason)}`);
  return { done, failure: failed.reason };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
