// The nodes of a cluster in this process: agents with their runtimes, and the service proxy for process pods.

import { join } from "node:path";
import type { Certificates } from "#apiserver/auth/certificates.ts";
import type { Client } from "#client/client.ts";
import { Node, Pod, Service } from "#kinds/api/core-v1.gen.ts";
import { LOCAL_PATH_FOLDER } from "#kinds/storage/local-path/local-path.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { type DeepReadonly, keyOf } from "#meta/object.ts";
import { startServiceProxy } from "#network/proxy/service-proxy.ts";
import { hostCapacity, type NodeAgent, startNodeAgent } from "#node/agent.ts";
import { createEndpointDrain, type EndpointDrain } from "#node/endpoint-drain.ts";
import { createPodRouter } from "#node/pod-source.ts";
import { createProcessRuntime } from "#node/process-runtime/process-runtime.ts";
import { joinAccess, podAccessOf } from "#node/server/agent-access.ts";
import { startNodeServer } from "#node/server/node-server.ts";
import type { PodAccess } from "#node/server/pod-access.ts";
import type { NodeReading } from "#kinds/metrics/node-reading.ts";
import { usageReport } from "#node/server/usage-report.ts";
import { createSimulatedRuntime } from "#node/simulated-runtime/simulated-runtime.ts";
import { localPathKeeper } from "#node/volumes/local-path.ts";
import { createEventRecorder } from "#reconcile/events.ts";
import { createInformerSet, type Informer, type InformerSet } from "#reconcile/informer.ts";
import { runControllers } from "#reconcile/run-controllers.ts";
import type { AddressPlan } from "./address-plan.ts";
import { controllerIdentity } from "./identities.ts";

export interface NodesOptions {
  readonly clientFor: (user: { readonly name: string; readonly groups?: readonly string[] }) => Client;
  readonly certificates: Certificates;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly plan: AddressPlan;
  readonly dataDir: string;
  readonly runtime: "process" | "simulated";
  readonly count: number;
  readonly apiServer: { readonly host: string; readonly port: number };
  /** Whether nodes serve the kubelet's API on ports of their own. */
  readonly sockets: boolean;
}

export interface RunningNodes {
  readonly names: readonly string[];
  /** Resolves when every node says that it is ready and Services are served. */
  readonly ready: Promise<void>;
  /** What a node and its containers use now; undefined for nodes that are not of this process. */
  readonly readUsage: (node: string) => Promise<NodeReading> | undefined;
  /** Ends all pods of these nodes and everything else that was started. */
  stop(): Promise<void>;
}

/** Longest a pod that terminates waits for the proxies to let go of it. */
const DRAIN_MS = 5_000;

/** Resolves when the nodes are being registered; see `ready` for when they can be used. */
export async function startNodes(options: NodesOptions): Promise<RunningNodes> {
  const { certificates, clientFor, clock, log, plan, random } = options;
  const isProcess = options.runtime === "process";
  const names = Array.from({ length: options.count }, (_, index) => nodeName(index));
  await using stack = new AsyncDisposableStack();
  // What all nodes of this process look at is watched once.
  const informers = stack.use(createInformerSet({ client: clientFor(nodeIdentity("shared")), clock, log, random }));
  const nodes = informers.informer(Node);
  const services = informers.informer(Service);
  const drain = isProcess ? createEndpointDrain({ informers, clock }) : undefined;
  const pods = isProcess ? undefined : stack.use(createPodRouter(informers.informer(Pod)));
  const agents: NodeAgent[] = [];
  const capacity = hostCapacity();
  const volumeFolder = (name: string) => join(options.dataDir, "nodes", name, "local-path");
  // Nodes may not look at volumes that no pod of theirs uses: their folders are seen to in the provisioner's name.
  const keeper = localPathKeeper(new Map(names.map((name) => [name, isProcess ? volumeFolder(name) : undefined])));
  const volumeKeepers = await runControllers({
    controllers: [keeper],
    clientFor: () => clientFor(controllerIdentity("local-path-provisioner")),
    clock,
    log: log.with({ component: "local-path" }),
    random,
  });
  stack.use(volumeKeepers);
  // Servers start before the agents, which tell the API their port; who asks for a pod meanwhile is told that there is none.
  const reachable: PodAccess[] = [];
  const byName = new Map<string, PodAccess>();
  stack.defer(async () => {
    await Promise.all(agents.map((agent) => agent.stop({ killPods: true })));
  });
  const serve = async (name: string, host: string, access: PodAccess) => {
    if (!options.sockets) return undefined;
    const serving = await certificates.issueServing({
      file: `node-${name}.pem`,
      commonName: `system:node:${name}`,
      organizations: ["system:nodes"],
      names: [name, host],
    });
    return stack.use(
      await startNodeServer({
        access,
        host,
        port: 0,
        tls: { cert: serving.certificate, key: serving.key, clientCa: certificates.caCertificate },
        log: log.with({ component: "node-server", node: name }),
        clock,
      }),
    );
  };
  // Simulated nodes have no address of their own: one server answers for all of them.
  const shared = isProcess || names.length === 0 ? undefined : await serve("simulated", LOCALHOST, joinAccess(reachable, names[0] ?? ""));
  await Promise.all(
    names.map(async (name, index) => {
      const address = isProcess ? plan.nodeAddress(index) : LOCALHOST;
      const podCidr = plan.podCidr(index);
      const dataDir = join(options.dataDir, "nodes", name);
      const own: PodAccess[] = [];
      const [runtime, server] = await Promise.all([
        isProcess
          ? createProcessRuntime({ dataDir, podCidr, hostAddress: address, clock, log: log.with({ component: "runtime", node: name }) })
          : createSimulatedRuntime({ clock, podCidr, hostAddress: address }),
        shared ?? serve(name, address, joinAccess(own, name)),
      ]);
      stack.use(runtime);
      const agent = await startNodeAgent({
        nodeName: name,
        client: clientFor(nodeIdentity(name)),
        runtime,
        clock,
        log: log.with({ component: "node" }),
        random,
        dataDir,
        services,
        addresses: [address],
        capacity,
        podCidr,
        kubeletPort: server?.port ?? NOMINAL_PORT,
        ...(isProcess ? { nodeAnnotations: { [LOCAL_PATH_FOLDER]: volumeFolder(name) } } : {}),
        apiServerAddress: options.apiServer,
        ...(isProcess ? {} : { heartbeat: SIMULATED_HEARTBEAT }),
        ...(pods ? { pods: pods.forNode(name) } : {}),
        ...(drain ? { waitForEndpointRemoval: (pod) => waitUntilDrained(drain, pod, log) } : {}),
      });
      const access = podAccessOf(agent);
      own.push(access);
      reachable.push(access);
      byName.set(name, access);
      agents.push(agent);
    }),
  );
  const proxy = isProcess ? startProxy(names, informers, options) : undefined;
  if (proxy) stack.defer(() => proxy.stop());
  const parts = stack.move();
  return {
    names,
    readUsage(node) {
      const access = byName.get(node);
      return access && usageReport(access, clock.now);
    },
    ready: Promise.all([allReady(names, nodes), proxy?.synced]).then(() => {}),
    stop: () => parts.disposeAsync(),
  };
}

/** Nobody but this process can silence simulated nodes: a renewal every 30 s is in time for the node controller's grace of 50 s. */
const SIMULATED_HEARTBEAT = { leaseSeconds: 120, slotMs: 5_000 };
const LOCALHOST = "127.0.0.1";
/** Upstream's, for nodes that do not listen. */
const NOMINAL_PORT = 10_250;

async function waitUntilDrained(drain: EndpointDrain, pod: DeepReadonly<Pod>, log: Logger): Promise<void> {
  const graceMs = (pod.metadata?.deletionGracePeriodSeconds ?? 30) * 1000;
  if (await drain.drained(pod.metadata?.uid ?? "", Math.min(DRAIN_MS, graceMs))) return;
  log.warn("a proxy did not let go of a terminating pod in time", { pod: keyOf(pod) });
}

function startProxy(names: readonly string[], informers: InformerSet, options: NodesOptions) {
  const { clientFor, clock, plan, random } = options;
  const client = clientFor({ name: "system:kube-proxy" });
  const log = options.log.with({ component: "proxy" });
  return startServiceProxy({
    client,
    informers,
    events: createEventRecorder({ client, clock, log, random, component: "kube-proxy" }),
    clock,
    log,
    random,
    name: "service-proxy",
    nodeAddresses: [LOCALHOST, ...names.map((_, index) => plan.nodeAddress(index))],
  });
}

function allReady(names: readonly string[], nodes: Informer<Node>): Promise<void> {
  return new Promise((resolve) => {
    const waiting = new Set(names);
    if (waiting.size === 0) return resolve();
    const subscription: Disposable = nodes.subscribe(({ after }) => {
      if (isConditionTrue(after?.status?.conditions, "Ready")) waiting.delete(after?.metadata?.name ?? "");
      if (waiting.size > 0) return;
      // The first call may come before there is a subscription to end.
      queueMicrotask(() => subscription[Symbol.dispose]());
      resolve();
    });
  });
}

/** The same for each position whatever the count, so that a cluster can be started with more nodes than it had. */
function nodeName(index: number): string {
  return index === 0 ? "kobune" : `kobune-${index + 1}`;
}

function nodeIdentity(name: string): { name: string; groups: string[] } {
  return { name: `system:node:${name}`, groups: ["system:nodes"] };
}
