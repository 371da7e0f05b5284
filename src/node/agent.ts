// The node agent: what the kubelet is elsewhere. Registers a node and runs the pods bound to it through a Runtime.

import { arch as hostArch, cpus, hostname, platform, release, totalmem } from "node:os";
import type { Client } from "#client/client.ts";
import { Service, type Pod } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { makeKey } from "#meta/object.ts";
import { createEventRecorder, type EventRecorder } from "#reconcile/events.ts";
import type { Change, Informer } from "#reconcile/informer.ts";
import { podLogFolder, type AgentContext } from "./agent-context.ts";
import { type Heartbeat, registerNode } from "./node-registration.ts";
import { KUBELET_VERSION, type NodeFacts } from "./node-status.ts";
import { watchPodsOf, type PodSource } from "./pod-source.ts";
import type { PodObject } from "./pod/pod-view.ts";
import { createPodWorker, type PodWorker } from "./pod/pod-worker.ts";
import { createReferences } from "./references.ts";
import type { ContainerState, Runtime, Sandbox } from "./runtime.ts";

export interface NodeAgentOptions {
  readonly nodeName: string;
  readonly client: Client;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Absolute; the agent keeps pods' volumes and logs below it. Not used with virtual runtimes. */
  readonly dataDir: string;
  /** The node's pods; default: a watch of its own. */
  readonly pods?: PodSource;
  /** For service environment variables; absent: pods get only those of the API server. */
  readonly services?: Informer<Service>;
  /** Default: a recorder of its own as `kubelet` on this node. */
  readonly events?: EventRecorder;
  /** First is status.hostIP; default 127.0.0.1. */
  readonly addresses?: readonly string[];
  readonly podCidr?: string;
  /** Default: as the kubelet's. */
  readonly heartbeat?: Heartbeat | undefined;
  /** Port of the node's HTTPS API, once something serves it. */
  readonly kubeletPort?: number;
  readonly nodeLabels?: Readonly<Record<string, string>>;
  readonly nodeAnnotations?: Readonly<Record<string, string>>;
  /** Default: this machine's CPUs and memory, 110 pods. */
  readonly capacity?: Readonly<Record<string, string>>;
  /** Where pods reach the API server. */
  readonly apiServerAddress?: { readonly host: string; readonly port: number };
  /** Resolves when no balancer sends the pod new connections any more (endpoint-drain.ts). */
  readonly waitForEndpointRemoval?: (pod: PodObject) => Promise<void>;
}

export interface ContainerChoice {
  /** The attempt before the current one. */
  readonly previous?: boolean;
}

export interface NodeAgent extends AsyncDisposable {
  readonly nodeName: string;
  readonly runtime: Runtime;
  /** Resolves when the node is in the API. */
  readonly registered: Promise<void>;
  /** A pod of this node, as last seen. */
  pod(namespace: string, name: string): PodObject | undefined;
  pods(): readonly PodObject[];
  sandboxId(namespace: string, name: string): string | undefined;
  /** The runtime's state of a container's newest attempt, or the one before. */
  container(namespace: string, name: string, container: string, choice?: ContainerChoice): Promise<ContainerState | undefined>;
  containerId(namespace: string, name: string, container: string, choice?: ContainerChoice): Promise<string | undefined>;
  /** The container's log file (for readLogs); undefined if it never started. */
  logPath(namespace: string, name: string, container: string, choice?: ContainerChoice): Promise<string | undefined>;
  /** Ends the agent; its pods go on unless `killPods`. */
  stop(options?: { readonly killPods?: boolean }): Promise<void>;
}

export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const { nodeName, client, runtime, clock, random } = options;
  const log = options.log.with({ node: nodeName });
  const stopEvents = new AbortController();
  const facts = factsOf(options);
  const workers = new Map<string, PodWorker>();
  const references = createReferences({ client, clock, log, random, onChange: (uid) => workers.get(uid)?.referencesChanged() });
  options.services?.addIndex("namespace", (service) => [service.metadata?.namespace ?? ""]);
  const context: AgentContext = {
    nodeName,
    client,
    clock,
    log,
    random,
    runtime,
    references,
    events:
      options.events ??
      createEventRecorder({ client, clock, log, random, component: "kubelet", host: nodeName, signal: stopEvents.signal }),
    dataDir: options.dataDir,
    hostIps: facts.addresses,
    allocatable: facts.allocatable,
    services: (namespace) => options.services?.byIndex("namespace", namespace) ?? [],
    apiServerAddress: options.apiServerAddress,
    waitForEndpointRemoval: options.waitForEndpointRemoval,
  };

  /** Sandboxes found at start that no pod has claimed yet. */
  const unclaimed = new Map<string, Sandbox>();
  for (const { podUid, ...sandbox } of await runtime.listSandboxes()) unclaimed.set(podUid, sandbox);

  const onGone = (worker: PodWorker) => {
    if (workers.get(worker.uid) === worker) workers.delete(worker.uid);
  };
  const onPod = (change: Change<Pod>) => {
    const { before, after } = change;
    // A pod of the same name that was made anew is another pod.
    if (before !== undefined && before.metadata?.uid !== after?.metadata?.uid) workers.get(before.metadata?.uid ?? "")?.removed();
    if (after === undefined) return;
    const uid = after.metadata?.uid ?? "";
    const worker = workers.get(uid);
    if (worker !== undefined) return worker.update(after);
    const isOver = after.status?.phase === "Succeeded" || after.status?.phase === "Failed";
    const sandbox = unclaimed.get(uid);
    unclaimed.delete(uid);
    // Ended pods that left nothing here need nobody, until they are deleted.
    if (isOver && sandbox === undefined && after.metadata?.deletionTimestamp === undefined) return;
    const created = createPodWorker(after, context, { sandbox, onGone });
    workers.set(uid, created);
    created.kick();
  };

  const pods = options.pods ?? watchPodsOf(nodeName, { client, clock, log, random });
  const runtimeChanges = runtime.onChange((uid) => workers.get(uid)?.kick());
  const subscription = pods.subscribe(onPod);
  const registration = registerNode({ facts, client, clock, log, random, heartbeat: options.heartbeat });
  let stopped = false;
  const cleaned = pods.synced.then(async () => {
    if (stopped) return;
    for (const [uid, sandbox] of unclaimed) {
      log.info("removing what is left of an unknown pod", { uid });
      await removePod(runtime, uid, sandbox.id);
    }
    unclaimed.clear();
  });
  cleaned.catch((error: unknown) => log.error("cannot remove what unknown pods left", { error }));

  const workerOf = (namespace: string, name: string): PodWorker | undefined => {
    const key = makeKey(namespace, name);
    let found: PodWorker | undefined;
    // While a pod of this name ends, its successor may be here already: the one in the API is meant.
    for (const worker of workers.values())
      if (worker.key === key && (found === undefined || pods.get(key)?.metadata?.uid === worker.uid)) found = worker;
    return found;
  };
  const container = async (namespace: string, name: string, wanted: string, choice: ContainerChoice = {}) => {
    const worker = workerOf(namespace, name);
    if (worker === undefined) return undefined;
    const attempts = (await runtime.listContainers(worker.uid))
      .filter((state) => state.name === wanted)
      .toSorted((a, b) => b.attempt - a.attempt);
    return attempts[choice.previous ? 1 : 0];
  };

  const agent: NodeAgent = {
    nodeName,
    runtime,
    registered: registration.registered,
    pod: (namespace, name) => workerOf(namespace, name)?.pod ?? pods.get(makeKey(namespace, name)),
    pods: () => Array.from(workers.values(), (worker) => worker.pod),
    sandboxId: (namespace, name) => workerOf(namespace, name)?.sandbox?.id,
    container,
    containerId: async (...args) => (await container(...args))?.id,
    async logPath(namespace, name, wanted, choice) {
      const state = await container(namespace, name, wanted, choice);
      const pod = workerOf(namespace, name)?.pod;
      return state && pod && `${podLogFolder(options.dataDir, pod)}/${wanted}/${state.attempt}.log`;
    },
    async stop({ killPods = false } = {}) {
      if (stopped) return;
      stopped = true;
      subscription[Symbol.dispose]();
      runtimeChanges[Symbol.dispose]();
      await Promise.all([registration.stop(), ...Array.from(workers.values(), (worker) => worker.stop())]);
      if (options.pods === undefined) await pods[Symbol.asyncDispose]();
      if (killPods) await Promise.all(Array.from(workers.keys(), (uid) => stopPod(runtime, uid)));
      workers.clear();
      await references[Symbol.asyncDispose]();
      stopEvents.abort();
    },
    [Symbol.asyncDispose]: () => agent.stop(),
  };
  return agent;
}

/** Everything of the pod at once; what is in the API stays as it is. */
async function stopPod(runtime: Runtime, uid: string): Promise<void> {
  await Promise.all((await runtime.listContainers(uid)).map(({ id }) => runtime.stopContainer(id, 0)));
}

async function removePod(runtime: Runtime, uid: string, sandboxId: string): Promise<void> {
  await stopPod(runtime, uid);
  for (const { id } of await runtime.listContainers(uid)) await runtime.removeContainer(id);
  await runtime.removeSandbox(sandboxId);
}

/** This machine's CPUs and memory, 110 pods. Reading them takes a while: whoever starts many agents does it once. */
export function hostCapacity(): Readonly<Record<string, string>> {
  return {
    cpu: String(cpus().length),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: "110",
    "ephemeral-storage": "100Gi",
  };
}

function factsOf(options: NodeAgentOptions): NodeFacts {
  const capacity = options.capacity ?? hostCapacity();
  const architecture = hostArch() === "x64" ? "amd64" : hostArch();
  const operatingSystem = platform() === "win32" ? "windows" : platform();
  return {
    name: options.nodeName,
    labels: options.nodeLabels ?? {},
    annotations: options.nodeAnnotations ?? {},
    capacity,
    allocatable: capacity,
    addresses: options.addresses ?? ["127.0.0.1"],
    kubeletPort: options.kubeletPort,
    podCidr: options.podCidr,
    info: {
      machineID: hostname(),
      systemUUID: hostname(),
      bootID: hostname(),
      kernelVersion: release(),
      osImage: `${platform()} ${release()}`,
      containerRuntimeVersion: `${options.runtime.name}://${options.runtime.version}`,
      kubeletVersion: KUBELET_VERSION,
      kubeProxyVersion: "",
      operatingSystem,
      architecture,
    },
  };
}
