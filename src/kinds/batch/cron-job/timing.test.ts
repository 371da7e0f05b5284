import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJob } from "#kinds/api/batch-v1.gen.ts";
import { decideStart, jobAt, jobNameAt, jobsToForget, lookAgainInMs, review } from "./decision.ts";
import { formatInZone, lastDue, scheduleOf } from "./timing.ts";

interface Given {
  readonly schedule?: string;
  readonly created?: string;
  readonly last?: string;
  readonly deadline?: number;
  readonly zone?: string;
  readonly policy?: string;
  readonly suspend?: boolean;
  readonly active?: readonly string[];
}

function cronJob(given: Given): CronJob {
  const { schedule = "0 * * * *", created = "2026-01-01T09:30:00Z", last, deadline, zone, policy = "Allow", suspend, active = [] } = given;
  return {
    metadata: { name: "x", namespace: "n", uid: "u", creationTimestamp: created },
    spec: {
      schedule,
      concurrencyPolicy: policy,
      jobTemplate: { metadata: { labels: { a: "b" } }, spec: { template: {} } },
      ...(deadline === undefined ? {} : { startingDeadlineSeconds: deadline }),
      ...(zone === undefined ? {} : { timeZone: zone }),
      ...(suspend === undefined ? {} : { suspend }),
    },
    status: {
      ...(last === undefined ? {} : { lastScheduleTime: last }),
      ...(active.length === 0 ? {} : { active: active.map((name) => ({ name, uid: name })) }),
    },
  };
}

const at = (time: string) => Date.parse(time);
const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString().replace(".000Z", "Z"));

const RECENT: readonly (readonly [string, Given, string, string | undefined, string])[] = [
  ["nothing due yet", {}, "2026-01-01T09:59:59Z", undefined, "none"],
  ["just due", {}, "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", "none"],
  ["since the last start", { last: "2026-01-01T10:00:00Z" }, "2026-01-01T10:59:00Z", undefined, "none"],
  ["a few missed: the last counts", { last: "2026-01-01T10:00:00Z" }, "2026-01-01T14:10:00Z", "2026-01-01T14:00:00Z", "few"],
  ["many missed", { schedule: "* * * * *", last: "2026-01-01T10:00:00Z" }, "2026-01-01T12:00:10Z", "2026-01-01T12:00:00Z", "many"],
  ["uneven", { schedule: "30 6-16/4 * * 1-5", last: "2026-01-02T14:30:00Z" }, "2026-01-05T15:00:00Z", "2026-01-05T14:30:00Z", "few"],
  [
    "with a deadline less is missed",
    { last: "2026-01-01T00:00:00Z", deadline: 4000 },
    "2026-01-01T14:10:00Z",
    "2026-01-01T14:00:00Z",
    "none",
  ],
  ["past the deadline nothing is", { last: "2026-01-01T00:00:00Z", deadline: 60 }, "2026-01-01T14:10:00Z", undefined, "none"],
  ["intervals", { schedule: "@every 5m", created: "2026-01-01T10:00:30Z" }, "2026-01-01T10:20:00Z", "2026-01-01T10:15:30Z", "few"],
];
for (const [name, given, now, due, missed] of RECENT) {
  test(`last due: ${name}`, () => {
    const object = cronJob(given);
    const parsed = scheduleOf(object);
    assert.ok(parsed.wrong === undefined);
    const recent = lastDue(object, at(now), parsed.next, true);
    assert.deepEqual([iso(recent.dueMs), recent.missed], [due, missed]);
  });
}

const DECISIONS: readonly (readonly [string, Given, string, string | undefined, readonly string[]])[] = [
  ["on time", {}, "2026-01-01T10:00:00.1Z", "2026-01-01T10:00:00Z", []],
  ["suspended", { suspend: true }, "2026-01-01T10:00:00Z", undefined, []],
  [
    "not a zone",
    { zone: "Mars/Base" },
    "2026-01-01T10:00:00Z",
    undefined,
    ['UnknownTimeZone invalid timeZone: "Mars/Base": unknown time zone Mars/Base'],
  ],
  [
    "never due",
    { schedule: "0 0 31 2 *" },
    "2026-01-01T10:00:00Z",
    undefined,
    ["InvalidSchedule invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second"],
  ],
  [
    "unreadable",
    { schedule: "0 0 0" },
    "2026-01-01T10:00:00Z",
    undefined,
    ['UnparseableSchedule unparseable schedule: "0 0 0" : expected exactly 5 fields, found 3: [0 0 0]'],
  ],
  ["already started", { last: "2026-01-01T10:00:00Z" }, "2026-01-01T10:00:00Z", undefined, []],
  ["already active", { active: ["x-29454360"] }, "2026-01-01T10:00:00Z", undefined, []],
  ["another is active: allowed", { active: ["y"] }, "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", []],
  [
    "another is active: forbidden",
    { active: ["y"], policy: "Forbid" },
    "2026-01-01T10:00:00Z",
    undefined,
    ["JobAlreadyActive Not starting job because prior execution is running and concurrency policy is Forbid"],
  ],
  [
    "too many missed",
    { schedule: "* * * * *" },
    "2026-01-02T10:00:00Z",
    "2026-01-02T10:00:00Z",
    ["TooManyMissedTimes too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"],
  ],
];
for (const [name, given, now, start, notes] of DECISIONS) {
  test(`start: ${name}`, () => {
    const decision = decideStart(cronJob(given), at(now));
    assert.equal(iso(decision.startMs), start);
    assert.deepEqual(
      decision.notes.map(({ reason, message }) => `${reason} ${message}`),
      notes,
    );
  });
}

test("the CronJob is looked at again a moment after it is due next", () => {
  assert.equal(lookAgainInMs(cronJob({}), at("2026-01-01T09:59:00Z")), 60_100);
  assert.equal(lookAgainInMs(cronJob({ last: "2026-01-01T10:00:00Z" }), at("2026-01-01T10:00:01Z")), 59 * 60_000 + 59_100);
  assert.equal(lookAgainInMs(cronJob({ suspend: true }), at("2026-01-01T10:00:01Z")), undefined);
});

test("a Job has its time in its name, and as clocks in the zone show it in an annotation", () => {
  const time = at("2026-07-01T10:00:00Z");
  assert.equal(jobNameAt(cronJob({}), time), "x-29715000");
  const job = jobAt(cronJob({ zone: "America/New_York" }), time);
  assert.deepEqual(
    [job.metadata?.annotations, job.metadata?.labels],
    [{ "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-07-01T06:00:00-04:00" }, { a: "b" }],
  );
  assert.equal(formatInZone(time), "2026-07-01T10:00:00Z");
  assert.equal(formatInZone(time, "Asia/Kolkata"), "2026-07-01T15:30:00+05:30");
});

const ended = (name: string, type: "Complete" | "Failed", time: string) => ({
  metadata: { name, uid: name },
  status: { startTime: time, completionTime: time, conditions: [{ type, status: "True" }] },
});

test("review: what ended leaves the active ones, the last success is noted, strangers are told of", () => {
  const object = cronJob({ active: ["a", "gone"], last: "2026-01-01T10:00:00Z" });
  const { status, notes, missing, repaired } = review(object, [
    ended("a", "Complete", "2026-01-01T10:05:00Z"),
    ended("b", "Failed", "2026-01-01T10:06:00Z"),
    { metadata: { name: "manual", uid: "manual" } },
  ]);
  assert.deepEqual(status, {
    active: [{ name: "gone", uid: "gone" }],
    lastScheduleTime: "2026-01-01T10:00:00Z",
    lastSuccessfulTime: "2026-01-01T10:05:00Z",
  });
  assert.deepEqual(
    notes.map(({ reason }) => reason),
    ["SawCompletedJob", "UnexpectedJob"],
  );
  assert.deepEqual([missing.map(({ name }) => name), repaired], [["gone"], false]);
});

test("review: a Job that was started without the status having it is put there", () => {
  const object = cronJob({ last: "2026-01-01T10:00:00Z" });
  const started = jobAt(object, at("2026-01-01T11:00:00Z"));
  const { status, notes, repaired } = review(object, [{ ...started, metadata: { ...started.metadata, uid: "new" } }]);
  assert.deepEqual([status.lastScheduleTime, status.active?.length, notes, repaired], ["2026-01-01T11:00:00Z", 1, [], true]);
});

test("history keeps the youngest of each sort", () => {
  const object = cronJob({});
  Object.assign(object.spec ?? {}, { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 });
  const jobs = [
    ended("c", "Complete", "2026-01-01T10:03:00Z"),
    ended("a", "Complete", "2026-01-01T10:01:00Z"),
    ended("b", "Complete", "2026-01-01T10:02:00Z"),
    ended("f", "Failed", "2026-01-01T10:00:00Z"),
    { metadata: { name: "running", uid: "r" } },
  ];
  assert.deepEqual(
    jobsToForget(object, jobs).map(({ metadata }) => metadata?.name),
    ["a", "b", "f"],
  );
});
