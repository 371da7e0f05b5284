// For stories about the scheduler alone: a real API server and the scheduler on a virtual clock, nodes that are objects only.

import { Event, Node, Pod, type PodSpec } from "#kinds/api/core-v1.gen.ts";
import { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { startAgentServer } from "#harness/agent-server.ts";
import type { Client } from "#client/client.ts";
import { createVirtualClock, type VirtualClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { getCondition } from "#meta/conditions.ts";
import type { Key } from "#meta/object.ts";
import { createInformerSet } from "#reconcile/informer.ts";
import { type SchedulerOptions, startScheduler } from "#scheduler/scheduler.ts";

export interface SchedulingCluster extends AsyncDisposable {
  readonly client: Client;
  readonly clock: VirtualClock;
  addNode(name: string, options?: { labels?: Record<string, string>; cpu?: string }): Promise<void>;
  makePod(name: string, spec?: Partial<PodSpec>, labels?: Record<string, string>): Promise<Pod>;
  pod(name: string): Promise<Pod>;
  /** Lets all that can happen now happen. */
  settle(ms?: number): Promise<void>;
  nodeOf(name: string): Promise<string | undefined>;
  /** Reason and message of the condition PodScheduled. */
  why(name: string): Promise<readonly [reason: string | undefined, message: string | undefined]>;
  /** `reason: message` of the events about a pod, repeats once. */
  events(name: string): Promise<string[]>;
}

const keyed = (name: string): Key => `default/${name}`;

export const asking = (cpu: string, more: Partial<PodSpec> = {}): Partial<PodSpec> => ({
  containers: [{ name: "c", image: "x", resources: { requests: { cpu } } }],
  ...more,
});

export async function startScheduling(options: Pick<SchedulerOptions, "configuration"> = {}): Promise<SchedulingCluster> {
  const clock = createVirtualClock();
  const server = await startAgentServer(clock);
  const { client } = server;
  const random = () => 0.5;
  const informers = createInformerSet({ client, clock, log: silentLogger, random, freeze: true });
  const scheduler = startScheduler({ client, clock, informers, log: silentLogger, random, ...options });
  await scheduler.synced;
  for (const [name, value] of [
    ["high", 1000],
    ["low", -10],
  ] as const)
    await client.create(PriorityClass, { metadata: { name }, value });
  const settle = (ms = 100) => clock.advance(ms);
  return {
    client,
    clock,
    settle,
    async addNode(name, { labels = {}, cpu = "4" } = {}) {
      const amounts = { cpu, memory: "8Gi", pods: "110" };
      const node = await client.create(Node, {
        metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
        status: { capacity: amounts, allocatable: amounts },
      });
      if (node.spec?.taints) await client.patch(Node, `/${name}`, { spec: { taints: null } });
    },
    makePod: (name, spec = {}, labels = {}) =>
      client.create(Pod, {
        metadata: { name, namespace: "default", labels },
        spec: { containers: [{ name: "c", image: "x" }], terminationGracePeriodSeconds: 0, ...spec },
      }),
    pod: (name) => client.get(Pod, keyed(name)),
    async nodeOf(name) {
      await settle();
      return (await client.get(Pod, keyed(name))).spec?.nodeName;
    },
    async why(name) {
      await settle();
      const condition = getCondition((await client.get(Pod, keyed(name))).status?.conditions, "PodScheduled");
      return [condition?.reason, condition?.message];
    },
    async events(name) {
      await settle();
      const { items } = await client.list(Event, { namespace: "default" });
      return items
        .filter(({ involvedObject }) => involvedObject.name === name)
        .map(({ reason, message }) => `${reason ?? ""}: ${message ?? ""}`);
    },
    async [Symbol.asyncDispose]() {
      let stopped = false;
      const stopping = (async () => {
        await scheduler.stop();
        await informers[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      })().finally(() => (stopped = true));
      while (!stopped) await clock.advance(100);
      await stopping;
    },
  };
}
