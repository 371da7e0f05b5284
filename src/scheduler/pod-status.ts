// Tells of pods that are not placed: an event for people, the PodScheduled condition for programs.

import type { Client } from "#client/client.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import { getCondition } from "#meta/conditions.ts";
import { isNotFound } from "#meta/errors.ts";
import { formatTime } from "#meta/time.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { PodInfo } from "./framework.ts";

export interface PodStatusWriter {
  /** It fits nowhere. `nominated`: the node on which room is being made; "": none any more; undefined: as it was. */
  unschedulable(pod: PodInfo, message: string, nominated: string | undefined): void;
  /** Something went wrong. */
  error(pod: PodInfo, message: string): void;
  nominate(pod: PodInfo, node: string): Promise<void>;
}

/** Longest note of an event. */
const MAX_NOTE = 1024;

export function createPodStatusWriter(options: {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly signal: AbortSignal;
  readonly track: (work: Promise<void>) => void;
}): PodStatusWriter {
  const { client, clock, events, signal, track } = options;
  const write = async ({ key }: PodInfo, status: object) => {
    try {
      await client.patch(Pod, key, { status }, { type: "strategic", subresource: "status", signal });
    } catch (error) {
      if (!isNotFound(error) && !signal.aborted) throw error;
    }
  };
  const report = (pod: PodInfo, reason: string, message: string, nominated: string | undefined) => {
    const note = message.length <= MAX_NOTE ? message : `${message.slice(0, MAX_NOTE - 4)} ...`;
    events.event({ resource: Pod, object: pod.pod }, "Warning", "FailedScheduling", note);
    const { metadata, status } = pod.pod;
    const present = getCondition(status?.conditions, "PodScheduled");
    const observedGeneration = metadata?.generation;
    const same = present?.status === "False" && present.reason === reason && present.message === message;
    const keepsNode = nominated === undefined || nominated === (status?.nominatedNodeName ?? "");
    if (same && present.observedGeneration === observedGeneration && keepsNode) return;
    const lastTransitionTime = present?.status === "False" ? present.lastTransitionTime : undefined;
    const condition = {
      type: "PodScheduled",
      status: "False",
      reason,
      message,
      lastProbeTime: null,
      lastTransitionTime: lastTransitionTime ?? formatTime(clock.now()),
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
    };
    track(write(pod, { conditions: [condition], ...(keepsNode ? {} : { nominatedNodeName: nominated === "" ? null : nominated }) }));
  };
  return {
    unschedulable: (pod, message, nominated) => report(pod, "Unschedulable", message, nominated),
    error: (pod, message) => report(pod, "SchedulerError", message, undefined),
    nominate: (pod, node) => (pod.pod.status?.nominatedNodeName === node ? Promise.resolve() : write(pod, { nominatedNodeName: node })),
  };
}
