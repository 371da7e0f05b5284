// The nodes of a cluster in this process: agents with their runtimes, and the service proxy for process pods.

import { join } from "node:path";
import type { Certificates } from "#apiserver/auth/certificates.ts";
import type { Client } from "#client/client.ts";
import { Node, Service } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { startServiceProxy } from "#network/proxy/service-proxy.ts";
import { type NodeAgent, startNodeAgent } from "#node/agent.ts";
import { createEndpointDrain } from "#node/endpoint-drain.ts";
import { createProcessRuntime } from "#node/process-runtime/process-runtime.ts";
import { createEventRecorder } from "#reconcile/events.ts";
import { createInformerSet } from "#reconcile/informer.ts";
import type { AddressPlan } from "./address-plan.ts";

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
}

export interface RunningNodes {
  readonly names: readonly string[];
  /** Resolves when every node says that it is ready and Services are served. */
  readonly ready: Promise<void>;
  /** Ends all pods of these nodes and everything else that was started. */
  stop(): Promise<void>;
}

/** Longest a pod that terminates waits for the proxies to let go of it. */
const DRAIN_MS = 5_000;

export async function startNodes(options: NodesOptions): Promise<RunningNodes> {
  const { clientFor, clock, log, plan, random } = options;
  const names = Array.from({ length: options.count }, (_, index) => nodeName(index, options.count));
  await using stack = new AsyncDisposableStack();
  // What all nodes of this process look at is watched once.
  const informers = stack.use(createInformerSet({ client: clientFor(nodeIdentity("kobune")), clock, log, random }));
  const nodes = informers.informer(Node);
  const drain = createEndpointDrain({ informers, clock });
  const agents: NodeAgent[] = [];
  stack.defer(async () => {
    await Promise.all(agents.map((agent) => agent.stop({ killPods: true })));
  });
  await Promise.all(
    names.map(async (name, index) => {
      const address = plan.nodeAddress(index);
      const runtime = await createProcessRuntime({
        dataDir: join(options.dataDir, "nodes", name),
        podCidr: plan.podCidr(index),
        hostAddress: address,
        clock,
        log: log.with({ component: "runtime", node: name }),
      });
      stack.use(runtime);
      const agent = await startNodeAgent({
        nodeName: name,
        client: clientFor(nodeIdentity(name)),
        runtime,
        clock,
        log: log.with({ component: "node" }),
        random,
        dataDir: join(options.dataDir, "nodes", name),
        services: informers.informer(Service),
        addresses: [address],
        podCidr: plan.podCidr(index),
        apiServerAddress: options.apiServer,
        waitForEndpointRemoval: async (pod) => {
          const graceMs = (pod.metadata?.deletionGracePeriodSeconds ?? 30) * 1000;
          const drained = await drain.drained(pod.metadata?.uid ?? "", Math.min(DRAIN_MS, graceMs));
          if (!drained)
            log.warn("a proxy did not let go of a terminating pod in time", { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}` });
        },
      });
      agents.push(agent);
    }),
  );
  const proxyClient = clientFor({ name: "system:kube-proxy" });
  const proxyLog = log.with({ component: "proxy" });
  const proxy = startServiceProxy({
    client: proxyClient,
    informers,
    events: createEventRecorder({ client: proxyClient, clock, log: proxyLog, random, component: "kube-proxy" }),
    clock,
    log: proxyLog,
    random,
    name: "service-proxy",
    nodeAddresses: ["127.0.0.1", ...names.map((_, index) => plan.nodeAddress(index))],
  });
  stack.defer(() => proxy.stop());
  const allReady = new Promise<void>((resolve) => {
    const waiting = new Set(names);
    const subscription = nodes.subscribe(({ after }) => {
      if (isConditionTrue(after?.status?.conditions, "Ready")) waiting.delete(after?.metadata?.name ?? "");
      if (waiting.size > 0) return;
      queueMicrotask(() => subscription[Symbol.dispose]());
      resolve();
    });
    if (waiting.size === 0) resolve();
  });
  const parts = stack.move();
  return {
    names,
    ready: Promise.all([allReady, proxy.synced]).then(() => {}),
    stop: () => parts.disposeAsync(),
  };
}

function nodeName(index: number, count: number): string {
  return count === 1 ? "kobune" : `kobune-${index + 1}`;
}

function nodeIdentity(name: string): { name: string; groups: string[] } {
  return { name: `system:node:${name}`, groups: ["system:nodes"] };
}
