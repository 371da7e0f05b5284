// The Job controller is killed after each of its writes in turn; another takes over. The end is right, and every pod is
// counted once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { failingClient, stopAtEveryWrite } from "#harness/stopping-client.ts";
import { Job, type JobSpec } from "#kinds/api/batch-v1.gen.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { isTracked } from "#kinds/batch/job/pods.ts";
import { jobController } from "#kinds/batch/job/controller.ts";
import { garbageCollector } from "#controllers/garbage-collector/garbage-collector.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { isNotFound } from "#meta/errors.ts";
import { controllerOf } from "#meta/object.ts";
import { change, FAILING, jobOf, keyed, makeJob, podsOf, RUNNING } from "./job-cluster.ts";
import { runUntil } from "./run-until.ts";
import { NAMESPACE, startWorkloads, type WorkloadCluster } from "./workload-cluster.ts";

interface Story {
  readonly name: string;
  readonly spec: Partial<JobSpec>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** What somebody does to it once it runs. */
  readonly then?: (cluster: WorkloadCluster, name: string) => Promise<void>;
  readonly isOver: (cluster: WorkloadCluster, name: string) => Promise<boolean>;
  /** What must hold in the end; `ended` are the pods of the Job that anybody ever saw end. */
  readonly check: (job: Job, pods: readonly Pod[], ended: { succeeded: number; failed: number }) => void;
}

const has = (condition: string) => async (cluster: WorkloadCluster, name: string) =>
  isConditionTrue((await jobOf(cluster, name)).status?.conditions, condition);

function checkCounts(job: Job, succeeded: number, failed: number): void {
  assert.deepEqual(
    [
      job.status?.succeeded ?? 0,
      job.status?.failed ?? 0,
      job.status?.active ?? 0,
      job.status?.terminating,
      job.status?.uncountedTerminatedPods,
    ],
    [succeeded, failed, 0, 0, {}],
  );
}

const STORIES: readonly Story[] = [
  {
    name: "complete",
    spec: { completions: 3, parallelism: 2 },
    isOver: has("Complete"),
    check: (job, pods, ended) => {
      checkCounts(job, 3, 0);
      assert.deepEqual([pods.length, ended], [3, { succeeded: 3, failed: 0 }]);
    },
  },
  {
    name: "indexed",
    spec: { completions: 4, parallelism: 2, completionMode: "Indexed" },
    isOver: has("Complete"),
    check: (job, pods) => {
      checkCounts(job, 4, 0);
      assert.equal(job.status?.completedIndexes, "0-3");
      assert.equal(pods.length, 4);
    },
  },
  {
    name: "failing",
    spec: { completions: 2, parallelism: 2, backoffLimit: 2 },
    annotations: FAILING,
    isOver: has("Failed"),
    check: (job, pods, ended) => {
      checkCounts(job, 0, ended.failed);
      // One that still ran at the limit was deleted, and counted.
      assert.ok(pods.length <= ended.failed && pods.length >= 3, `${pods.length}`);
      assert.ok(ended.failed >= 3 && ended.failed <= 4, `${ended.failed}`);
    },
  },
  {
    name: "by-index",
    spec: { completions: 2, parallelism: 2, completionMode: "Indexed", backoffLimitPerIndex: 1 },
    annotations: FAILING,
    isOver: has("Failed"),
    check: (job, pods) => {
      checkCounts(job, 0, 4);
      assert.equal(job.status?.failedIndexes, "0,1");
      const counts = pods.map(({ metadata }) => metadata?.annotations?.["batch.kubernetes.io/job-index-failure-count"]);
      assert.deepEqual(counts.toSorted(), ["0", "0", "1", "1"]);
    },
  },
  {
    name: "deadline",
    spec: { parallelism: 2, activeDeadlineSeconds: 5 },
    annotations: { ...RUNNING, "kobune.dev/stop-code": "1" },
    isOver: has("Failed"),
    check: (job, pods) => {
      checkCounts(job, 0, 2);
      assert.equal(pods.length, 0);
    },
  },
  {
    name: "suspended",
    spec: { parallelism: 2, completions: 2 },
    annotations: RUNNING,
    then: (cluster, name) => change(cluster, name, { suspend: true }),
    isOver: async (cluster, name) =>
      (await has("Suspended")(cluster, name)) &&
      (await podsOf(cluster, name)).length === 0 &&
      (await jobOf(cluster, name)).status?.terminating === 0,
    check: (job) => checkCounts(job, 0, 0),
  },
  {
    name: "deleted",
    spec: { parallelism: 2, completions: 2 },
    annotations: RUNNING,
    then: async (cluster, name) => void (await cluster.client.delete(Job, keyed(name), { propagationPolicy: "Foreground" })),
    isOver: async (cluster, name) => {
      const gone = await jobOf(cluster, name).then(() => false, isNotFound);
      return gone && (await podsOf(cluster, name)).length === 0;
    },
    check: () => {},
  },
];

for (const story of STORIES) {
  test(`a Job controller killed between any two writes: ${story.name}`, async (t) => {
    await using cluster = await startWorkloads(1, { loops: [garbageCollector()] });
    const stops = await stopAtEveryWrite(cluster.client, async (stopping, lastWrite) => {
      const name = `${story.name}-${lastWrite}`;
      const ended = new Map<string, string>();
      using _ = cluster.running.informers.informer(Pod).subscribe(({ before, after }) => {
        const pod = after ?? before;
        if (pod?.metadata?.labels?.["job-name"] !== name || controllerOf(pod)?.kind !== "Job") return;
        if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") ended.set(pod.metadata.uid ?? "", pod.status.phase);
      });
      await makeJob(cluster, name, story.spec, story.annotations);
      const { then } = story;
      let done = then === undefined;
      const over = async () => {
        if (!done && ((await jobOf(cluster, name)).status?.active ?? 0) === (story.spec.parallelism ?? 1)) {
          done = true;
          await then?.(cluster, name);
        }
        return done && story.isOver(cluster, name);
      };
      await runUntil(cluster, jobController, stopping.client, "it is over or stopped", async () => stopping.stopped || over());
      // Nobody looks for a while: pods end meanwhile.
      if (stopping.stopped) await cluster.clock.advance(3_000);
      await runUntil(cluster, jobController, cluster.client, "it is over", over);
      const of = (phase: string) => Array.from(ended.values()).filter((end) => end === phase).length;
      const job: Job = await jobOf(cluster, name).catch(() => ({}));
      story.check(job, await podsOf(cluster, name), { succeeded: of("Succeeded"), failed: of("Failed") });
      await cluster.client.deleteCollection(Pod, { namespace: NAMESPACE, labelSelector: `job-name=${name}`, gracePeriodSeconds: 0 });
    });
    t.diagnostic(`${stops} writes`);
    assert.ok(stops >= 4, `${stops} writes`);
  });
}

test("a Job controller whose writes fail, or succeed without its knowing, counts right all the same", async () => {
  const seed = Math.floor(Math.random() * 1e9);
  let state = seed + 1;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  await using cluster = await startWorkloads(1, { loops: [garbageCollector()] });
  const ended = new Map<string, string>();
  using _ = cluster.running.informers.informer(Pod).subscribe(({ before, after }) => {
    const pod = after ?? before;
    const phase = pod?.status?.phase;
    // Without the finalizer it was deleted as surplus: created without the controller's knowing.
    if (!pod || !isTracked(pod)) return;
    if (phase === "Succeeded" || phase === "Failed") ended.set(`${pod.metadata?.labels?.["job-name"]} ${pod.metadata?.uid}`, phase);
  });
  await makeJob(cluster, "good", { completions: 12, parallelism: 4 });
  await makeJob(cluster, "numbered", { completions: 12, parallelism: 4, completionMode: "Indexed" });
  await makeJob(cluster, "bad", { completions: 4, parallelism: 2, backoffLimit: 3 }, FAILING);
  const over = async () =>
    (await has("Complete")(cluster, "good")) && (await has("Complete")(cluster, "numbered")) && (await has("Failed")(cluster, "bad"));
  await runUntil(cluster, jobController, failingClient(cluster.client, 0.15, random), `all are over (seed ${seed})`, over);
  const count = (name: string, phase: string) =>
    Array.from(ended).filter(([key, end]) => key.startsWith(`${name} `) && end === phase).length;
  for (const name of ["good", "bad"]) {
    const { status } = await jobOf(cluster, name);
    assert.deepEqual(
      [status?.succeeded ?? 0, status?.uncountedTerminatedPods, status?.terminating],
      [count(name, "Succeeded"), {}, 0],
      `${name}, seed ${seed}`,
    );
    // Those that still ran when the Job failed count as failed too.
    const failed = [status?.failed ?? 0, count(name, "Failed")] as const;
    assert.ok(name === "good" ? failed[0] === 0 : failed[0] > 3 && failed[0] >= failed[1], `${name} ${failed.join()}, seed ${seed}`);
  }
  const numbered = await jobOf(cluster, "numbered");
  assert.deepEqual([numbered.status?.succeeded, numbered.status?.completedIndexes], [12, "0-11"], `seed ${seed}`);
});
