// A cluster whose days pass in seconds: Deployments, CronJobs and autoscalers that follow a daily load, on simulated nodes and a virtual clock.
// With one seed it does the same each time: its history can be compared byte by byte.

import { createHash } from "node:crypto";
import type { Client } from "#client/client.ts";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { HorizontalPodAutoscaler } from "#kinds/api/autoscaling-v2.gen.ts";
import { CronJob } from "#kinds/api/batch-v1.gen.ts";
import { Namespace, Pod } from "#kinds/api/core-v1.gen.ts";
import { createVirtualClock, type VirtualClock } from "#lib/clock.ts";
import { startCluster } from "#main/cluster.ts";
import { keyOf } from "#meta/object.ts";
import { createMemoryStore } from "#store/memory-store.ts";
import type { StoreEvent } from "#store/store.ts";

export interface VirtualDaySize {
  readonly seed: number;
  readonly nodes: number;
  readonly deployments: number;
  readonly cronJobs: number;
  /** So many of the Deployments have one. */
  readonly autoscalers: number;
  /** Has the cluster's certificates: its keys come from no seed. */
  readonly folder: string;
}

export interface VirtualCluster {
  readonly clock: VirtualClock;
  readonly client: Client;
  /** Called for every event of the store from now on; disposing ends it. */
  watch(onEvent: (event: StoreEvent) => void): Disposable;
  /** Lets the time pass, with a load that changes every quarter of an hour. */
  pass(ms: number): Promise<void>;
  pods(): Promise<number>;
  stop(): Promise<void>;
}

const NAMESPACE = "days";
const DAY_MS = 86_400_000;
const LOAD_STEP_MS = 900_000;

/** Starts the cluster and makes what lives in it; `onEvent` sees the store's history from its first event. */
export async function startVirtualCluster(size: VirtualDaySize, onEvent?: (event: StoreEvent) => void): Promise<VirtualCluster> {
  const clock = createVirtualClock();
  let state = size.seed;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647; // Park and Miller
  const store = createMemoryStore();
  const watch = (listen: (event: StoreEvent) => void) =>
    store.watch("", { after: store.revision, onEvents: (events) => events.forEach(listen), onEnd: () => {} });
  if (onEvent) watch(onEvent);
  // Started while time stands still: how long a start takes is no part of the history. A timer keeps the process alive meanwhile.
  const alive = setInterval(() => {}, 1000);
  const cluster = await startCluster({
    clock,
    random,
    store,
    dataDir: size.folder,
    sockets: false,
    runtime: "simulated",
    nodes: size.nodes,
  }).finally(() => clearInterval(alive));
  const { client } = cluster;
  await client.create(Namespace, { metadata: { name: NAMESPACE } });
  await clock.advance(1000);
  await populate(client, size);
  const pass = async (ms: number) => {
    const until = clock.now() + ms;
    while (clock.now() < until) {
      await spreadLoad(client, clock.now(), size.autoscalers);
      await clock.advance(Math.min(until - clock.now(), LOAD_STEP_MS - (clock.now() % LOAD_STEP_MS)));
    }
  };
  return {
    clock,
    client,
    watch,
    pass,
    pods: async () => (await client.list(Pod)).items.length,
    async stop() {
      let stopped = false;
      const stopping = cluster.stop().finally(() => (stopped = true));
      while (!stopped) await clock.advance(100);
      await stopping;
    },
  };
}

/** A digest of events: keys, revisions and bytes, in order. */
export function createHistoryDigest(): {
  readonly add: (event: StoreEvent) => void;
  readonly count: () => number;
  readonly digest: () => string;
} {
  const hash = createHash("sha256");
  let count = 0;
  return {
    add({ revision, key, after }) {
      count++;
      hash.update(`${revision} ${key} `);
      if (after) hash.update(after.value);
    },
    count: () => count,
    digest: () => hash.copy().digest("hex"),
  };
}

/** What is asked of the pods of an autoscaled Deployment, in pods' worth: low in the small hours, high in the afternoon. */
function loadAt(now: number, index: number): number {
  const phase = ((now % DAY_MS) / DAY_MS - 0.125 - index / 100) * 2 * Math.PI;
  return 3 - 2 * Math.cos(phase);
}

async function spreadLoad(client: Client, now: number, autoscalers: number): Promise<void> {
  for (let index = 0; index < autoscalers; index++) {
    const { items } = await client.list(Pod, { namespace: NAMESPACE, labelSelector: `app=app-${index}` });
    const pods = items.filter(({ status, metadata }) => status?.phase === "Running" && metadata?.deletionTimestamp === undefined);
    const cpu = `${Math.round((loadAt(now, index) * 100) / Math.max(1, pods.length))}m`;
    for (const pod of pods) {
      if (pod.metadata?.annotations?.["kobune.dev/cpu"] === cpu) continue;
      await client.patch(Pod, keyOf(pod), { metadata: { annotations: { "kobune.dev/cpu": cpu } } });
    }
  }
}

async function populate(client: Client, size: VirtualDaySize): Promise<void> {
  for (let index = 0; index < size.deployments; index++) {
    const labels = { app: `app-${index}` };
    await client.create(Deployment, {
      metadata: { name: `app-${index}`, namespace: NAMESPACE },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels, annotations: { "kobune.dev/memory": "64Mi" } },
          spec: { containers: [{ name: "c", image: "web:1", resources: { requests: { cpu: "100m", memory: "128Mi" } } }] },
        },
      },
    });
  }
  for (let index = 0; index < size.autoscalers; index++) {
    const name = `app-${index}`;
    const cpu = { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } };
    await client.create(HorizontalPodAutoscaler, {
      metadata: { name, namespace: NAMESPACE },
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name }, minReplicas: 2, maxReplicas: 20, metrics: [cpu] },
    });
  }
  const schedules = ["*/10 * * * *", "0 * * * *", "30 * * * *", "0 3 * * *"];
  for (let index = 0; index < size.cronJobs; index++) {
    await client.create(CronJob, {
      metadata: { name: `job-${index}`, namespace: NAMESPACE },
      spec: {
        schedule: schedules[index % schedules.length] ?? "",
        jobTemplate: {
          spec: {
            template: {
              metadata: { annotations: { "kobune.dev/exit-after-ms": "45000" } },
              spec: { restartPolicy: "Never", containers: [{ name: "c", image: "task:1" }] },
            },
          },
        },
      },
    });
  }
}
