import assert from "node:assert/strict";
import { test } from "node:test";
import { Job } from "#kinds/api/batch-v1.gen.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { isNotFound } from "#meta/errors.ts";
import { controllerOf, keyOf } from "#meta/object.ts";
import { change, conditionsOf, eventsOf, FAILING, jobBecomes, jobOf, keyed, makeJob, podsOf, RUNNING, startJobs } from "./job-cluster.ts";
import { NAMESPACE } from "./workload-cluster.ts";

test("a Job runs its pods to completion and says so", async () => {
  await using cluster = await startJobs();
  const made = await makeJob(cluster, "work", { completions: 3, parallelism: 2 });
  let most = 0;
  using _ = cluster.running.informers.informer(Pod).subscribe(() => {
    const running = cluster.running.informers.informer(Pod).list({ namespace: NAMESPACE });
    most = Math.max(most, running.filter((pod) => pod.status?.phase === "Running" || pod.status?.phase === "Pending").length);
  });
  const { status } = await jobBecomes(cluster, "work", "Complete");
  assert.equal(most, 2);
  assert.deepEqual(
    { ...status, conditions: undefined, startTime: undefined, completionTime: undefined },
    {
      succeeded: 3,
      ready: 0,
      terminating: 0,
      uncountedTerminatedPods: {},
      conditions: undefined,
      startTime: undefined,
      completionTime: undefined,
    },
  );
  assert.ok(status?.startTime && status.completionTime && status.startTime < status.completionTime);
  assert.deepEqual(conditionsOf(await jobOf(cluster, "work")), [
    "SuccessCriteriaMet True CompletionsReached",
    "Complete True CompletionsReached",
  ]);
  const pods = await podsOf(cluster, "work");
  assert.equal(pods.length, 3);
  const uid = made.metadata?.uid ?? "";
  for (const pod of pods) {
    assert.match(pod.metadata?.name ?? "", /^work-[a-z0-9]{5}$/);
    assert.equal(pod.metadata?.finalizers, undefined);
    assert.equal(controllerOf(pod)?.uid, uid);
    assert.deepEqual(pod.metadata?.labels, {
      "batch.kubernetes.io/controller-uid": uid,
      "batch.kubernetes.io/job-name": "work",
      "controller-uid": uid,
      "job-name": "work",
    });
  }
  await cluster.eventually("events are written", async () => (await eventsOf(cluster, "work")).length === 4);
  assert.deepEqual(await eventsOf(cluster, "work"), ["SuccessfulCreate", "SuccessfulCreate", "SuccessfulCreate", "Completed"]);
});

test("failed pods are replaced after 10, 20, 40 seconds, until the limit", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "bad", { backoffLimit: 2 }, FAILING);
  const job = await jobBecomes(cluster, "bad", "Failed", 120_000);
  assert.deepEqual(conditionsOf(job), ["FailureTarget True BackoffLimitExceeded", "Failed True BackoffLimitExceeded"]);
  assert.equal(job.status?.conditions?.[1]?.message, "Job has reached the specified backoff limit");
  assert.equal(job.status?.failed, 3);
  const created = (await podsOf(cluster, "bad")).map(({ metadata }) => Date.parse(metadata?.creationTimestamp ?? "")).toSorted();
  assert.equal(created.length, 3);
  const gaps = created.slice(1).map((time, index) => Math.round((time - (created[index] ?? 0)) / 1000));
  assert.ok(gaps[0] === 11 || gaps[0] === 12, `${gaps}`);
  assert.ok(gaps[1] === 21 || gaps[1] === 22, `${gaps}`);
  await cluster.eventually("it says why", async () => (await eventsOf(cluster, "bad")).at(-1) === "BackoffLimitExceeded");
});

test("an indexed Job: each index once, known by annotation, label, host name and environment", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "indexed", { completions: 5, parallelism: 3, completionMode: "Indexed" });
  const { status } = await jobBecomes(cluster, "indexed", "Complete");
  assert.deepEqual([status?.succeeded, status?.completedIndexes], [5, "0-4"]);
  const pods = await podsOf(cluster, "indexed");
  const indexes = pods.map((pod) => pod.metadata?.annotations?.["batch.kubernetes.io/job-completion-index"]);
  assert.deepEqual(indexes.toSorted(), ["0", "1", "2", "3", "4"]);
  for (const [position, pod] of pods.entries()) {
    assert.equal(pod.metadata?.labels?.["batch.kubernetes.io/job-completion-index"], indexes[position]);
    assert.equal(pod.spec?.hostname, `indexed-${indexes[position]}`);
    assert.ok(pod.metadata?.name?.startsWith(`indexed-${indexes[position]}-`));
    assert.deepEqual(pod.spec?.containers[0]?.env, [
      {
        name: "JOB_COMPLETION_INDEX",
        valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } },
      },
    ]);
  }
});

test("failures by index: each has its own limit and back-off, one that fails does not stop the others", async () => {
  await using cluster = await startJobs();
  await makeJob(
    cluster,
    "by-index",
    { completions: 2, parallelism: 2, completionMode: "Indexed", backoffLimitPerIndex: 1 },
    { ...FAILING, "kobune.dev/exit-after-ms": "2000" },
  );
  const job = await jobBecomes(cluster, "by-index", "Failed", 120_000);
  assert.deepEqual(conditionsOf(job), ["FailureTarget True FailedIndexes", "Failed True FailedIndexes"]);
  assert.deepEqual([job.status?.failedIndexes, job.status?.failed, job.status?.succeeded], ["0,1", 4, undefined]);
  const counts = (await podsOf(cluster, "by-index")).map(
    ({ metadata }) =>
      `${metadata?.annotations?.["batch.kubernetes.io/job-completion-index"]}:${metadata?.annotations?.["batch.kubernetes.io/job-index-failure-count"]}`,
  );
  assert.deepEqual(counts.toSorted(), ["0:0", "0:1", "1:0", "1:1"]);
});

test("too many failed indexes end the Job and its pods", async () => {
  await using cluster = await startJobs();
  await makeJob(
    cluster,
    "max",
    { completions: 4, parallelism: 2, completionMode: "Indexed", backoffLimitPerIndex: 0, maxFailedIndexes: 1 },
    FAILING,
  );
  const job = await jobBecomes(cluster, "max", "Failed");
  assert.deepEqual(conditionsOf(job), ["FailureTarget True MaxFailedIndexesExceeded", "Failed True MaxFailedIndexesExceeded"]);
  assert.equal(job.status?.failedIndexes, "0,1");
});

test("pod failure policy: an exit code ends the Job at once, an ignored one counts for nothing", async () => {
  await using cluster = await startJobs();
  const rules = [
    { action: "FailJob", onExitCodes: { operator: "In", values: [42] } },
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
  ];
  await makeJob(cluster, "fatal", { backoffLimit: 6, podFailurePolicy: { rules } }, { "kobune.dev/exit-code": "42" });
  const fatal = await jobBecomes(cluster, "fatal", "Failed");
  assert.deepEqual(conditionsOf(fatal), ["FailureTarget True PodFailurePolicy", "Failed True PodFailurePolicy"]);
  const [pod] = await podsOf(cluster, "fatal");
  assert.equal(
    fatal.status?.conditions?.[0]?.message,
    `Container c for pod default/${pod?.metadata?.name} failed with exit code 42 matching FailJob rule at index 0`,
  );
  assert.equal(fatal.status?.failed, 1);

  const ignoring = [{ action: "Ignore", onExitCodes: { operator: "In", values: [7] } }];
  await makeJob(cluster, "ignored", { backoffLimit: 0, podFailurePolicy: { rules: ignoring } }, { "kobune.dev/exit-code": "7" });
  await cluster.eventually("it was tried again", async () => (await podsOf(cluster, "ignored")).length >= 3, 120_000);
  const ignored = await jobOf(cluster, "ignored");
  assert.deepEqual([ignored.status?.failed, conditionsOf(ignored)], [undefined, []]);
});

test("success policy: the Job is done when its rule is met, the other pods are deleted", async () => {
  await using cluster = await startJobs();
  await makeJob(
    cluster,
    "leader",
    { completions: 3, parallelism: 3, completionMode: "Indexed", successPolicy: { rules: [{ succeededIndexes: "0" }] } },
    RUNNING,
  );
  await cluster.eventually(
    "they run",
    async () => (await podsOf(cluster, "leader")).filter((pod) => pod.status?.phase === "Running").length === 3,
  );
  const leader = (await podsOf(cluster, "leader")).find((pod) => pod.spec?.hostname === "leader-0") as Pod;
  await cluster.client.updateStatus(Pod, { ...leader, status: { ...leader.status, phase: "Succeeded" } });
  const job = await jobBecomes(cluster, "leader", "Complete", 120_000);
  assert.deepEqual(conditionsOf(job), ["SuccessCriteriaMet True SuccessPolicy", "Complete True SuccessPolicy"]);
  assert.equal(job.status?.conditions?.[1]?.message, "Matched rules at index 0");
  assert.deepEqual([job.status?.succeeded, job.status?.completedIndexes, job.status?.failed], [1, "0", undefined]);
});

test("suspended, a Job has no pods and no start; resumed, its deadline counts anew", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "paused", { suspend: true, activeDeadlineSeconds: 60 }, RUNNING);
  await cluster.eventually("it says so", async () => conditionsOf(await jobOf(cluster, "paused")).includes("Suspended True JobSuspended"));
  assert.equal((await podsOf(cluster, "paused")).length, 0);
  assert.equal((await jobOf(cluster, "paused")).status?.startTime, undefined);
  await cluster.clock.advance(100_000);

  await change(cluster, "paused", { suspend: false });
  await cluster.eventually("it runs", async () => (await podsOf(cluster, "paused"))[0]?.status?.phase === "Running");
  const first = (await jobOf(cluster, "paused")).status;
  assert.ok(first?.startTime);
  assert.equal(first.active, 1);
  await cluster.clock.advance(30_000);
  await change(cluster, "paused", { suspend: true });
  await cluster.eventually("its pod is gone", async () => (await podsOf(cluster, "paused")).length === 0);
  const between = await jobOf(cluster, "paused");
  assert.deepEqual([between.status?.active, between.status?.failed, between.status?.startTime], [undefined, undefined, undefined]);
  await change(cluster, "paused", { suspend: false });
  await cluster.clock.advance(40_000);
  assert.deepEqual(conditionsOf(await jobOf(cluster, "paused")), ["Suspended False JobResumed"]);
  const job = await jobBecomes(cluster, "paused", "Failed", 30_000);
  assert.deepEqual(conditionsOf(job).slice(1), ["FailureTarget True DeadlineExceeded", "Failed True DeadlineExceeded"]);
  assert.equal((await podsOf(cluster, "paused")).length, 0);
  assert.equal(job.status?.failed, 1);
  const events = await eventsOf(cluster, "paused");
  for (const reason of ["Suspended", "Resumed", "SuccessfulDelete", "DeadlineExceeded"]) assert.ok(events.includes(reason), reason);
});

test("parallelism may change; what is too much is deleted and not counted", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "wide", { parallelism: 4, completions: 10 }, RUNNING);
  await cluster.eventually("four run", async () => (await jobOf(cluster, "wide")).status?.active === 4);
  await change(cluster, "wide", { parallelism: 1 });
  await cluster.eventually("one runs", async () => (await podsOf(cluster, "wide")).length === 1);
  await cluster.eventually("it is counted", async () => (await jobOf(cluster, "wide")).status?.active === 1);
  assert.equal((await jobOf(cluster, "wide")).status?.failed, undefined);
});

test("a deleted pod counts as failed and is replaced; with podReplacementPolicy Failed only after it ended", async () => {
  await using cluster = await startJobs();
  for (const [name, policy] of [
    ["eager", "TerminatingOrFailed"],
    ["patient", "Failed"],
  ] as const) {
    await makeJob(
      cluster,
      name,
      { podReplacementPolicy: policy },
      { ...RUNNING, "kobune.dev/stop-ms": "20000", "kobune.dev/stop-code": "1" },
    );
    await cluster.eventually("it runs", async () => (await podsOf(cluster, name))[0]?.status?.phase === "Running");
    await cluster.client.delete(Pod, keyOf((await podsOf(cluster, name))[0] as Pod));
    await cluster.eventually("it is leaving", async () => (await jobOf(cluster, name)).status?.terminating === 1);
    await cluster.clock.advance(15_000);
    assert.equal((await podsOf(cluster, name)).length, policy === "Failed" ? 1 : 2);
    await cluster.eventually("it was replaced", async () => {
      const pods = await podsOf(cluster, name);
      return pods.length === 1 && pods[0]?.metadata?.deletionTimestamp === undefined;
    });
    await cluster.eventually("it is counted", async () => (await jobOf(cluster, name)).status?.failed === 1);
  }
});

test("a Job that ended is deleted with its pods after its time to live", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "brief", { ttlSecondsAfterFinished: 30 });
  await jobBecomes(cluster, "brief", "Complete");
  await cluster.clock.advance(25_000);
  await jobOf(cluster, "brief");
  await cluster.eventually("it is gone", () =>
    jobOf(cluster, "brief").then(
      () => false,
      (error) => isNotFound(error),
    ),
  );
  await cluster.eventually("so are its pods", async () => (await podsOf(cluster, "brief")).length === 0);
});

test("pods of a Job that is deleted in the background are let go", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "dropped", { parallelism: 2 }, RUNNING);
  await cluster.eventually("it runs", async () => (await jobOf(cluster, "dropped")).status?.active === 2);
  await cluster.client.delete(Job, keyed("dropped"), { propagationPolicy: "Background" });
  await cluster.eventually("its pods are gone", async () => (await podsOf(cluster, "dropped")).length === 0);
});

test("an orphaned pod keeps no finalizer; the next Job that matches adopts it with one", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "first", {}, RUNNING);
  await cluster.eventually("it runs", async () => (await jobOf(cluster, "first")).status?.active === 1);
  const [pod] = await podsOf(cluster, "first");
  await cluster.client.delete(Job, keyed("first"), { propagationPolicy: "Orphan" });
  await cluster.eventually("the pod is free", async () => {
    const { metadata } = await cluster.client.get(Pod, keyOf(pod as Pod));
    return metadata?.ownerReferences === undefined && metadata?.finalizers === undefined;
  });
  const labels = { app: "adopted" };
  await cluster.client.patch(Pod, keyOf(pod as Pod), { metadata: { labels } }, { type: "merge" });
  await cluster.make(Job, {
    metadata: { name: "second", namespace: NAMESPACE },
    spec: {
      manualSelector: true,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { restartPolicy: "Never", containers: [{ name: "c", image: "x" }] } },
    },
  });
  await cluster.eventually("it is adopted", async () => {
    const { metadata } = await cluster.client.get(Pod, keyOf(pod as Pod));
    return metadata?.ownerReferences?.[0]?.name === "second" && metadata.finalizers?.[0] === "batch.kubernetes.io/job-tracking";
  });
  assert.equal((await jobOf(cluster, "second")).status?.active, 1);
});

test("a pod that no longer matches is let go without finalizer, and replaced", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "strict", {}, RUNNING);
  await cluster.eventually("it runs", async () => (await jobOf(cluster, "strict")).status?.active === 1);
  const [pod] = await podsOf(cluster, "strict");
  const labels = { "batch.kubernetes.io/controller-uid": null };
  await cluster.client.patch(Pod, keyOf(pod as Pod), { metadata: { labels } }, { type: "merge" });
  await cluster.eventually("another runs", async () => (await podsOf(cluster, "strict")).length === 2);
  const { metadata } = await cluster.client.get(Pod, keyOf(pod as Pod));
  assert.deepEqual([metadata?.ownerReferences, metadata?.finalizers], [undefined, undefined]);
  assert.equal((await jobOf(cluster, "strict")).status?.failed, undefined);
});

test("a Job that another controller manages is left alone", async () => {
  await using cluster = await startJobs();
  await makeJob(cluster, "theirs", { managedBy: "example.com/other" });
  await cluster.clock.advance(60_000);
  assert.deepEqual([(await jobOf(cluster, "theirs")).status, (await podsOf(cluster, "theirs")).length], [{}, 0]);
});

test("restarts in place count where the restart policy is OnFailure", async () => {
  await using cluster = await startJobs();
  const template = { spec: { restartPolicy: "OnFailure", containers: [{ name: "c", image: "x" }] } };
  await makeJob(cluster, "again", { backoffLimit: 2, template }, FAILING);
  const job = await jobBecomes(cluster, "again", "Failed", 300_000);
  assert.deepEqual(conditionsOf(job), ["FailureTarget True BackoffLimitExceeded", "Failed True BackoffLimitExceeded"]);
  assert.equal((await podsOf(cluster, "again")).length, 0);
});
