// Gives pods nodes: watches, decides one pod at a time (decide.ts), binds many at once.

import type { Client } from "#client/client.ts";
import { type Binding, Namespace, Node, Pod } from "#kinds/api/core-v1.gen.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { equal } from "#lib/equal.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { getCondition } from "#meta/conditions.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { createEventRecorder } from "#reconcile/events.ts";
import type { InformerSet } from "#reconcile/informer.ts";
import { createClusterState, isWaiting } from "./cluster-state.ts";
import { chooseNode } from "./decide.ts";
import type { Plugin } from "./framework.ts";
import { defaultPlugins } from "./profile.ts";
import { isGated } from "./plugins/scheduling-gates.ts";
import { createSchedulingQueue } from "./scheduling-queue.ts";

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Pods that name this scheduler are its own. */
  readonly name?: string;
  readonly plugins?: readonly Plugin[];
}

export interface Scheduler {
  /** Resolves when it has its caches and begins. */
  readonly synced: Promise<void>;
  stop(): Promise<void>;
}

/** Pods decided in one go before others get the thread. */
const SLICE = 50;

export function startScheduler(options: SchedulerOptions): Scheduler {
  const { client, clock, informers, log, random, name = "default-scheduler", plugins = defaultPlugins } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const events = createEventRecorder({ client, clock, log, random, component: name, signal });
  const pods = informers.informer(Pod);
  const nodes = informers.informer(Node);
  const namespaces = informers.informer(Namespace);
  const state = createClusterState((namespace) => namespaces.get(makeKey(undefined, namespace))?.metadata?.labels);
  const binding = new Set<Promise<void>>();
  let ready = false;
  let pending: Timer | undefined;

  const wake = () => {
    if (ready && !signal.aborted) pending ??= clock.after(0, runSlice);
  };
  const queue = createSchedulingQueue(clock, wake);
  const runSlice = () => {
    pending = undefined;
    for (let count = 0; count < SLICE && !signal.aborted; count++) {
      const key = queue.pop();
      if (key === undefined) return;
      schedule(key);
    }
    wake();
  };
  const schedule = (key: Key) => {
    const pod = pods.get(key);
    if (!pod || !isWaiting(pod, name) || isGated(pod) || state.isPlaced(key)) return queue.delete(key);
    const choice = chooseNode(pod, state.snapshot(), plugins, random);
    if (!("node" in choice)) {
      queue.unschedulable(key);
      track(reportUnschedulable(pod, choice.message));
      return;
    }
    state.assume(pod, choice.node);
    track(bind(key, pod, choice.node));
  };
  const track = (work: Promise<void>) => {
    const tracked = work.catch((error: unknown) => log.error("scheduling failed", { error })).finally(() => binding.delete(tracked));
    binding.add(tracked);
  };
  const bind = async (key: Key, pod: DeepReadonly<Pod>, node: string) => {
    const { namespace, name: podName } = splitKey(key);
    const body: Binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: podName, namespace, uid: pod.metadata?.uid ?? "" },
      target: { apiVersion: "v1", kind: "Node", name: node },
    };
    try {
      await client.createSubresource(Pod, key, "binding", body, { signal });
      queue.done(key);
      events.event({ resource: Pod, object: pod }, "Normal", "Scheduled", `Successfully assigned ${namespace}/${podName} to ${node}`);
    } catch (error) {
      state.forget(key);
      if (signal.aborted) return;
      queue.moveAll(); // what was assumed is free again
      if (isNotFound(error) || (isConflict(error) && pods.get(key)?.spec?.nodeName)) return queue.delete(key);
      queue.retry(key);
      const message = `running Bind plugin "DefaultBinder": ${error instanceof Error ? error.message : String(error)}`;
      events.event({ resource: Pod, object: pod }, "Warning", "FailedScheduling", message);
      log.warn("pod not bound", { pod: key, node, error: String(error) });
    }
  };
  const reportUnschedulable = async (pod: DeepReadonly<Pod>, message: string) => {
    events.event({ resource: Pod, object: pod }, "Warning", "FailedScheduling", message);
    const present = getCondition(pod.status?.conditions, "PodScheduled");
    if (present?.status === "False" && present.reason === "Unschedulable" && present.message === message) return;
    const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const lastTransitionTime = present?.status === "False" ? (present.lastTransitionTime ?? now) : now;
    const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message, lastProbeTime: null, lastTransitionTime };
    try {
      await client.patch(Pod, keyOf(pod), { status: { conditions: [condition] } }, { type: "strategic", subresource: "status", signal });
    } catch (error) {
      if (!isNotFound(error) && !signal.aborted) throw error;
    }
  };

  const subscriptions = [
    pods.subscribe(({ before, after }) => {
      const pod = after ?? before;
      if (!pod) return;
      const key = keyOf(pod);
      state.setPod(key, after);
      if (after && isWaiting(after, name) && !isGated(after)) {
        queue.add(key, after.spec?.priority ?? 0, mindsOthers(after));
        if (before && !sameWish(before, after)) queue.touch(key);
      } else queue.delete(key);
      const had = takesRoom(before);
      const has = takesRoom(after);
      if (had && !has) queue.moveAll();
      // Seen when the API shows it, not when it was assumed: by then all that was tried in between has been counted.
      else if (has && (!had || !sameWish(before, after))) queue.podPlaced();
    }),
    nodes.subscribe(({ before, after }) => {
      const nodeName = (after ?? before)?.metadata?.name ?? "";
      state.setNode(nodeName, after);
      if (after && !isHeartbeat(before, after)) queue.moveAll();
    }),
    namespaces.subscribe(() => queue.moveAll()),
  ];
  const synced = Promise.all([pods.synced, nodes.synced, namespaces.synced]).then(() => {
    ready = true;
    wake();
  });
  return {
    synced,
    async stop() {
      stopping.abort();
      pending?.cancel();
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      queue.close();
      await Promise.all(binding);
    },
  };
}

/** On a node, and not ended. */
function takesRoom(pod: DeepReadonly<Pod> | undefined): pod is DeepReadonly<Pod> {
  return pod?.spec?.nodeName !== undefined && pod.spec.nodeName !== "" && !isTerminal(pod);
}

/** Whether where other pods are can decide where the pod may go. */
function mindsOthers({ spec }: DeepReadonly<Pod>): boolean {
  return (
    spec?.affinity?.podAffinity !== undefined ||
    spec?.affinity?.podAntiAffinity !== undefined ||
    (spec?.topologySpreadConstraints ?? []).length > 0
  );
}

/** Labels and spec are the same; what happened to the status does not matter to any plugin. */
function sameWish(before: DeepReadonly<Pod>, after: DeepReadonly<Pod>): boolean {
  return equal(before.metadata?.labels, after.metadata?.labels) && equal(before.spec, after.spec);
}

/** Nothing that a plugin looks at changed. */
function isHeartbeat(before: DeepReadonly<Node> | undefined, after: DeepReadonly<Node>): boolean {
  if (!before) return false;
  const seen = (node: DeepReadonly<Node>) => JSON.stringify([node.metadata?.labels, node.spec, node.status?.allocatable]);
  return seen(before) === seen(after);
}
