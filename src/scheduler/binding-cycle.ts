// What happens to a pod after a node was chosen: it is counted there at once, its volumes are seen to, and the API is told.

import { Pod } from "#kinds/api/core-v1.gen.ts";
import type { Logger } from "#lib/log.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import type { DeepReadonly, Key } from "#meta/object.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { AnyPod, NodeInfo, Reservation } from "./framework.ts";
import type { PodStatusWriter } from "./pod-status.ts";
import type { Profile } from "./profile.ts";
import type { QueuedPod } from "./scheduling-queue.ts";

export interface BindingCycle {
  /** Resolves when the pod is bound or given up; never rejects but for faults of its own. */
  start(queued: QueuedPod, node: NodeInfo, profile: Profile): Promise<void>;
}

export interface BindingCycleOptions {
  readonly state: ClusterState;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly status: PodStatusWriter;
  readonly podOf: (key: Key) => DeepReadonly<Pod> | undefined;
  readonly done: (queued: QueuedPod) => void;
  /** It has to be tried again. `released`: what others may count on being gone from the node. */
  readonly failed: (queued: QueuedPod, released: AnyPod | undefined) => void;
}

export function createBindingCycle(options: BindingCycleOptions): BindingCycle {
  const { events, log, podOf, signal, state, status } = options;
  return {
    async start(queued, node, profile) {
      const { pod } = queued;
      const { name } = node;
      state.assume(pod, name);
      const reservations: Reservation[] = [];
      for (const { reserve } of profile.reserves) {
        const reservation = reserve(pod, node);
        if (reservation) reservations.push(reservation);
      }
      try {
        const slow = reservations.flatMap(({ preBind }) => preBind ?? []);
        if (slow.length > 0) {
          // What follows may take long: whoever else plans for this node should know.
          await status.nominate(pod, name);
          await Promise.all(slow.map((preBind) => preBind(signal)));
        }
        await profile.binds[0]?.bind(pod, name, signal);
        options.done(queued);
        const { namespace = "", name: podName = "" } = pod.pod.metadata ?? {};
        events.event({ resource: Pod, object: pod.pod }, "Normal", "Scheduled", `Successfully assigned ${namespace}/${podName} to ${name}`);
      } catch (error) {
        for (const { release } of reservations) release();
        state.forget(pod.key);
        if (signal.aborted) return;
        const present = podOf(pod.key);
        const released = { ...pod.pod, spec: { containers: [], ...pod.pod.spec, nodeName: name } };
        if (isNotFound(error) || !present || present.metadata?.uid !== pod.uid || (isConflict(error) && present.spec?.nodeName)) {
          options.done(queued);
          return;
        }
        options.failed(queued, released);
        const text = error instanceof Error ? error.message : String(error);
        const message = text.startsWith("binding volumes: ")
          ? `running PreBind plugin "VolumeBinding": ${text}`
          : `running Bind plugin ${JSON.stringify(profile.binds[0]?.name ?? "")}: ${text}`;
        status.error(pod, message);
        log.warn("pod not bound", { pod: pod.key, node: name, error: String(error) });
      }
    },
  };
}
