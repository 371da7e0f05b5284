import assert from "node:assert/strict";
import { test } from "node:test";
import { stopAtEveryWrite } from "#harness/stopping-client.ts";
import { CronJob, type CronJobSpec, Job } from "#kinds/api/batch-v1.gen.ts";
import { Event, Namespace } from "#kinds/api/core-v1.gen.ts";
import { cronJobController } from "#kinds/batch/cron-job/controller.ts";
import { finishedCondition } from "#kinds/batch/job/conditions.ts";
import { jobController } from "#kinds/batch/job/controller.ts";
import { garbageCollector } from "#controllers/garbage-collector/garbage-collector.ts";
import { silentLogger } from "#lib/log.ts";
import type { Key } from "#meta/object.ts";
import { runControllers } from "#reconcile/run-controllers.ts";
import { startWorkloads, type WorkloadCluster } from "./workload-cluster.ts";

const MINUTE = 60_000;
const NAMESPACE = "default";
const keyed = (name: string) => `${NAMESPACE}/${name}` as Key;

const start = () => startWorkloads(1, { controllers: [jobController, cronJobController], loops: [garbageCollector()] });

function schedule(cluster: WorkloadCluster, name: string, runMs: number, spec: Partial<CronJobSpec> = {}, namespace = NAMESPACE) {
  return cluster.make(CronJob, {
    metadata: { name, namespace },
    spec: {
      schedule: "*/10 * * * *",
      jobTemplate: {
        metadata: { labels: { cron: name } },
        spec: {
          template: {
            metadata: { annotations: { "kobune.dev/exit-after-ms": String(runMs) } },
            spec: { restartPolicy: "Never", containers: [{ name: "c", image: "x" }] },
          },
        },
      },
      ...spec,
    },
  });
}

const cronJobOf = (cluster: WorkloadCluster, name: string) => cluster.client.get(CronJob, keyed(name));
async function jobsOf(cluster: WorkloadCluster, name: string): Promise<Job[]> {
  return (await cluster.client.list(Job, { namespace: NAMESPACE, labelSelector: `cron=${name}` })).items;
}
async function reasonsOf(cluster: WorkloadCluster, name: string): Promise<string[]> {
  const { items } = await cluster.client.list(Event, { namespace: NAMESPACE, fieldSelector: `involvedObject.name=${name}` });
  return items.map(({ reason }) => reason ?? "");
}
/** To just after the next full ten minutes. */
async function nextTime(cluster: WorkloadCluster): Promise<number> {
  const now = cluster.clock.now();
  const time = (Math.floor(now / (10 * MINUTE)) + 1) * 10 * MINUTE;
  await cluster.clock.advance(time - now + 1000);
  return time;
}
const iso = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

test("Jobs start on time, are listed while they run, and leave as much history as asked for", async () => {
  await using cluster = await start();
  await schedule(cluster, "tick", 30_000, { successfulJobsHistoryLimit: 2 });
  const first = await nextTime(cluster);
  const [job] = await jobsOf(cluster, "tick");
  assert.equal(job?.metadata?.name, `tick-${first / MINUTE}`);
  assert.equal(job.metadata.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"], iso(first));
  const running = (await cronJobOf(cluster, "tick")).status;
  assert.deepEqual(
    [
      running?.active?.map(({ kind, apiVersion, name }) => ({ kind, apiVersion, name })),
      running?.lastScheduleTime,
      running?.lastSuccessfulTime,
    ],
    [[{ kind: "Job", apiVersion: "batch/v1", name: job.metadata.name }], iso(first), undefined],
  );
  await cluster.eventually("it is over", async () => (await cronJobOf(cluster, "tick")).status?.active === undefined);
  assert.ok((await cronJobOf(cluster, "tick")).status?.lastSuccessfulTime);
  for (let round = 0; round < 4; round++) await nextTime(cluster);
  await cluster.clock.advance(MINUTE);
  assert.equal((await jobsOf(cluster, "tick")).length, 2);
  const reasons = await reasonsOf(cluster, "tick");
  for (const reason of ["SuccessfulCreate", "SawCompletedJob", "SuccessfulDelete"]) assert.ok(reasons.includes(reason), `${reasons}`);
});

for (const [policy, atOnce] of [
  ["Allow", 2],
  ["Forbid", 1],
  ["Replace", 1],
] as const) {
  test(`what a time finds still running: ${policy}`, async () => {
    await using cluster = await start();
    await schedule(cluster, "slow", 15 * MINUTE, { concurrencyPolicy: policy });
    const first = await nextTime(cluster);
    const second = await nextTime(cluster);
    await cluster.clock.advance(1000);
    const running = (await jobsOf(cluster, "slow")).filter((job) => !finishedCondition(job) && !job.metadata?.deletionTimestamp);
    assert.equal(running.length, atOnce);
    const active = (await cronJobOf(cluster, "slow")).status?.active?.map(({ name }) => name);
    const [older, newer] = [`slow-${first / MINUTE}`, `slow-${second / MINUTE}`];
    assert.deepEqual(active, { Allow: [older, newer], Forbid: [older], Replace: [newer] }[policy]);
    if (policy === "Forbid") {
      assert.ok((await reasonsOf(cluster, "slow")).includes("JobAlreadyActive"));
      // As soon as it may, it makes up for the start that it missed.
      await cluster.clock.advance(6 * MINUTE);
      assert.deepEqual(
        (await cronJobOf(cluster, "slow")).status?.active?.map(({ name }) => name),
        [newer],
      );
    }
  });
}

test("suspended nothing starts; resumed, what is not too late does", async () => {
  await using cluster = await start();
  await schedule(cluster, "held", 1000, { suspend: true, startingDeadlineSeconds: 120 });
  await nextTime(cluster);
  await nextTime(cluster);
  await cluster.clock.advance(5 * MINUTE);
  const resume = (suspend: boolean) => cluster.client.patch(CronJob, keyed("held"), { spec: { suspend } }, { type: "merge" });
  await resume(false);
  await cluster.clock.advance(1000);
  assert.equal((await jobsOf(cluster, "held")).length, 0);
  await resume(true);
  await nextTime(cluster);
  await resume(false);
  await cluster.clock.advance(1000);
  assert.equal((await jobsOf(cluster, "held")).length, 1);
});

test("hours are those of the time zone", async () => {
  await using cluster = await start();
  await schedule(cluster, "zoned", 1000, { schedule: "0 * * * *", timeZone: "Asia/Kolkata" });
  await cluster.clock.advance(121 * MINUTE);
  const times = (await jobsOf(cluster, "zoned")).map(
    ({ metadata }) => metadata?.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"],
  );
  assert.deepEqual(times.toSorted(), ["2026-01-01T06:00:00+05:30", "2026-01-01T07:00:00+05:30"]);
});

test("a CronJob that goes takes its Jobs along", async () => {
  await using cluster = await start();
  await schedule(cluster, "going", 60 * MINUTE);
  await nextTime(cluster);
  assert.equal((await jobsOf(cluster, "going")).length, 1);
  await cluster.client.delete(CronJob, keyed("going"), { propagationPolicy: "Background" });
  await cluster.eventually("they are gone", async () => (await jobsOf(cluster, "going")).length === 0);
});

test("a CronJob controller killed between any two writes starts each time's Job once", async (t) => {
  await using cluster = await startWorkloads(1, { controllers: [jobController], loops: [garbageCollector()] });
  await cluster.make(Namespace, { metadata: { name: "other" } });
  const stops = await stopAtEveryWrite(cluster.client, async (stopping, lastWrite) => {
    const name = `once-${lastWrite}`;
    const made = new Set<string>();
    using _ = cluster.running.informers.informer(Job).subscribe(({ after }) => {
      if (after?.metadata?.labels?.["cron"] === name) made.add(after.metadata.uid ?? "");
    });
    // No history: what is forgotten must not be made again.
    await schedule(cluster, name, 5000, { successfulJobsHistoryLimit: 0 });
    const from = (Math.floor(cluster.clock.now() / (10 * MINUTE)) + 1) * 10 * MINUTE;
    const run = async (client: typeof stopping.client, isOver: () => boolean | Promise<boolean>) => {
      const controllers = [cronJobController];
      const running = await runControllers({
        controllers,
        clientFor: () => client,
        clock: cluster.clock,
        log: silentLogger,
        random: () => 0.5,
        freeze: true,
      });
      await running.synced;
      await cluster.eventually("it is over", async () => isOver(), 60 * MINUTE);
      await running.stop();
    };
    await run(stopping.client, () => stopping.stopped || cluster.clock.now() > from + 11 * MINUTE);
    await run(cluster.client, async () => {
      const { status } = await cronJobOf(cluster, name);
      return cluster.clock.now() > from + 11 * MINUTE && status?.active === undefined && (await jobsOf(cluster, name)).length === 0;
    });
    const { status } = await cronJobOf(cluster, name);
    assert.equal(made.size, Math.floor((cluster.clock.now() - from) / (10 * MINUTE)) + 1);
    assert.ok(status?.lastSuccessfulTime && status.lastScheduleTime);
    await cluster.client.delete(CronJob, keyed(name));
  });
  t.diagnostic(`${stops} writes`);
  assert.ok(stops >= 4);
});
