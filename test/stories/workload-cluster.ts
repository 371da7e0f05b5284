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
}

export async function startWorkloads(nodes: number, options: WorkloadOptions = {}): Promise<WorkloadCluster> {
  const clock = createVirtualClock();
  const server = await startAgentServer(clock);
  const { client } = server;
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647; // Park and Miller: repeatable
  const lines: string[] = [];
  const log = createLogger({ level: process.env["LOG"] ? "debug" : "warn", write: (line) => void lines.push(line), now: clock.now });
  const running = await runControllers({
    controllers: [
      deploymentController,
      replicaSetController,
      endpointSliceController,
      endpointsController,
      nodeLifecycleController(),
      ...(options.controllers ?? []),
    ],
    loops: options.loops ?? [],
    clientFor: () => client,
    clock,
    log,
    random,
    freeze: true,
  });
  const scheduler = startScheduler({ client, clock, informers: running.informers, log, random });
  await Promise.all([running.synced, scheduler.synced]);
  const agents: NodeAgent[] = [];
  const eventually: WorkloadCluster["eventually"] = async (what, condition, withinMs = 60_000) => {
    const deadline = clock.now() + withinMs;
    for (let step = 0; !(await condition()); step = Math.min(step * 2 + 1, 250)) {
      if (clock.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${lines.slice(-2).join("\n").slice(0, 1500)}`);
      await clock.advance(step);
    }
  };
  const cluster: WorkloadCluster = {
    client,
    clock,
    running,
    eventually,
    make: (resource, object) => client.create(resource, object),
    async addNode(name, options = {}) {
      const runtime = createSimulatedRuntime({ clock, podCidr: `10.9.${agents.length}.0/24` });
      const agent = await startNodeAgent({
        nodeName: name,
        client: server.nodeClient(name),
        runtime,
        clock,
        log: silentLogger,
        random: () => 0.5,
        dataDir: "/nowhere", // virtual runtimes keep no files
        capacity: { cpu: "4", memory: "8Gi", pods: "110", ...options.capacity },
        nodeLabels: { "kubernetes.io/hostname": name, ...options.labels },
      });
      agents.push(agent);
      await agent.registered;
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
      let stopped = false;
      const stop = async () => {
        await Promise.all(agents.map((agent) => agent.stop()));
        await scheduler.stop();
        await running.stop();
        await server[Symbol.asyncDispose]();
      };
      const stopping = stop().finally(() => (stopped = true));
      // Some waits that end with what was under way are on the clock.
      while (!stopped) await clock.advance(100);
      await stopping;
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
