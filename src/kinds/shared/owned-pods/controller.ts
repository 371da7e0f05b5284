// What controllers that own pods do with them: make them from a template, create and delete them.
// Upstream's RealPodControl (pkg/controller).

import { Pod, type PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { slowStart } from "#lib/slow-start.ts";
import { hasCause, isConflict, isNotFound } from "#meta/errors.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import { type DeepReadonly, keyOf, type KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { ReconcileContext } from "#reconcile/controller.ts";

type AnyPod = DeepReadonly<Pod>;

/** The object whose pods they are; events are about it. */
export interface Owner<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly object: DeepReadonly<T>;
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
      ownerReferences: [controllerReference(owner.resource, owner.object)],
    },
    ...(template.spec ? { spec: template.spec } : {}),
  };
}

/** What came of writes to many pods: those that went well, and what another one failed with. */
export interface Outcome {
  readonly done: readonly AnyPod[];
  readonly failure?: unknown;
}

/** Creates the pods, slowly at first; a refusal (quota) ends it and is told in one event. */
export async function createPods(owner: Owner, pods: readonly Pod[], { client, events, signal }: ReconcileContext): Promise<Outcome> {
  const done: Pod[] = [];
  try {
    await slowStart(pods, async (pod) => {
      const made = await client.create(Pod, pod, { signal });
      done.push(made);
      events.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${made.metadata?.name}`);
    });
  } catch (failure) {
    // In a namespace that goes, creating again would never succeed.
    if (hasCause(failure, "NamespaceTerminating")) return { done };
    events.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(failure)}`);
    return { done, failure };
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
  // Changed a moment ago: the next run looks at it again.
  if (!isConflict(failed.reason)) events.event(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(failed.reason)}`);
  return { done, failure: failed.reason };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
