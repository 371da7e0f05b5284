// kubectl and Jobs: created, waited for, described; real processes on this host.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import type { CronJob, Job } from "#kinds/api/batch-v1.gen.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster();
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

void test("create job, wait for it, its logs, describe and get", async () => {
  assert.equal(
    await kubectl("create", "job", "hello", "--image=any", "--", "sh", "-c", "echo hello from $HOSTNAME"),
    "job.batch/hello created\n",
  );
  assert.equal(await kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=20s"), "job.batch/hello condition met\n");
  assert.match(await kubectl("logs", "job/hello"), /^hello from /);
  assert.match(await kubectl("get", "job", "hello", "--no-headers"), /^hello +Complete +1\/1 +\d+s +\d+s\n$/);
  const told = await until("events are there", async () => {
    const text = await kubectl("describe", "job", "hello");
    return text.includes("Job completed") && text;
  });
  assert.match(told, /Pods Statuses: +0 Active \(0 Ready\) \/ 1 Succeeded \/ 0 Failed/);
  assert.match(told, /Normal +SuccessfulCreate +\S+ +job-controller +Created pod: hello-[a-z0-9]{5}/);
  assert.match(told, /Normal +Completed +\S+ +job-controller +Job completed/);
  await kubectl("delete", "job", "hello");
  await until("its pod is gone", async () => (await kubectl("get", "pods", "-l", "job-name=hello", "-o", "name")) === "");
});

void test("an indexed Job's programs know their index; a failing one ends as its policy says", async () => {
  const pod = (command: string) => ({
    spec: { restartPolicy: "Never", containers: [{ name: "c", image: "any", command: ["sh", "-c", command] }] },
  });
  const indexed = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "indexed" },
    spec: { completions: 2, parallelism: 2, completionMode: "Indexed", template: pod("echo index $JOB_COMPLETION_INDEX") },
  };
  await kubectl("apply", "-f", kubectl.file("indexed.json", indexed));
  await kubectl("wait", "--for=condition=complete", "job/indexed", "--timeout=20s");
  const logs = await kubectl("logs", "-l", "job-name=indexed", "--tail=-1");
  assert.deepEqual(logs.trim().split("\n").toSorted(), ["index 0", "index 1"]);

  const rules = [{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } }];
  const failing = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "failing" },
    spec: { podFailurePolicy: { rules }, template: pod("exit 42") },
  };
  await kubectl("apply", "-f", kubectl.file("failing.json", failing));
  await kubectl("wait", "--for=condition=failed", "job/failing", "--timeout=20s");
  const { status } = await kubectl.json<Job>("get", "job", "failing");
  assert.equal(status?.failed, 1);
  assert.match(status.conditions?.at(-1)?.message ?? "", /failed with exit code 42 matching FailJob rule at index 0$/);
});

void test("create cronjob, and a Job from it", async () => {
  await kubectl("create", "cronjob", "nightly", "--image=any", "--schedule=0 3 * * *", "--", "sh", "-c", "echo done");
  assert.match(await kubectl("get", "cronjob", "nightly", "--no-headers"), /^nightly +0 3 \* \* \* +<none> +False +0 +<none> +\d+s\n$/);
  assert.equal(await kubectl("create", "job", "now", "--from=cronjob/nightly"), "job.batch/now created\n");
  await kubectl("wait", "--for=condition=complete", "job/now", "--timeout=20s");
  const job = await kubectl.json<Job>("get", "job", "now");
  assert.equal(job.metadata?.annotations?.["cronjob.kubernetes.io/instantiate"], "manual");
  assert.equal(job.metadata.ownerReferences?.[0]?.name, "nightly");
  await until("the CronJob has seen it", async () => {
    const { status } = await kubectl.json<CronJob>("get", "cronjob", "nightly");
    return status?.lastSuccessfulTime !== undefined;
  });
  assert.match(await kubectl("describe", "cronjob", "nightly"), /Schedule: +0 3 \* \* \*\nConcurrency Policy: +Allow/);
});

void test("suspend and resume by patch", async () => {
  const held = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "held" },
    spec: { suspend: true, template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "any", command: ["true"] }] } } },
  };
  await kubectl("apply", "-f", kubectl.file("held.json", held));
  await kubectl("wait", "--for=condition=suspended", "job/held", "--timeout=20s");
  assert.match(await kubectl("get", "job", "held", "--no-headers"), /^held +Suspended +0\/1 /);
  await kubectl("patch", "job", "held", "-p", '{"spec":{"suspend":false}}');
  await kubectl("wait", "--for=condition=complete", "job/held", "--timeout=20s");
});
