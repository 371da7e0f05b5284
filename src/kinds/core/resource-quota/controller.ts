// Keeps what quotas say to be used true. Admission charges writes as they come; this counts what is there: after a quota is made or changed,
// when objects go or change, and every few minutes.

import { discover } from "#client/discovery.ts";
import type { Client } from "#client/client.ts";
import { ConfigMap, PersistentVolumeClaim, Pod, ReplicationController, ResourceQuota, Secret, Service } from "#kinds/api/core-v1.gen.ts";
import { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { CronJob, Job } from "#kinds/api/batch-v1.gen.ts";
import { ResourceClaim } from "#kinds/api/resource-v1.gen.ts";
import { isNotFound } from "#meta/errors.ts";
import { keyOf, splitKey, type DeepReadonly, type Key, type KubeObject } from "#meta/object.ts";
import type { Quantity } from "#meta/quantity.ts";
import { groupResource, type Resource } from "#meta/resource.ts";
import { type ControllerDefinition, type ReconcileContext, watch } from "#reconcile/controller.ts";
import { planStatus, usageOf } from "./charge.ts";
import { evaluatorOf } from "./evaluators/list.ts";

/** Kinds that other controllers keep caches of anyway, and ResourceClaims, whose content is measured. All others are listed when a quota names them. */
const CACHED: readonly Resource[] = [
  Pod,
  Service,
  PersistentVolumeClaim,
  ReplicationController,
  Secret,
  ConfigMap,
  Deployment,
  ReplicaSet,
  StatefulSet,
  DaemonSet,
  Job,
  CronJob,
  ResourceClaim,
];
/** Upstream's --resource-quota-sync-period. */
const RESYNC_MS = 5 * 60_000;
/** How long nothing was charged before usage is lowered: a write that was charged is stored, and seen by caches, within that. */
const QUIET_MS = 250;
/** How often kinds without cache are listed. */
const LIST_MS = 5_000;
const COUNT = "count/";

interface Seen {
  readonly version: string;
  readonly at: number;
}

export function resourceQuotaController(): ControllerDefinition {
  /** When each quota was last seen to change. */
  const seen = new Map<Key, Seen>();
  const lists = createLists();
  const quotasOf = (object: DeepReadonly<KubeObject>, cache: ReconcileContext["cache"]): Key[] =>
    cache(ResourceQuota)
      .list({ namespace: object.metadata?.namespace ?? "" })
      .map(keyOf);
  return {
    name: "resourcequota-controller",
    for: ResourceQuota,
    watches: [
      ...CACHED.map((resource) => watch(resource, quotasOf)),
      watch(ResourceQuota, (object, cache) =>
        quotasOf(object, cache).filter((key) => Object.keys(cache(ResourceQuota).get(key)?.spec?.hard ?? {}).some(countsQuotas)),
      ),
    ],
    async reconcile(key, context) {
      const { cache, client, clock, signal } = context;
      const quota = cache(ResourceQuota).get(key);
      if (!quota) {
        seen.delete(key);
        return;
      }
      const version = quota.metadata?.resourceVersion ?? "";
      let last = seen.get(key);
      if (last?.version !== version) seen.set(key, (last = { version, at: clock.now() }));
      const { namespace } = splitKey(key);
      const usage = new Map<string, Quantity>();
      const measure = (resource: Pick<Resource, "group" | "plural">, objects: readonly DeepReadonly<KubeObject>[]) => {
        for (const [name, quantity] of usageOf(quota, objects, evaluatorOf(resource), clock.now())) usage.set(name, quantity);
      };
      for (const resource of [...CACHED, ResourceQuota]) measure(resource, cache(resource).list({ namespace }));
      const others = Object.keys(quota.spec?.hard ?? {}).filter((name) => name.startsWith(COUNT) && !usage.has(name));
      for (const name of others) {
        const listed = await lists(name.slice(COUNT.length), namespace, context);
        if (listed) measure(listed.resource, listed.objects);
      }
      const quietMs = clock.now() - last.at;
      const { status, waits } = planStatus(quota, usage, quietMs >= QUIET_MS);
      if (status) {
        const written = await client.updateStatus(ResourceQuota, { ...(quota as ResourceQuota), status }, { signal }); // only sent
        seen.set(key, { version: written.metadata?.resourceVersion ?? "", at: last.at });
      }
      if (waits) return { requeueAfterMs: Math.max(1, QUIET_MS - quietMs) };
      return { requeueAfterMs: others.length > 0 ? LIST_MS : RESYNC_MS };
    },
  };
}

const countsQuotas = evaluatorOf(ResourceQuota).measures;

interface Listed {
  readonly resource: Resource;
  readonly objects: readonly KubeObject[];
}

/** Lists the objects of a kind that is named as in quotas: `widgets.example.com`; undefined while nobody serves it. */
function createLists(): (name: string, namespace: string, context: ReconcileContext) => Promise<Listed | undefined> {
  /** What was served when it was last looked; kinds come and go while the server runs. */
  let served = new Map<string, Resource>();
  let lookedAt = -Infinity;
  const look = async (client: Client, now: number, signal: AbortSignal): Promise<void> => {
    if (now - lookedAt < LIST_MS) return;
    lookedAt = now;
    const { resources } = await discover(client, signal);
    served = new Map(resources.filter(({ namespaced }) => namespaced).map((resource) => [groupResource(resource), resource]));
  };
  return async (name, namespace, { client, clock, signal }) => {
    if (!served.has(name)) await look(client, clock.now(), signal);
    const resource = served.get(name);
    if (!resource) return undefined;
    try {
      const { items } = await client.list(resource, { namespace, metadataOnly: true, signal });
      return { resource, objects: items };
    } catch (error) {
      if (!isNotFound(error)) throw error;
      served.delete(name);
      return undefined;
    }
  };
}
