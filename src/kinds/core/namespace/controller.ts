// Empties a namespace that is being deleted, pods first, and lets it go when nothing is left. What stands in the way is
// told in the namespace's conditions.

import type { Client } from "#client/client.ts";
import { createClient } from "#client/create-client.ts";
import { patientTransport } from "#client/patient-transport.ts";
import { discover, type DiscoveredResource, type Discovery } from "#client/discovery.ts";
import { Namespace, Pod, type NamespaceCondition } from "#kinds/api/core-v1.gen.ts";
import { setCondition } from "#meta/conditions.ts";
import { isApiError, isNotFound } from "#meta/errors.ts";
import { makeKey, splitKey, type DeepReadonly } from "#meta/object.ts";
import { watch, type ControllerDefinition, type ReconcileContext, type ReconcileResult } from "#reconcile/controller.ts";
import { formatTime } from "#meta/time.ts";

const FINALIZER = "kubernetes";
/** Upstream's guess for what waits on finalizers. */
const FINALIZER_ESTIMATE_SECONDS = 15;
/** Looking again is cheap here, so that nobody waits for half a guess. */
const MAX_RECHECK_MS = 3_000;

/** What was found and done in one pass over a namespace. */
export interface NamespaceFindings {
  readonly discoveryFailures: ReadonlyMap<string, Error>;
  readonly deleteErrors: readonly Error[];
  /** Objects left by resource, as `pods.` or `deployments.apps`. */
  readonly remaining: ReadonlyMap<string, number>;
  /** Objects left by the finalizer they wait for. */
  readonly finalizers: ReadonlyMap<string, number>;
}

export const namespaceController: ControllerDefinition = {
  name: "namespace-controller",
  for: Namespace,
  // A pod that goes is what an ordered deletion waits for; without this it would be noticed at the next look only.
  watches: [
    watch(Pod, (pod, cache) => {
      const key = makeKey(undefined, pod.metadata?.namespace ?? "");
      return cache(Namespace).get(key)?.metadata?.deletionTimestamp ? [key] : [];
    }),
  ],
  concurrency: 10,
  reconcile,
};

async function reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult> {
  const { client, cache, clock, signal } = context;
  const cached = cache(Namespace).get(key);
  if (!cached?.metadata?.deletionTimestamp) return;
  try {
    let namespace = await client.get(Namespace, key, { signal });
    if (!namespace.metadata?.deletionTimestamp) return;
    const uid = namespace.metadata.uid;
    if (namespace.status?.phase !== "Terminating") {
      namespace = await client.updateStatus(Namespace, { ...namespace, status: { ...namespace.status, phase: "Terminating" } }, { signal });
    }
    if (!namespace.spec?.finalizers?.length) {
      if (namespace.metadata?.finalizers?.length) return; // somebody else's to remove; the update will wake us
      await client.delete(Namespace, key, { signal, ...(uid !== undefined ? { preconditions: { uid } } : {}) });
      return;
    }
    const patient = createClient(patientTransport(client.transport, clock));
    const { findings, estimateSeconds } = await deleteContent(patient, splitKey(key).name, signal);
    const conditions = conditionsOf(namespace.status?.conditions, findings, formatTime(clock.now()));
    if (conditions !== namespace.status?.conditions) {
      namespace = await client.updateStatus(Namespace, { ...namespace, status: { ...namespace.status, conditions } }, { signal });
    }
    if (findings.deleteErrors.length > 0 || findings.discoveryFailures.size > 0) {
      throw new AggregateError(
        [...findings.deleteErrors, ...findings.discoveryFailures.values()],
        "cannot delete all content of namespace",
      );
    }
    if (findings.remaining.size > 0) return { requeueAfterMs: Math.min((estimateSeconds / 2 + 1) * 1000, MAX_RECHECK_MS) };
    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
    await client.updateSubresource(Namespace, key, "finalize", { ...namespace, spec: { ...namespace.spec, finalizers } }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error; // the namespace itself is gone: all is done
  }
}

interface Pass {
  readonly findings: NamespaceFindings;
  /** A guess when what remains will be gone. */
  readonly estimateSeconds: number;
}

/** Deletes what there is. Everything else waits until the pods are gone, since pods may need it to end well. */
async function deleteContent(client: Client, namespace: string, signal: AbortSignal): Promise<Pass> {
  let discovery: Discovery;
  try {
    discovery = await discover(client, signal);
  } catch (error) {
    discovery = { resources: [], failed: new Map([["", asError(error)]]) };
  }
  const remaining = new Map<string, number>();
  const finalizers = new Map<string, number>();
  const deleteErrors: Error[] = [];
  let estimateSeconds = 0;
  const isPods = (resource: DiscoveredResource) => resource.group === "" && resource.plural === "pods";
  const deletable = discovery.resources.filter((resource) => resource.namespaced && resource.verbs.includes("delete"));

  const empty = async (resource: DiscoveredResource) => {
    try {
      const left = await deleteAll(client, resource, namespace, signal);
      if (left.length === 0) return;
      remaining.set(`${resource.plural}.${resource.group}`, left.length);
      for (const object of left) {
        const waitingFor = object.metadata?.finalizers ?? [];
        for (const finalizer of waitingFor) finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
        const seconds = isPods(resource) ? podEstimateSeconds(object) : waitingFor.length > 0 ? FINALIZER_ESTIMATE_SECONDS : 1;
        estimateSeconds = Math.max(estimateSeconds, seconds);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      deleteErrors.push(asError(error));
    }
  };

  await Promise.all(deletable.filter(isPods).map(empty));
  if (remaining.size === 0 && deleteErrors.length === 0) {
    await Promise.all(deletable.filter((resource) => !isPods(resource)).map(empty));
  }
  return { findings: { discoveryFailures: discovery.failed, deleteErrors, remaining, finalizers }, estimateSeconds };
}

/** Deletes all objects of a resource in the namespace and gives those that live on. */
async function deleteAll(client: Client, resource: DiscoveredResource, namespace: string, signal: AbortSignal): Promise<Pod[]> {
  // Background, so that no kind's default orphans what would then keep the namespace from going.
  if (resource.verbs.includes("deletecollection")) {
    try {
      await client.deleteCollection(resource, { namespace, propagationPolicy: "Background", signal });
    } catch (error) {
      if (!isUnsupported(error)) throw error;
    }
  }
  if (!resource.verbs.includes("list")) return [];
  const list = async () => {
    try {
      return (await client.list(resource, { namespace, signal })).items as Pod[]; // only pods are looked at as pods, others at their metadata
    } catch (error) {
      if (isUnsupported(error)) return [];
      throw error;
    }
  };
  const left = await list();
  if (left.length === 0 || resource.verbs.includes("deletecollection")) return left;
  for (const { metadata } of left) {
    if (metadata?.deletionTimestamp) continue;
    try {
      await client.delete(resource, makeKey(namespace, metadata?.name ?? ""), { propagationPolicy: "Background", signal });
    } catch (error) {
      if (!isUnsupported(error)) throw error;
    }
  }
  return list();
}

/** 404 and 405: the resource is listed in discovery and not there, or went meanwhile. */
function isUnsupported(error: unknown): boolean {
  return isApiError(error) && (error.code === 404 || error.code === 405);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function podEstimateSeconds(pod: DeepReadonly<Pod>): number {
  if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return 1;
  return pod.spec?.terminationGracePeriodSeconds ?? 1;
}

interface ConditionText {
  readonly type: string;
  readonly okReason: string;
  readonly okMessage: string;
  readonly reason: string;
  /** Undefined: all is well. */
  readonly message: (findings: NamespaceFindings) => string | undefined;
}

const CONDITIONS: readonly ConditionText[] = [
  {
    type: "NamespaceDeletionDiscoveryFailure",
    okReason: "ResourcesDiscovered",
    okMessage: "All resources successfully discovered",
    reason: "DiscoveryFailed",
    message: ({ discoveryFailures: failures }) => {
      if (failures.size === 0) return undefined;
      const whole = failures.get("");
      if (whole) return whole.message;
      const causes = Array.from(failures, ([version, error]) => `${version}: ${error.message}`).toSorted();
      return `Discovery failed for some groups, ${failures.size} failing: unable to retrieve the complete list of server APIs: ${causes.join(", ")}`;
    },
  },
  {
    type: "NamespaceDeletionGroupVersionParsingFailure",
    okReason: "ParsedGroupVersions",
    okMessage: "All legacy kube types successfully parsed",
    reason: "GroupVersionParsingFailed",
    message: () => undefined,
  },
  {
    type: "NamespaceDeletionContentFailure",
    okReason: "ContentDeleted",
    okMessage: "All content successfully deleted, may be waiting on finalization",
    reason: "ContentDeletionFailed",
    message: ({ deleteErrors: errors }) => {
      if (errors.length === 0) return undefined;
      const texts = errors.map((error) => error.message).toSorted();
      return `Failed to delete all resource types, ${errors.length} remaining: ${texts.join(", ")}`;
    },
  },
  {
    type: "NamespaceContentRemaining",
    okReason: "ContentRemoved",
    okMessage: "All content successfully removed",
    reason: "SomeResourcesRemain",
    message: ({ remaining }) =>
      listed("Some resources are remaining: ", remaining, (resource, count) => `${resource} has ${count} resource instances`),
  },
  {
    type: "NamespaceFinalizersRemaining",
    okReason: "ContentRemoved",
    okMessage: "All content successfully removed",
    reason: "SomeFinalizersRemain",
    message: ({ finalizers }) =>
      listed(
        "Some content in the namespace has finalizers remaining: ",
        finalizers,
        (finalizer, count) => `${finalizer} in ${count} resource instances`,
      ),
  },
];

function listed(head: string, counts: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string | undefined {
  if (counts.size === 0) return undefined;
  return (
    head +
    Array.from(counts, ([name, count]) => text(name, count))
      .toSorted()
      .join(", ")
  );
}

/** The conditions after a pass; the very same list if nothing changed. Pure. `now` is RFC 3339. */
export function conditionsOf(
  current: readonly NamespaceCondition[] | undefined,
  findings: NamespaceFindings,
  now: string,
): NamespaceCondition[] {
  let conditions = current;
  for (const { type, okReason, okMessage, reason, message: messageOf } of CONDITIONS) {
    const message = messageOf(findings);
    const next =
      message === undefined ? { type, status: "False", reason: okReason, message: okMessage } : { type, status: "True", reason, message };
    conditions = setCondition(conditions, next, now);
  }
  return (conditions ?? []) as NamespaceCondition[]; // setCondition copies before it changes
}
