// Deletes pods that do not tolerate their node's NoExecute taints, when their time is up.

import { Node, Pod, type PodCondition } from "#kinds/api/core-v1.gen.ts";
import { setCondition } from "#meta/conditions.ts";
import { isNotFound } from "#meta/errors.ts";
import { keyOf, makeKey, type DeepReadonly, type Key } from "#meta/object.ts";
import { watch, type ControllerDefinition } from "#reconcile/controller.ts";
import { formatTime } from "#meta/time.ts";
import { podsByNode } from "./node-lifecycle.ts";
import { evictionTime } from "./taints.ts";

export function taintEvictionController(): ControllerDefinition {
  /** Pods that were told to be deleted later, to be able to say when that is called off. */
  const marked = new Set<Key>();
  return {
    name: "taint-eviction-controller",
    for: Pod,
    watches: [
      watch(Node, (node, cache) => {
        // Without taints there is something to do only for pods that were to be deleted.
        if (!node.spec?.taints?.some(({ effect }) => effect === "NoExecute") && marked.size === 0) return [];
        return cache(Pod)
          .byIndex(podsByNode.name, node.metadata?.name ?? "")
          .map(keyOf);
      }),
    ],
    indexes: [podsByNode],
    concurrency: 8,
    async reconcile(key, { cache, client, clock, events, signal }) {
      const pod = cache(Pod).get(key);
      const nodeName = pod?.spec?.nodeName;
      if (!pod || !nodeName || pod.metadata?.deletionTimestamp) {
        marked.delete(key);
        return;
      }
      const taints = cache(Node).get(makeKey(undefined, nodeName))?.spec?.taints;
      const time = evictionTime(taints, pod.spec?.tolerations, clock.now());
      if (time === "never") {
        if (marked.delete(key))
          events.event({ resource: Pod, object: pod }, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${key}`);
        return;
      }
      if (time !== "now") {
        marked.add(key);
        return { requeueAfterMs: time - clock.now() };
      }
      marked.delete(key);
      events.event({ resource: Pod, object: pod }, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${key}`);
      try {
        const status = { ...pod.status, conditions: disrupted(pod, formatTime(clock.now())) };
        await client.updateStatus(Pod, { ...pod, status } as Pod, { signal }); // only conditions are new: nothing shared is changed
        const uid = pod.metadata?.uid;
        await client.delete(Pod, key, { signal, ...(uid !== undefined ? { preconditions: { uid } } : {}) });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

function disrupted(pod: DeepReadonly<Pod>, now: string): readonly DeepReadonly<PodCondition>[] {
  return setCondition<DeepReadonly<PodCondition>>(
    pod.status?.conditions,
    {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    },
    now,
  );
}
