// For stories about workloads: a real API server, the workload controllers, the scheduler and nodes with the simulated
// runtime, all on one virtual clock.

import { Deployment, ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { Pod, type PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { nodeLifecycleController } from "#controllers/node/node-lifecycle.ts";
import { deploymentController } from "#kinds/apps/deployment/controller.ts";
import { replicaSetController } from "#kinds/apps/replica-set/controller.ts";
import { endpointsController } from "#kinds/core/endpoints/controller.ts";
import { endpointSliceController } from "#kinds/discovery/endpoint-slice/controller.ts";
import { startAgentServer } from "#harness/agent-server.ts";
import type { Client } from "#client/client.ts";
import { createVirtualClock, type VirtualClock } from "#lib/clock.ts";
import { createLogger, silentLogger } from "#lib/log.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import type { DeepReadonly, Key, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { type NodeAgent, startNodeAgent } from "#node/agent.ts";
import { createSimulatedRuntime } from "#node/simulated-runtime/simulated-runtime.ts";
import { startScheduler } from "#scheduler/scheduler.ts";
import type { ControllerDefinition, LoopDefinition } from "#reconcile/controller.ts";
import { runControllers, type RunningControllers } from "#reconcile/run-controllers.ts";

export const NAMESPACE = "default";

export interface WorkloadCluster extends AsyncDisposable {
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly running: RunningControllers;
  /** Moves time on in steps until `condition` holds; fails after `withinMs` of virtual time. */
  eventually(what: string, condition: () => Promise<boolean>, withinMs?: number): Promise<void>;
  /** Creates an object and gives it as stored. */
  make<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  /** Adds a node with the simulated runtime. */
  addNode(name: string, options?: { labels?: Record<string, string>; capacity?: Record<string, string> }): Promise<void>;
  /** The node's agent stops without a word; its pods go on running. */
  killAgent(name: string): Promise<void>;
  /** Another agent takes the node over, with the pods that run there. */
  startAgent(name: string): Promise<void>;
  deployment(name?: string): Promise<Deployment>;
  sets(): Promise<ReplicaSet[]>;
  pods(): Promise<Pod[]>;
  /** Changes the Deployment `web` as kubectl would, by a merge patch. */
  patch(patch: object): Promise<void>;
  /** The rollout of the Deployment is complete, as `kubectl rollout status` sees it. */
  rolledOut(withinMs?: number): Promise<void>;
}

export const KEY: Key = `${NAMESPACE}/web` as Key;

export interface WorkloadOptions {
  /** To run beside those of Deployments, services and nodes. */
  readonly controllers?: readonly ControllerDefinition[];
  readonly loops?: readonly LoopDefinition[];
  /** To run in place of those of Deployments, services and nodes. */
  readonly instead?: readonly ControllerDefinition[];
  /** How controllers, scheduler and agents reach the server; default: as the test does. */
  readonly via?: (client: Client, clock: VirtualClock) => Client;
}

export async function startWorkloads(nodes: number, options: WorkloadOptions = {}): Promise<WorkloadCluster> {
  const clock = createVirtualClock();
  const server = await startAgentServer(clock);
  const { client } = server;
  const via = (direct: Client) => options.via?.(direct, clock) ?? direct;
  const reached = via(client);
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647; // Park and Miller: repeatable
  const lines: string[] = [];
  const log = createLogger({ level: process.env["LOG"] ? "debug" : "warn", write: (line) => void lines.push(line), now: clock.now });
  const running = await runControllers({
    controllers: [
      ...(options.instead ?? [
        deploymentController,
        replicaSetController,
        endpointSliceController,
        endpointsController,
        nodeLifecycleController(),
      ]),
      ...(options.controllers ?? []),
    ],
    loops: options.loops ?? [],
    clientFor: () => reached,
    clock,
    log,
    random,
    freeze: true,
  });
  const scheduler = startScheduler({ client: reached, clock, informers: running.informers, log, random });
  let synced = false;
  const syncing = Promise.all([running.synced, scheduler.synced]).finally(() => (synced = true));
  // Over a bad network caches are filled after some waits.
  while (!synced && options.via) await clock.advance(1_000);
  await syncing;
  const starts = new Map<string, () => Promise<NodeAgent>>();
  const agents = new Map<string, NodeAgent>();
  const eventually: WorkloadCluster["eventually"] = async (what, condition, withinMs = 60_000) => {
    const deadline = clock.now() + withinMs;
    for (let step = 0; !(await condition()); step = Math.min(step * 2 + 1, 250)) {
      if (clock.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${lines.slice(-2).join("\n").slice(0, 1500)}`);
      await clock.advance(step);
    }
  };
  /** Some waits that end with what was under way are on the clock. */
  const during = async (work: Promise<unknown>) => {
    let over = false;
    const ending = work.finally(() => (over = true));
    ending.catch(() => {}); // told below
    await new Promise((resolve) => setImmediate(resolve));
    while (!over) await clock.advance(100);
    await ending;
  };
  const cluster: WorkloadCluster = {
    client,
    clock,
    running,
    eventually,
    make: (resource, object) => client.create(resource, object),
    async addNode(name, options = {}) {
      const runtime = createSimulatedRuntime({ clock, podCidr: `10.9.${starts.size}.0/24` });
      starts.set(name, () =>
        startNodeAgent({
          nodeName: name,
          client: via(server.nodeClient(name)),
          runtime,
          clock,
          log: silentLogger,
          random: () => 0.5,
          dataDir: "/nowhere", // virtual runtimes keep no files
          capacity: { cpu: "4", memory: "8Gi", pods: "110", ...options.capacity },
          nodeLabels: { "kubernetes.io/hostname": name, ...options.labels },
        }),
      );
      await cluster.startAgent(name);
    },
    async startAgent(name) {
      const agent = await starts.get(name)?.();
      if (!agent) throw new Error(`no node ${name}`);
      agents.set(name, agent);
      await during(agent.registered);
    },
    async killAgent(name) {
      const agent = agents.get(name);
      agents.delete(name);
      if (agent) await during(agent.stop());
    },
    deployment: (name = "web") => client.get(Deployment, `${NAMESPACE}/${name}` as Key),
    sets: async () => (await client.list(ReplicaSet, { namespace: NAMESPACE })).items,
    pods: async () => (await client.list(Pod, { namespace: NAMESPACE })).items,
    async patch(patch) {
      await client.patch(Deployment, KEY, patch, { type: "merge" });
    },
    rolledOut: (withinMs) =>
      eventually(
        "rollout is complete",
        async () => {
          const { metadata, spec, status } = await client.get(Deployment, KEY);
          const wanted = spec?.replicas ?? 0;
          return (
            status?.observedGeneration === metadata?.generation &&
            (status?.updatedReplicas ?? 0) === wanted &&
            (status?.replicas ?? 0) === wanted &&
            (status?.availableReplicas ?? 0) === wanted
          );
        },
        withinMs,
      ),
    async [Symbol.asyncDispose]() {
      const stop = async () => {
        await Promise.all(Array.from(agents.values(), (agent) => agent.stop()));
        await scheduler.stop();
        await running.stop();
        await server[Symbol.asyncDispose]();
      };
      await during(stop());
    },
  };
  for (let index = 0; index < nodes; index++) await cluster.addNode(`n${index}`);
  return cluster;
}

export const LABELS = { app: "web" };

export function template(version: string, more: Partial<NonNullable<PodTemplateSpec["spec"]>> = {}): PodTemplateSpec {
  return {
    metadata: { labels: LABELS, annotations: { "kobune.dev/start-ms": "200", "kobune.dev/ready-after-ms": "700" } },
    spec: {
      containers: [
        {
          name: "c",
          image: `web:${version}`,
          ports: [{ name: "http", containerPort: 8080 }],
          readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1 },
        },
      ],
      ...more,
    },
  };
}

export function isReady(pod: DeepReadonly<Pod>): boolean {
  return isConditionTrue(pod.status?.conditions, "Ready") && pod.metadata?.deletionTimestamp === undefined;
}

/** Counts pods at each change of any of them, as the shared cache shows it. */
export function watchCounts(cluster: WorkloadCluster, onCount: (counts: { ready: number; alive: number }) => void): Disposable {
  const informer = cluster.running.informers.informer(Pod);
  return informer.subscribe(() => {
    const pods = informer.list({ namespace: NAMESPACE }).filter((pod) => pod.metadata?.deletionTimestamp === undefined);
    onCount({ ready: pods.filter(isReady).length, alive: pods.length });
  });
}
