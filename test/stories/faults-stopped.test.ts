// The controllers of Deployments, namespaces, owners, endpoints and budgets are killed after each of their writes in turn;
// another takes over. The end is right.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stopAtEveryWrite } from "#harness/stopping-client.ts";
import type { Client } from "#client/client.ts";
import { nodeLifecycleController } from "#controllers/node/node-lifecycle.ts";
import { garbageCollector } from "#controllers/garbage-collector/garbage-collector.ts";
import { Deployment, ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { ConfigMap, Event, Namespace, Pod, Secret, Service, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { type Eviction, PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { deploymentController } from "#kinds/apps/deployment/controller.ts";
import { replicaSetController } from "#kinds/apps/replica-set/controller.ts";
import { namespaceController } from "#kinds/core/namespace/controller.ts";
import { endpointSliceController } from "#kinds/discovery/endpoint-slice/controller.ts";
import { podDisruptionBudgetController } from "#kinds/policy/pod-disruption-budget/controller.ts";
import { silentLogger } from "#lib/log.ts";
import { isApiError, isNotFound } from "#meta/errors.ts";
import { type Key, makeKey } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { ControllerDefinition, LoopDefinition } from "#reconcile/controller.ts";
import { runControllers } from "#reconcile/run-controllers.ts";
import { isReady, NAMESPACE, startWorkloads, type WorkloadCluster } from "./workload-cluster.ts";

interface Suspect {
  readonly controllers?: readonly ControllerDefinition[];
  readonly loops?: readonly LoopDefinition[];
}

/** Runs what is to be killed with this client until the condition holds, then stops it. */
async function runUntil(cluster: WorkloadCluster, suspect: Suspect, client: Client, what: string, condition: () => Promise<boolean>) {
  const { controllers = [], loops = [] } = suspect;
  const { clock } = cluster;
  const running = await runControllers({
    controllers,
    loops,
    clientFor: () => client,
    clock,
    log: silentLogger,
    random: () => 0.5,
    freeze: true,
  });
  await running.synced;
  await cluster.eventually(what, condition, 300_000);
  await running.stop();
}

interface Story extends Suspect {
  readonly name: string;
  /** Run beside it, never killed. */
  readonly others?: readonly ControllerDefinition[];
  readonly otherLoops?: readonly LoopDefinition[];
  /** What is done in turn, each when the one before is over; `id` is another one in each run. */
  readonly steps: readonly { readonly act: (cluster: WorkloadCluster, id: string) => Promise<unknown>; readonly isOver: Check }[];
  readonly leastWrites: number;
}
type Check = (cluster: WorkloadCluster, id: string) => Promise<boolean>;

const template = (app: string, version = "v1") => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "c", image: `web:${version}` }] },
});
const keyed = (name: string): Key => makeKey(NAMESPACE, name);
const meta = (name: string) => ({ name, namespace: NAMESPACE });
const isGone = ({ client }: WorkloadCluster, resource: Resource, key: Key) =>
  client.get(resource, key).then(
    () => false,
    (error: unknown) => isNotFound(error),
  );
const podsOf = async ({ client }: WorkloadCluster, app: string): Promise<Pod[]> =>
  (await client.list(Pod, { namespace: NAMESPACE, labelSelector: `app=${app}` })).items;

/** Every pod is of the version and ready, the status says so, and old sets are empty. */
const rolledOut =
  (version: string, replicas: number, sets: number): Check =>
  async (cluster, id) => {
    const { metadata, status } = await cluster.client.get(Deployment, keyed(id));
    const pods = await podsOf(cluster, id);
    const owned = (await cluster.client.list(ReplicaSet, { namespace: NAMESPACE, labelSelector: `app=${id}` })).items;
    const counts = [status?.replicas, status?.updatedReplicas, status?.availableReplicas, status?.observedGeneration, owned.length];
    const revisions = owned.map((set) => Number(set.metadata?.annotations?.["deployment.kubernetes.io/revision"]));
    const revision = Number(metadata?.annotations?.["deployment.kubernetes.io/revision"]);
    return (
      counts.join() === [replicas, replicas, replicas, metadata?.generation, sets].join() &&
      pods.length === replicas &&
      pods.every((pod) => isReady(pod) && pod.spec?.containers[0]?.image === `web:${version}`) &&
      new Set(revisions).size === sets &&
      Math.max(...revisions) === revision &&
      status?.conditions?.find(({ type }) => type === "Progressing")?.reason === "NewReplicaSetAvailable"
    );
  };

const toVersion = (version: string, more: object = {}) => ({ spec: { ...more, template: { spec: template("", version).spec } } });

const deploymentSteps: Story["steps"] = [
  {
    act: (cluster, id) =>
      cluster.make(Deployment, {
        metadata: meta(id),
        spec: { replicas: 2, revisionHistoryLimit: 1, selector: { matchLabels: { app: id } }, template: template(id) },
      }),
    isOver: rolledOut("v1", 2, 1),
  },
  { act: ({ client }, id) => client.patch(Deployment, keyed(id), toVersion("v2", { replicas: 3 })), isOver: rolledOut("v2", 3, 2) },
  { act: ({ client }, id) => client.patch(Deployment, keyed(id), toVersion("v1", { replicas: 1 })), isOver: rolledOut("v1", 1, 2) },
];

const owner = (of: ConfigMap) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name: of.metadata?.name ?? "",
  uid: of.metadata?.uid ?? "",
  blockOwnerDeletion: true,
});

/** `<id>-a` owns `<id>-b`, which owns two Secrets; `<id>-k` owns one that shall be kept. */
async function makeFamily(cluster: WorkloadCluster, id: string): Promise<void> {
  const a = await cluster.make(ConfigMap, { metadata: meta(`${id}-a`) });
  const k = await cluster.make(ConfigMap, { metadata: meta(`${id}-k`) });
  const b = await cluster.make(ConfigMap, { metadata: { ...meta(`${id}-b`), ownerReferences: [owner(a)] } });
  for (const name of ["c", "d"]) await cluster.make(Secret, { metadata: { ...meta(`${id}-${name}`), ownerReferences: [owner(b)] } });
  await cluster.make(Secret, { metadata: { ...meta(`${id}-kept`), ownerReferences: [owner(k)] } });
  await cluster.make(Secret, { metadata: { ...meta(`${id}-two`), ownerReferences: [owner(a), owner(k)] } });
  // A circle through the one that is deleted.
  await cluster.client.patch(ConfigMap, keyed(`${id}-a`), { metadata: { ownerReferences: [owner(b)] } });
}

const evict = ({ client }: WorkloadCluster, name: string) =>
  client.createSubresource(Pod, keyed(name), "eviction", {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: meta(name),
  } satisfies Eviction);

const STORIES: readonly Story[] = [
  {
    name: "Deployment",
    controllers: [deploymentController],
    others: [replicaSetController],
    steps: deploymentSteps.slice(0, 2),
    leastWrites: 15,
  },
  {
    name: "ReplicaSet",
    controllers: [replicaSetController],
    others: [deploymentController],
    steps: deploymentSteps.slice(0, 2),
    leastWrites: 15,
  },
  {
    name: "Namespace",
    controllers: [namespaceController],
    leastWrites: 5,
    steps: [
      {
        async act(cluster, id) {
          await cluster.make(Namespace, { metadata: { name: id } });
          await cluster.make(ServiceAccount, { metadata: { name: "default", namespace: id } });
          await cluster.make(Pod, { metadata: { name: "p", namespace: id, finalizers: ["example.com/hold"] }, spec: template(id).spec });
          for (const name of ["s", "t"]) await cluster.make(Secret, { metadata: { name, namespace: id } });
          await cluster.client.delete(Namespace, makeKey(undefined, id));
        },
        isOver: async ({ client }, id) => {
          const { status } = await client.get(Namespace, makeKey(undefined, id));
          return status?.conditions?.find(({ type }) => type === "NamespaceFinalizersRemaining")?.status === "True";
        },
      },
      {
        act: ({ client }, id) => client.patch(Pod, makeKey(id, "p"), { metadata: { finalizers: null } }),
        isOver: (cluster, id) => isGone(cluster, Namespace, makeKey(undefined, id)),
      },
    ],
  },
  {
    name: "garbage collector",
    loops: [garbageCollector({ startDelayMs: 0 })],
    leastWrites: 6,
    steps: [
      {
        async act(cluster, id) {
          await makeFamily(cluster, id);
          await cluster.client.delete(ConfigMap, keyed(`${id}-a`), { propagationPolicy: "Foreground" });
          await cluster.client.delete(ConfigMap, keyed(`${id}-k`), { propagationPolicy: "Orphan" });
        },
        async isOver({ client }, id) {
          const maps = (await client.list(ConfigMap, { namespace: NAMESPACE })).items.filter(({ metadata }) =>
            metadata?.name?.startsWith(`${id}-`),
          );
          const secrets = (await client.list(Secret, { namespace: NAMESPACE })).items.filter(({ metadata }) =>
            metadata?.name?.startsWith(`${id}-`),
          );
          const shown = secrets.map(({ metadata }) => `${metadata?.name} ${metadata?.ownerReferences?.length ?? 0}`).toSorted();
          // `two` belonged to both: whether it was orphaned or deleted first, it must not be left with an owner that is gone.
          const rest = shown.filter((line) => !line.startsWith(`${id}-two`));
          return maps.length === 0 && rest.join() === `${id}-kept 0` && !shown.some((line) => /two [12]$/.test(line));
        },
      },
    ],
  },
  {
    name: "EndpointSlice",
    controllers: [endpointSliceController],
    others: [deploymentController, replicaSetController],
    leastWrites: 6,
    steps: [
      {
        async act(cluster, id) {
          await cluster.make(Service, { metadata: meta(id), spec: { selector: { app: id }, ports: [{ port: 80 }] } });
          const spec = { replicas: 3, selector: { matchLabels: { app: id } }, template: template(id) };
          await cluster.make(Deployment, { metadata: meta(id), spec });
        },
        isOver: endpointsRight,
      },
      { act: ({ client }, id) => client.patch(Deployment, keyed(id), toVersion("v2", { replicas: 2 })), isOver: endpointsRight },
      { act: ({ client }, id) => client.patch(Service, keyed(id), { spec: { ports: [{ port: 81 }] } }), isOver: endpointsRight },
    ],
  },
  {
    name: "PodDisruptionBudget",
    controllers: [podDisruptionBudgetController],
    others: [deploymentController, replicaSetController],
    leastWrites: 5,
    steps: [
      {
        async act(cluster, id) {
          const selector = { matchLabels: { app: id } };
          await cluster.make(Deployment, { metadata: meta(id), spec: { replicas: 3, selector, template: template(id) } });
          await cluster.make(PodDisruptionBudget, { metadata: meta(id), spec: { selector, maxUnavailable: "34%" } });
        },
        isOver: budgetIs(2),
      },
      {
        async act(cluster, id) {
          const granted = await Promise.allSettled((await podsOf(cluster, id)).map((pod) => evict(cluster, pod.metadata?.name ?? "")));
          const refused = granted.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
          assert.equal(refused.length, 1, "two of three may go");
          assert.ok(refused.every((error) => isApiError(error) && error.code === 429));
        },
        isOver: budgetIs(2),
      },
    ],
  },
];

/** All ready pods of the app, and no others, are in the service's slices, once each. */
async function endpointsRight(cluster: WorkloadCluster, id: string): Promise<boolean> {
  const { client } = cluster;
  const { spec } = await client.get(Service, keyed(id));
  const deployment = await client.get(Deployment, keyed(id));
  const pods = await podsOf(cluster, id);
  const slices = (await client.list(EndpointSlice, { namespace: NAMESPACE, labelSelector: `kubernetes.io/service-name=${id}` })).items;
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
  const image = deployment.spec?.template.spec?.containers[0]?.image;
  return (
    pods.length === deployment.spec?.replicas &&
    pods.every((pod) => isReady(pod) && pod.spec?.containers[0]?.image === image) &&
    endpoints.every(({ conditions }) => conditions?.ready === true) &&
    endpoints
      .map(({ addresses }) => addresses.join())
      .toSorted()
      .join() ===
      pods
        .map(({ status }) => status?.podIP)
        .toSorted()
        .join() &&
    slices.every((slice) => slice.ports?.[0]?.port === spec?.ports?.[0]?.port)
  );
}

function budgetIs(allowed: number): Check {
  return async (cluster, id) => {
    const { status } = await cluster.client.get(PodDisruptionBudget, keyed(id));
    const ready = (await podsOf(cluster, id)).filter(isReady).length;
    return ready === 3 && status?.disruptionsAllowed === allowed && status.currentHealthy === 3 && status.disruptedPods === undefined;
  };
}

for (const story of STORIES) {
  test(`killed between any two writes: ${story.name}`, async (t) => {
    await using cluster = await startWorkloads(1, {
      instead: [nodeLifecycleController(), ...(story.others ?? [])],
      loops: story.otherLoops ?? [],
    });
    // Discovery and all else that is no typed call goes past the client that stops: only writes matter.
    const stops = await stopAtEveryWrite(cluster.client, async (stopping, lastWrite) => {
      const id = `x${lastWrite}`;
      let position = 0;
      let begun = false;
      const over = async () => {
        for (let step = story.steps[position]; step; step = story.steps[++position], begun = false) {
          if (!begun) await step.act(cluster, id);
          begun = true;
          if (!(await step.isOver(cluster, id))) return false;
        }
        return true;
      };
      await runUntil(cluster, story, stopping.client, "it is over or stopped", async () => stopping.stopped || over());
      // Nobody looks for a while.
      if (stopping.stopped) await cluster.clock.advance(1_000);
      await runUntil(cluster, story, cluster.client, "it is over", over);
      const selection = { namespace: NAMESPACE, labelSelector: `app=${id}`, gracePeriodSeconds: 0 };
      for (const resource of [Deployment, PodDisruptionBudget])
        await cluster.client.delete(resource, keyed(id), { propagationPolicy: "Background" }).catch(() => {}); // not each story has it
      for (const resource of [ReplicaSet, Pod]) await cluster.client.deleteCollection(resource, selection);
      await cluster.client.deleteCollection(Event, { namespace: NAMESPACE });
    });
    t.diagnostic(`${stops} writes`);
    assert.ok(stops >= story.leastWrites, `${stops} writes`);
  });
}
