// Gives pods nodes: watches, decides one pod at a time (decide.ts), binds many at once (binding-cycle.ts).

import type { Client } from "#client/client.ts";
import { Namespace, Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { aggregateText } from "#meta/errors.ts";
import { type Key, makeKey } from "#meta/object.ts";
import { createEventRecorder, type EventRecorder } from "#reconcile/events.ts";
import type { Change, InformerSet } from "#reconcile/informer.ts";
import { createTermCompiler } from "./affinity-terms.ts";
import { createBindingCycle } from "./binding-cycle.ts";
import { type ClusterEvent, nodeChanges, podChanges } from "./cluster-events.ts";
import { createClusterState } from "./cluster-state.ts";
import { completeConfiguration } from "./configuration/defaults.ts";
import type { KubeSchedulerConfiguration } from "./configuration/types.ts";
import { validateConfiguration } from "./configuration/validate.ts";
import { chooseNode, fitMessage, type Rotation } from "./decide.ts";
import type { AnyPod, FailedCycle, PodInfo } from "./framework.ts";
import { informerListers } from "./listers.ts";
import { podInfo } from "./pod-info.ts";
import { createPodStatusWriter } from "./pod-status.ts";
import { createPreemptor } from "./preemptor.ts";
import { createProfile, gatedBy, type PluginHandle, type Profile } from "./profile.ts";
import { createSchedulingQueue, type QueuedPod } from "./scheduling-queue.ts";
import { subscribeToStorage } from "./storage-events.ts";

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Default: one profile, `default-scheduler`, with upstream's plugins. */
  readonly configuration?: KubeSchedulerConfiguration;
}

export interface Scheduler {
  /** Resolves when it has its caches and begins. */
  readonly synced: Promise<void>;
  stop(): Promise<void>;
}

/** Pods decided in one go before others get the thread. */
const SLICE = 20;
/** Bindings under way at which no more pods are decided. */
const MAX_BINDING = 500;
const DEFAULT_NAME = "default-scheduler";

/** Throws a RangeError that lists what is wrong with the configuration. */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const { client, clock, informers, log, random } = options;
  const configuration = completeConfiguration(options.configuration);
  const wrong = validateConfiguration(configuration);
  if (wrong.length > 0) throw new RangeError(aggregateText(wrong));

  const stopping = new AbortController();
  const { signal } = stopping;
  const events = eventsByProfile((component) => createEventRecorder({ client, clock, log, random, component, signal }));
  const pods = informers.informer(Pod);
  const nodes = informers.informer(Node);
  const namespaces = informers.informer(Namespace);
  const listers = informerListers(informers);
  const namespaceLabels = (namespace: string) => namespaces.get(makeKey(undefined, namespace))?.metadata?.labels;
  const compiler = createTermCompiler(namespaceLabels);
  const state = createClusterState(namespaceLabels);
  const { snapshot, nominator } = state;
  const rotation: Rotation = { start: 0 };
  const working = new Set<Promise<void>>();
  let ready = false;
  let pending: Timer | undefined;

  const track = (work: Promise<void>) => {
    const tracked = work
      .catch((error: unknown) => (signal.aborted ? undefined : log.error("scheduling failed", { error })))
      .finally(() => {
        working.delete(tracked);
        wake();
      });
    working.add(tracked);
  };
  const wake = () => {
    if (ready && !signal.aborted && queue.size > 0) pending ??= clock.after(0, runSlice);
  };
  const preemptor = createPreemptor({
    client,
    clock,
    log,
    events,
    signal,
    track,
    podOf: (key) => pods.get(key),
    onFailed: (key) => queue.activate(key),
  });
  const handle: PluginHandle = { client, clock, random, listers, compiler, preemptor };
  const profiles = new Map<string, Profile>(
    configuration.profiles.map((profile) => [profile.schedulerName, createProfile(profile, handle)]),
  );
  const profileOf = ({ spec }: AnyPod) => profiles.get(spec?.schedulerName ?? DEFAULT_NAME);
  const rules = new Map(
    [...profiles].map(([name, profile]) => [name, { gatedBy: (pod: PodInfo) => gatedBy(profile, pod), interests: profile.interests }]),
  );
  // All profiles sort alike; validation sees to it.
  const sort = profiles.values().next().value?.queueSort;
  const queue = createSchedulingQueue({
    clock,
    wake: () => wake(),
    rulesOf: ({ pod }) => rules.get(pod.spec?.schedulerName ?? DEFAULT_NAME),
    compare: (a, b) => sort?.queueSort(a, b) ?? 0,
    initialBackoffMs: configuration.podInitialBackoffSeconds * 1000,
    maxBackoffMs: configuration.podMaxBackoffSeconds * 1000,
  });
  const status = createPodStatusWriter({ client, clock, events, signal, track });
  const bindings = createBindingCycle({
    state,
    events,
    log,
    signal,
    status,
    podOf: (key) => pods.get(key),
    done: (queued) => queue.done(queued),
    failed: (queued, released) => {
      queue.failed(queued, new Set());
      // What was assumed is free again.
      if (released) queue.move({ resource: "Pod", action: "delete", before: released });
    },
  });

  const runSlice = () => {
    pending = undefined;
    for (let count = 0; count < SLICE && !signal.aborted; count++) {
      if (working.size >= MAX_BINDING) return; // each that ends wakes
      const queued = queue.pop();
      if (!queued) return;
      schedule(queued);
    }
    wake();
  };
  const schedule = (queued: QueuedPod) => {
    const { pod } = queued;
    const profile = profileOf(pod.pod);
    if (!profile || state.isPlaced(pod.key)) return queue.done(queued);
    if (pod.deleting) {
      const { namespace = "", name = "" } = pod.pod.metadata ?? {};
      events.event({ resource: Pod, object: pod.pod }, "Warning", "FailedScheduling", `skip schedule deleting pod: ${namespace}/${name}`);
      return queue.done(queued);
    }
    const choice = chooseNode(pod, snapshot, profile, rotation, random);
    if ("failed" in choice) return giveUp(queued, choice.failed, profile);
    if ("noNodes" in choice) {
      // Any plugin may come to like a node that appears.
      queue.failed(queued, new Set(profile.filters.map(({ name }) => name)));
      nominator.set(pod, undefined);
      status.unschedulable(pod, "no nodes available to schedule pods", "");
      return;
    }
    nominator.delete(pod.key);
    track(bindings.start(queued, choice.node, profile));
  };
  const giveUp = (queued: QueuedPod, cycle: FailedCycle, profile: Profile) => {
    const { pod } = queued;
    let nominated: string | undefined;
    const messages: string[] = [];
    for (const { postFilter } of profile.postFilters) {
      const { message, nominatedNode } = postFilter(cycle);
      if (nominatedNode !== undefined) nominated = nominatedNode;
      if (message === "") {
        messages.length = 0;
        break;
      }
      messages.push(message);
    }
    queue.failed(queued, cycle.diagnosis.rejectedBy);
    if (nominated !== undefined) nominator.set(pod, nominated);
    status.unschedulable(pod, fitMessage(cycle.diagnosis, messages.join(", ")), nominated);
  };

  /** Ended pods are as good as gone: they take no room. */
  const present = (pod: AnyPod | undefined) => (pod && !isTerminal(pod) ? pod : undefined);
  const onPod = ({ before: had, after: has }: Change<Pod>) => {
    const before = present(had);
    const after = present(has);
    const key = keyOfEither(had, has);
    if (before && after && before.metadata?.uid !== after.metadata?.uid) {
      onPod({ before });
      onPod({ after });
    } else if (after?.spec?.nodeName) placedChanged(key, before, after);
    else if (before?.spec?.nodeName) placedGone(key, before);
    else if (after) waitingChanged(key, before, after);
    else if (before) waitingGone(key, before);
  };
  const placedChanged = (key: Key, before: AnyPod | undefined, after: AnyPod) => {
    state.setPod(key, podInfo(after, compiler));
    if (before?.spec?.nodeName) {
      for (const action of podChanges(before, after)) queue.move({ resource: "Pod", action, before, after });
      return;
    }
    queue.delete(key);
    nominator.delete(key);
    queue.move({ resource: "Pod", action: "add", after });
  };
  const placedGone = (key: Key, before: AnyPod) => {
    state.setPod(key, undefined);
    queue.move({ resource: "Pod", action: "delete", before });
  };
  const waitingChanged = (key: Key, before: AnyPod | undefined, after: AnyPod) => {
    if (!profileOf(after)) return;
    if (state.isAssumed(key)) {
      if (after.metadata?.deletionTimestamp !== undefined) state.forget(key);
      return;
    }
    const pod = podInfo(after, compiler);
    if (before === undefined || !queue.has(key)) queue.add(pod);
    else queue.update(before, pod);
    const wasNominated = before?.status?.nominatedNodeName ?? "";
    const isNominated = after.status?.nominatedNodeName ?? "";
    // What was decided meanwhile and is not yet shown stays.
    if (before === undefined || wasNominated !== isNominated) nominator.set(pod, isNominated);
    else if (nominator.nodeOf(key) !== undefined) nominator.set(pod, nominator.nodeOf(key));
    if (wasNominated !== "" && wasNominated !== isNominated && before) roomGivenUp(before);
  };
  const waitingGone = (key: Key, before: AnyPod) => {
    if (!profileOf(before)) return;
    queue.delete(key);
    nominator.delete(key);
    if (state.isAssumed(key)) {
      state.forget(key);
      queue.move({ resource: "Pod", action: "delete", before });
    } else if (before.status?.nominatedNodeName) roomGivenUp(before);
  };
  /** Those to whom the room was denied may have it now. */
  const roomGivenUp = (before: AnyPod) => {
    const priority = before.spec?.priority ?? 0;
    queue.move({ resource: "Pod", action: "delete", before }, (pod) => pod.priority <= priority);
  };
  const onNode = ({ before, after }: Change<Node>) => {
    const nodeName = (after ?? before)?.metadata?.name ?? "";
    if (!after) queue.move({ resource: "Node", action: "delete", before });
    state.setNode(nodeName, after);
    if (!after) return;
    const actions: ClusterEvent["action"][] = before ? nodeChanges(before, after) : ["add"];
    for (const action of actions) queue.move({ resource: "Node", action, before, after });
  };
  const onNamespace = ({ before, after }: Change<Namespace>) => {
    if (JSON.stringify(before?.metadata?.labels) !== JSON.stringify(after?.metadata?.labels)) state.namespaceChanged();
  };

  const subscriptions = [
    pods.subscribe(onPod),
    nodes.subscribe(onNode),
    namespaces.subscribe(onNamespace),
    ...subscribeToStorage(listers, (event) => queue.move(event)),
  ];
  const synced = Promise.all([pods, nodes, namespaces, ...Object.values(listers)].map((informer) => informer.synced)).then(() => {
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
      await Promise.all(working);
    },
  };
}

/** Each profile speaks under its own name: that of the scheduler which the pod asks for. */
function eventsByProfile(create: (component: string) => EventRecorder): EventRecorder {
  const recorders = new Map<string, EventRecorder>();
  return {
    event(about, ...said) {
      const name = (about.object as AnyPod).spec?.schedulerName ?? DEFAULT_NAME; // the scheduler speaks of pods only
      let recorder = recorders.get(name);
      if (!recorder) recorders.set(name, (recorder = create(name)));
      recorder.event(about, ...said);
    },
    flush: async () => {
      await Promise.all([...recorders.values()].map((recorder) => recorder.flush()));
    },
  };
}

function keyOfEither(before: AnyPod | undefined, after: AnyPod | undefined): Key {
  const metadata = (after ?? before)?.metadata;
  return makeKey(metadata?.namespace, metadata?.name ?? "");
}
