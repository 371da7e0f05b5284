// Has the victims of a preemption deleted, while other pods are being scheduled.

import type { Client } from "#client/client.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { getCondition } from "#meta/conditions.ts";
import { isNotFound } from "#meta/errors.ts";
import type { DeepReadonly, Key } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { PodInfo } from "./framework.ts";
import type { Candidate } from "./preemption.ts";

export interface Preemptor {
  /** Deletes the victims; `displaced`: less important pods that waited for the same node, and have to look elsewhere. */
  preempt(pod: PodInfo, candidate: Candidate, displaced: readonly PodInfo[]): void;
  /** Whether victims of the pod are still being deleted. */
  isPreempting(pod: PodInfo): boolean;
}

export interface PreemptorOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly signal: AbortSignal;
  readonly podOf: (key: Key) => DeepReadonly<Pod> | undefined;
  /** Takes part in what stop() waits for. */
  readonly track: (work: Promise<void>) => void;
  /** A preemption failed: the pod has to be tried again. */
  readonly onFailed: (key: Key) => void;
}

export function createPreemptor(options: PreemptorOptions): Preemptor {
  const { client, clock, events, log, signal } = options;
  /** The last victim, once only its deletion is under way. */
  const preempting = new Map<string, Key | undefined>();

  const evict = async (victim: PodInfo, pod: PodInfo, node: string) => {
    const scheduler = pod.pod.spec?.schedulerName ?? "default-scheduler";
    const message = `${scheduler}: preempting to accommodate a higher priority pod`;
    try {
      await markVictim(victim, message);
      await client.delete(Pod, victim.key, { preconditions: { uid: victim.uid }, signal });
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    events.event({ resource: Pod, object: victim.pod }, "Normal", "Preempted", `Preempted by pod ${pod.uid} on node ${node}`);
  };
  const markVictim = async ({ key, pod }: PodInfo, message: string) => {
    const present = getCondition(pod.status?.conditions, "DisruptionTarget");
    if (present?.status === "True" && present.reason === "PreemptionByScheduler" && present.message === message) return;
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "PreemptionByScheduler",
      message,
      lastProbeTime: null,
      lastTransitionTime: present?.status === "True" ? present.lastTransitionTime : formatTime(clock.now()),
      ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    };
    await client.patch(Pod, key, { status: { conditions: [condition] } }, { type: "strategic", subresource: "status", signal });
  };
  const clearNomination = async ({ key, pod }: PodInfo) => {
    if (!pod.status?.nominatedNodeName) return;
    await client.patch(Pod, key, { status: { nominatedNodeName: null } }, { type: "strategic", subresource: "status", signal });
  };
  const run = async (pod: PodInfo, { node, victims }: Candidate, displaced: readonly PodInfo[]) => {
    const last = victims.at(-1);
    try {
      const cleared = await Promise.allSettled(displaced.map(clearNomination));
      for (const result of cleared)
        if (result.status === "rejected") log.warn("nomination not cleared", { node, error: String(result.reason) });
      await Promise.all(victims.slice(0, -1).map((victim) => evict(victim, pod, node)));
      if (last) {
        preempting.set(pod.uid, last.key);
        await evict(last, pod, node);
      }
    } catch (error) {
      if (signal.aborted) return;
      log.warn("preemption failed", { pod: pod.key, node, error: String(error) });
      preempting.delete(pod.uid);
      options.onFailed(pod.key);
    } finally {
      preempting.delete(pod.uid);
    }
  };
  return {
    preempt(pod, candidate, displaced) {
      const victims = candidate.victims.filter(({ deleting }) => !deleting);
      if (victims.length === 0) return;
      preempting.set(pod.uid, undefined);
      options.track(run(pod, { ...candidate, victims }, displaced));
    },
    isPreempting({ uid }) {
      if (!preempting.has(uid)) return false;
      const last = preempting.get(uid);
      if (last === undefined) return true;
      // Its deletion may have shown before the answer came.
      const victim = options.podOf(last);
      return victim !== undefined && victim.metadata?.deletionTimestamp === undefined;
    },
  };
}
