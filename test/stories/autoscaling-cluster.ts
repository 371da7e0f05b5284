// For stories about autoscaling: a whole cluster on a virtual clock, and load that is shared by the pods that there are.

import type { Client } from "#client/client.ts";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { HorizontalPodAutoscaler, type HorizontalPodAutoscalerSpec } from "#kinds/api/autoscaling-v2.gen.ts";
import { Event, Namespace, Pod } from "#kinds/api/core-v1.gen.ts";
import { createVirtualClock, type VirtualClock } from "#lib/clock.ts";
import { getCondition } from "#meta/conditions.ts";
import { keyOf, makeKey } from "#meta/object.ts";
import { startCluster } from "#main/cluster.ts";

export const SYNC_MS = 15_000;
const MINUTE = 60_000;

/** One Deployment `web` in a namespace of its own, whose pods request a tenth of a CPU each, and its autoscaler `web`. Disposing frees the node. */
export interface Scaled extends AsyncDisposable {
  /** Makes the autoscaler, or changes its spec. The target is half of what pods request unless it says otherwise. */
  autoscale(spec: Partial<HorizontalPodAutoscalerSpec>): Promise<void>;
  /** Moves time on; at each step the pods share `load` (of the time since the call), which is in what one pod requests. `onStep` is told the size that was asked for. */
  run(ms: number, load: number | ((sinceMs: number) => number), onStep?: (size: number, sinceMs: number) => void): Promise<void>;
  size(): Promise<number>;
  resize(replicas: number): Promise<void>;
  autoscaler(): Promise<HorizontalPodAutoscaler>;
  /** `status reason: message` of a condition. */
  condition(type: string): Promise<string | undefined>;
  /** Messages of events of that reason, each as often as it was told. */
  told(reason: string): Promise<string[]>;
}

export interface ScalingCluster extends AsyncDisposable {
  readonly client: Client;
  readonly clock: VirtualClock;
  deploy(namespace: string, replicas: number, more?: { readonly labels?: Record<string, string> }): Promise<Scaled>;
}

export const HALF_USED: Pick<HorizontalPodAutoscalerSpec, "metrics"> = {
  metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } }],
};

export async function startScaling(): Promise<ScalingCluster> {
  const clock = createVirtualClock();
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647; // Park and Miller: repeatable
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let done = false;
    void promise.catch(() => {}).finally(() => (done = true));
    while (!done) await clock.advance(100);
    return promise;
  };
  const cluster = await settle(startCluster({ clock, random, runtime: "simulated" }));
  const { client } = cluster;
  return {
    client,
    clock,
    async deploy(namespace, replicas, { labels = { app: "web" } } = {}) {
      await client.create(Namespace, { metadata: { name: namespace } });
      await clock.advance(1000);
      await client.create(Deployment, {
        metadata: { name: "web", namespace },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels, annotations: { "kobune.dev/memory": "64Mi" } },
            spec: { containers: [{ name: "c", image: "web:1", resources: { requests: { cpu: "100m", memory: "128Mi" } } }] },
          },
        },
      });
      await clock.advance(5000);
      return scaled(client, clock, namespace);
    },
    [Symbol.asyncDispose]: () => settle(cluster.stop()),
  };
}

function scaled(client: Client, clock: VirtualClock, namespace: string): Scaled {
  const key = makeKey(namespace, "web");
  const size = async () => (await client.get(Deployment, key)).spec?.replicas ?? 0;
  const share = async (load: number) => {
    const { items } = await client.list(Pod, { namespace });
    const pods = items.filter(({ metadata, status }) => status?.phase === "Running" && metadata?.deletionTimestamp === undefined);
    const cpu = `${Math.round((load * 100) / Math.max(1, pods.length))}m`;
    for (const pod of pods) {
      if (pod.metadata?.annotations?.["kobune.dev/cpu"] === cpu) continue;
      await client.patch(Pod, keyOf(pod), { metadata: { annotations: { "kobune.dev/cpu": cpu } } });
    }
  };
  return {
    async autoscale(spec) {
      const metadata = { name: "web", namespace };
      const target = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
      await client.patch(
        HorizontalPodAutoscaler,
        key,
        {
          apiVersion: "autoscaling/v2",
          kind: "HorizontalPodAutoscaler",
          metadata,
          spec: { scaleTargetRef: target, maxReplicas: 10, ...HALF_USED, ...spec },
        },
        { type: "apply", fieldManager: "story", force: true },
      );
    },
    async run(ms, load, onStep) {
      for (let since = 0; since < ms; since += SYNC_MS) {
        await share(typeof load === "number" ? load : load(since));
        await clock.advance(SYNC_MS);
        onStep?.(await size(), since + SYNC_MS);
      }
    },
    size,
    async resize(replicas) {
      await client.patch(Deployment, key, { spec: { replicas } });
    },
    autoscaler: () => client.get(HorizontalPodAutoscaler, key),
    async condition(type) {
      const { status } = await client.get(HorizontalPodAutoscaler, key);
      const found = getCondition(status?.conditions, type);
      return found && `${found.status} ${found.reason}: ${found.message}`;
    },
    async told(reason) {
      const { items } = await client.list(Event, { namespace });
      return items
        .filter((event) => event.reason === reason && event.involvedObject.kind === "HorizontalPodAutoscaler")
        .toSorted((a, b) => ((a.firstTimestamp ?? "") < (b.firstTimestamp ?? "") ? -1 : 1))
        .flatMap(({ message = "", count = 1 }) => Array.from({ length: count }, () => message));
    },
    async [Symbol.asyncDispose]() {
      await client.deleteCollection(HorizontalPodAutoscaler, { namespace });
      await client.delete(Deployment, key);
      await clock.advance(5000);
    },
  };
}

export const minutes = (count: number): number => count * MINUTE;
