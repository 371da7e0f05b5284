// For stories about Jobs: how they are made and what is asked of them.

import { Job, type JobSpec } from "#kinds/api/batch-v1.gen.ts";
import { Event, Pod } from "#kinds/api/core-v1.gen.ts";
import { jobController } from "#kinds/batch/job/controller.ts";
import { ttlAfterFinishedController } from "#kinds/batch/job/ttl-after-finished/controller.ts";
import { garbageCollector } from "#controllers/garbage-collector/garbage-collector.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import type { Key } from "#meta/object.ts";
import { NAMESPACE, startWorkloads, type WorkloadCluster } from "./workload-cluster.ts";

export const startJobs = (nodes = 1): Promise<WorkloadCluster> =>
  startWorkloads(nodes, { controllers: [jobController, ttlAfterFinishedController], loops: [garbageCollector()] });

/** A Job whose pods do as the simulated runtime's annotations say; without any they end well after a second. */
export function makeJob(
  cluster: WorkloadCluster,
  name: string,
  spec: Partial<JobSpec> = {},
  annotations: Readonly<Record<string, string>> = {},
): Promise<Job> {
  return cluster.make(Job, {
    metadata: { name, namespace: NAMESPACE },
    spec: {
      ...spec,
      template: {
        metadata: { annotations: { "kobune.dev/exit-after-ms": "1000", ...annotations } },
        spec: { restartPolicy: "Never", containers: [{ name: "c", image: "x" }], ...spec.template?.spec },
      },
    },
  });
}

export const FAILING = { "kobune.dev/exit-code": "1" };
export const RUNNING = { "kobune.dev/exit-after-ms": "100000000" };

export const keyed = (name: string) => `${NAMESPACE}/${name}` as Key;

export const jobOf = (cluster: WorkloadCluster, name: string): Promise<Job> => cluster.client.get(Job, keyed(name));

/** Waits for a condition to hold, and gives the Job then. */
export async function jobBecomes(cluster: WorkloadCluster, name: string, condition: string, withinMs?: number): Promise<Job> {
  let job: Job | undefined;
  await cluster.eventually(
    `${name} is ${condition}`,
    async () => isConditionTrue((job = await jobOf(cluster, name)).status?.conditions, condition),
    withinMs,
  );
  return job as Job; // the condition was seen on it
}

export async function podsOf(cluster: WorkloadCluster, name: string): Promise<Pod[]> {
  return (await cluster.client.list(Pod, { namespace: NAMESPACE, labelSelector: `job-name=${name}` })).items;
}

/** `type status reason`, in order. */
export const conditionsOf = (job: Job): string[] =>
  (job.status?.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`);

/** Reasons of events about the object, in order. */
export async function eventsOf(cluster: WorkloadCluster, name: string): Promise<string[]> {
  const { items } = await cluster.client.list(Event, { namespace: NAMESPACE, fieldSelector: `involvedObject.name=${name}` });
  return items.toSorted((a, b) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1)).map(({ reason }) => reason ?? "");
}

export const change = async (cluster: WorkloadCluster, name: string, spec: Partial<JobSpec>): Promise<void> => {
  await cluster.client.patch(Job, keyed(name), { spec }, { type: "merge" });
};
