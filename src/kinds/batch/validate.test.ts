import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJob, Job, JobStatus } from "#kinds/api/batch-v1.gen.ts";
import { fieldErrorText } from "#meta/errors.ts";
import { cronJobHooks } from "./cron-job/kind.ts";
import { jobHooks } from "./job/kind.ts";

const CONTEXT = { now: "2026-01-01T00:00:00Z", user: { name: "u", groups: [] }, subresource: "", random: () => 0 };

function job(change: (job: Job) => void = () => {}): Job {
  const made: Job = {
    metadata: { name: "j", namespace: "default", uid: "1-2" },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i:1" }] } } },
  };
  change(made);
  jobHooks.default?.(made);
  jobHooks.prepare?.(made, undefined, CONTEXT);
  return made;
}

const errorsOf = (next: Job, previous?: Job, subresource = ""): string[] =>
  (jobHooks.validate?.(next, previous, { subresource }) ?? []).map(fieldErrorText);

test("a plain Job is valid, and its pods are its own", () => {
  const made = job();
  assert.deepEqual(errorsOf(made), []);
  assert.deepEqual(made.spec?.selector, { matchLabels: { "batch.kubernetes.io/controller-uid": "1-2" } });
});

const CREATED: readonly (readonly [string, (job: Job) => void, string])[] = [
  [
    "pods that always restart",
    (made) => (made.spec!.template.spec!.restartPolicy = "Always"),
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    "less than no completions",
    (made) => (made.spec!.completions = -1),
    "spec.completions: Invalid value: -1: must be greater than or equal to 0",
  ],
  [
    "an unknown completion mode",
    (made) => (made.spec!.completionMode = "Sorted"),
    'spec.completionMode: Unsupported value: "Sorted": supported values: "NonIndexed", "Indexed"',
  ],
  [
    "indexes without completions",
    (made) => Object.assign(made.spec!, { completionMode: "Indexed", parallelism: 1 }),
    "spec.completions: Required value: when completion mode is Indexed",
  ],
  [
    "a manager without a domain",
    (made) => (made.spec!.managedBy = "me"),
    'spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")',
  ],
  [
    "a rule about nothing",
    (made) => (made.spec!.podFailurePolicy = { rules: [{ action: "Ignore" }] }),
    "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
  ],
  [
    "exit codes out of order",
    (made) => (made.spec!.podFailurePolicy = { rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [3, 2] } }] }),
    "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,2]: must be ordered",
  ],
  [
    "indexes beyond the completions",
    (made) =>
      Object.assign(made.spec!, { completionMode: "Indexed", completions: 3, successPolicy: { rules: [{ succeededIndexes: "0-3" }] } }),
    'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0-3": error parsing succeededIndexes: too large index: "3"',
  ],
  ["a label of another Job", (made) => (made.spec!.template.metadata = { labels: { "job-name": "other" } }), "must be 'j'"],
];
for (const [name, change, expected] of CREATED) {
  test(`a Job with ${name} is refused`, () => {
    const errors = errorsOf(job(change));
    assert.ok(
      errors.some((error) => error === expected || error.endsWith(expected)),
      errors.join("\n"),
    );
  });
}

test("the template changes only while the Job is suspended and idle", () => {
  const before = job((made) => (made.spec!.suspend = true));
  const next = structuredClone(before);
  next.spec!.template.spec!.nodeSelector = { a: "b" };
  assert.ok(
    errorsOf(next, before).some((error) => error.startsWith("spec.template: Invalid value") && error.endsWith("field is immutable")),
  );
  before.status = { conditions: [{ type: "Suspended", status: "True" }] };
  assert.deepEqual(errorsOf(next, before), []);
});

const STATUS: readonly (readonly [string, JobStatus, JobStatus, string | undefined])[] = [
  [
    "complete without a time",
    {},
    {
      startTime: "2026-01-01T00:00:00Z",
      conditions: [
        { type: "SuccessCriteriaMet", status: "True" },
        { type: "Complete", status: "True" },
      ],
    },
    "status.completionTime: Required value: completionTime is required for Complete jobs",
  ],
  [
    "no longer failed",
    { startTime: "2026-01-01T00:00:00Z", conditions: [{ type: "Failed", status: "True" }] },
    { startTime: "2026-01-01T00:00:00Z" },
    "status.conditions: Invalid value: cannot disable the terminal Failed=True condition",
  ],
  ["fewer failures than before", { failed: 2 }, { failed: 1 }, "status.failed: Invalid value: 1: cannot decrease the failed counter"],
  [
    "more ready pods than active ones",
    {},
    { active: 1, ready: 2 },
    "status.ready: Invalid value: 2: cannot set more ready pods than active",
  ],
  [
    "a pod counted twice",
    {},
    { uncountedTerminatedPods: { succeeded: ["a"], failed: ["a"] } },
    'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
  ],
  ["one more failure", { failed: 1 }, { failed: 2 }, undefined],
];
for (const [name, before, after, expected] of STATUS) {
  test(`a Job's status with ${name}`, () => {
    const errors = errorsOf({ ...job(), status: after }, { ...job(), status: before }, "status");
    assert.deepEqual(errors, expected === undefined ? [] : [expected]);
  });
}

function cronJob(change: (made: CronJob) => void = () => {}): CronJob {
  const made: CronJob = {
    metadata: { name: "c", namespace: "default" },
    spec: { schedule: "* * * * *", jobTemplate: { spec: job().spec! } },
  };
  delete made.spec!.jobTemplate.spec!.selector;
  change(made);
  cronJobHooks.default?.(made);
  return made;
}

const CRON: readonly (readonly [string, (made: CronJob) => void, readonly string[]])[] = [
  ["nothing wrong", () => {}, []],
  ["no schedule", (made) => (made.spec!.schedule = ""), ["spec.schedule: Required value"]],
  [
    "a zone in its schedule",
    (made) => (made.spec!.schedule = "TZ=UTC 0 * * * *"),
    ['spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'],
  ],
  ["an unknown zone", (made) => (made.spec!.timeZone = "Mars/X"), ['spec.timeZone: Invalid value: "Mars/X": unknown time zone Mars/X']],
  [
    "too long a name",
    (made) => (made.metadata!.name = "x".repeat(53)),
    [`metadata.name: Invalid value: "${"x".repeat(53)}": must be no more than 52 characters`],
  ],
];
for (const [name, change, expected] of CRON) {
  test(`a CronJob with ${name}`, () => {
    assert.deepEqual((cronJobHooks.validate?.(cronJob(change), undefined, { subresource: "" }) ?? []).map(fieldErrorText), expected);
  });
}
