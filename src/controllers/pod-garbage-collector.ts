// Deletes pods that nobody else will: too many finished ones, those of nodes that are gone, those deleted before they had a
// node, and those stuck on a node that is declared out of service.

import { Node, Pod, type PodCondition } from "#kinds/api/core-v1.gen.ts";
import { getCondition, setCondition } from "#meta/conditions.ts";
import { isNotFound } from "#meta/errors.ts";
import { keyOf, makeKey, type DeepReadonly } from "#meta/object.ts";
import type { LoopContext, LoopDefinition } from "#reconcile/controller.ts";
import { formatTime } from "#meta/time.ts";

export interface PodGarbageCollectorOptions {
  /** Finished pods beyond this number are deleted, oldest first; default 12,500, as upstream. */
  readonly terminatedThreshold?: number;
}

const INTERVAL_MS = 20_000;
/** A node that the cache does not show is given so long to appear before the server is asked. */
const QUARANTINE_MS = 40_000;
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

type AnyPod = DeepReadonly<Pod>;

export function podGarbageCollector({ terminatedThreshold = 12_500 }: PodGarbageCollectorOptions = {}): LoopDefinition {
  return {
    name: "pod-garbage-collector",
    async run(context) {
      const { informers, clock, signal, log } = context;
      const pods = informers.informer(Pod);
      const nodes = informers.informer(Node);
      await Promise.race([
        Promise.all([pods.synced, nodes.synced]),
        new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
      ]);
      /** Nodes that pods name and the cache does not show, since when. */
      const missing = new Map<string, number>();
      while (!signal.aborted) {
        const all = pods.list();
        const byName = (name: string) => nodes.get(makeKey(undefined, name));
        const gone = await goneNodes(all, byName, missing, context);
        for (const { pod, condition } of collectable(all, byName, gone, terminatedThreshold)) {
          if (signal.aborted) return;
          try {
            await failAndDelete(pod, condition, context);
          } catch (error) {
            if (!signal.aborted && !isNotFound(error)) log.error("pod could not be collected", { pod: keyOf(pod), error });
          }
        }
        await clock.sleep(INTERVAL_MS, signal).catch(() => {}); // only rejects when stopped: the loop's condition sees it
      }
    },
  };
}

/** Names of nodes that were missing long enough and that the server does not have either. */
async function goneNodes(
  pods: readonly AnyPod[],
  byName: (name: string) => unknown,
  missing: Map<string, number>,
  { client, clock, log, signal }: LoopContext,
): Promise<ReadonlySet<string>> {
  const named = new Set<string>();
  for (const pod of pods) if (pod.spec?.nodeName && !byName(pod.spec.nodeName)) named.add(pod.spec.nodeName);
  for (const name of missing.keys()) if (!named.has(name)) missing.delete(name);
  const gone = new Set<string>();
  for (const name of named) {
    const since = missing.get(name);
    if (since === undefined) missing.set(name, clock.now());
    else if (clock.now() - since >= QUARANTINE_MS) {
      try {
        await client.get(Node, makeKey(undefined, name), { signal });
      } catch (error) {
        if (isNotFound(error)) gone.add(name);
        else if (!signal.aborted) log.warn("node could not be looked up", { node: name, error });
      }
    }
  }
  return gone;
}

interface Collectable {
  readonly pod: AnyPod;
  readonly condition?: { readonly type: string; readonly status: string; readonly reason: string; readonly message: string };
}

/** The pods to delete now. Pure. */
export function collectable(
  pods: readonly AnyPod[],
  nodeByName: (name: string) => DeepReadonly<Node> | undefined,
  goneNodeNames: ReadonlySet<string>,
  terminatedThreshold: number,
): Collectable[] {
  const found = new Map<AnyPod, Collectable>();
  if (terminatedThreshold > 0) {
    const finished = pods.filter(({ status }) => !["Pending", "Running", "Unknown"].includes(status?.phase ?? ""));
    const excess = finished.length - terminatedThreshold;
    if (excess > 0) for (const pod of finished.toSorted(evictedThenOldest).slice(0, excess)) found.set(pod, { pod });
  }
  for (const pod of pods) {
    const nodeName = pod.spec?.nodeName;
    const deleting = pod.metadata?.deletionTimestamp !== undefined;
    if (nodeName && goneNodeNames.has(nodeName)) {
      const message = "PodGC: node no longer exists";
      found.set(pod, { pod, condition: { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message } });
    } else if (deleting && !nodeName) found.set(pod, { pod });
    else if (deleting && nodeName) {
      const node = nodeByName(nodeName);
      const ready = getCondition(node?.status?.conditions, "Ready")?.status === "True";
      if (node && !ready && node.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE)) found.set(pod, { pod });
    }
  }
  return [...found.values()];
}

function evictedThenOldest(a: AnyPod, b: AnyPod): number {
  const evicted = (pod: AnyPod) => (pod.status?.phase === "Failed" && pod.status.reason === "Evicted" ? 0 : 1);
  const created = (pod: AnyPod) => Date.parse(pod.metadata?.creationTimestamp ?? "") || 0;
  return evicted(a) - evicted(b) || created(a) - created(b) || ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1);
}

/** No agent will ever say how the pod ended, so it is marked before it goes. */
async function failAndDelete(pod: AnyPod, condition: Collectable["condition"], { client, clock, signal }: LoopContext): Promise<void> {
  const key = keyOf(pod);
  if (pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed") {
    const conditions = condition
      ? setCondition<DeepReadonly<PodCondition>>(pod.status?.conditions, condition, formatTime(clock.now()))
      : pod.status?.conditions;
    const patch = { metadata: { uid: pod.metadata?.uid }, status: { phase: "Failed", ...(conditions ? { conditions } : {}) } };
    await client.patch(Pod, key, patch, { subresource: "status", signal });
  }
  const uid = pod.metadata?.uid;
  await client.delete(Pod, key, { gracePeriodSeconds: 0, signal, ...(uid !== undefined ? { preconditions: { uid } } : {}) });
}
