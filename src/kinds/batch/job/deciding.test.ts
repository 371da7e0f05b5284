import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobSpec, JobStatus, SuccessPolicyRule } from "#kinds/api/batch-v1.gen.ts";
import type { ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import { account, countUntracked, finish } from "./accounting.ts";
import { backoffMs, finishedAt } from "./backoff.ts";
import { demandOf } from "./demand.ts";
import { firstMissing, formatIntervals, hasIndex, merge, overlap, parseIntervals, sizeOf, withIndexes } from "./intervals.ts";
import { forIndex, TRACKING_FINALIZER } from "./pods.ts";
import { judgeFailure, metSuccessRule } from "./policies.ts";
import { situationOf } from "./situation.ts";

const INDEXED: Partial<JobSpec> = { completionMode: "Indexed", completions: 4 };
const NOW = Date.parse("2026-01-01T00:10:00Z");

test("sets of indexes: read, written, joined", () => {
  for (const [text, completions, written] of [
    ["", 5, ""],
    ["0,2,3,5-7", 10, "0,2,3,5-7"],
    ["0,1,2", 10, "0-2"],
    ["1-3,x,6", 10, "1-3,6"],
    ["1-8", 5, "1-4"],
    ["7", 5, ""],
  ] as const)
    assert.equal(formatIntervals(parseIntervals(text, completions)), written, text);
  const set = parseIntervals("1-3,6", 10);
  assert.deepEqual([sizeOf(set), hasIndex(set, 3), hasIndex(set, 4), hasIndex(set, 6), hasIndex(set, 7)], [4, true, false, true, false]);
  assert.equal(formatIntervals(withIndexes(set, [5, 4, 9])), "1-6,9");
  assert.equal(formatIntervals(merge(set, parseIntervals("0,3-5", 10))), "0-6");
  assert.equal(overlap(set, parseIntervals("2-6", 10)), 3);
  assert.deepEqual(firstMissing(set, 3, 10), [0, 4, 5]);
  assert.deepEqual(firstMissing(set, 9, 8), [0, 4, 5, 7]);
});

test("sets of indexes agree with plain sets, whatever is put in", () => {
  const seed = Math.floor(Math.random() * 1e9);
  let state = seed;
  const random = (below: number) => (state = (state * 48_271 + 11) % 2_147_483_647) % below;
  for (let round = 0; round < 200; round++) {
    const [a, b] = [0, 1].map(() => new Set(Array.from({ length: random(20) }, () => random(30)))) as [Set<number>, Set<number>];
    const [x, y] = [withIndexes([], a), withIndexes([], b)];
    const union = a.union(b);
    const both = merge(x, y);
    const told = `seed ${seed} round ${round}`;
    assert.equal(sizeOf(both), union.size, told);
    assert.equal(overlap(x, y), a.intersection(b).size, told);
    for (let index = 0; index < 30; index++) assert.equal(hasIndex(both, index), union.has(index), told);
    assert.deepEqual(parseIntervals(formatIntervals(both), 30), both, told);
    const missing = Array.from({ length: 30 }, (_, index) => index).filter((index) => !union.has(index));
    assert.deepEqual(firstMissing(both, 5, 30), missing.slice(0, 5), told);
  }
});

interface PodGiven {
  readonly phase?: string;
  readonly index?: number;
  readonly tracked?: boolean;
  readonly leaving?: boolean;
  readonly exit?: number;
  readonly endedSecondsAgo?: number;
  readonly failures?: number;
  readonly condition?: string;
  readonly restarts?: number;
}

function pod(uid: string, given: PodGiven = {}): Pod {
  const { phase = "Running", index, tracked = true, leaving, exit, endedSecondsAgo = 60, failures, condition, restarts = 0 } = given;
  const finishedTime = new Date(NOW - endedSecondsAgo * 1000).toISOString();
  const status: ContainerStatus = {
    name: "c",
    image: "x",
    imageID: "",
    ready: false,
    restartCount: restarts,
    ...(exit === undefined ? {} : { state: { terminated: { exitCode: exit, finishedAt: finishedTime } } }),
  };
  return {
    metadata: {
      name: uid,
      namespace: "n",
      uid,
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(tracked ? { finalizers: [TRACKING_FINALIZER] } : {}),
      ...(leaving ? { deletionTimestamp: finishedTime } : {}),
      annotations: {
        ...(index === undefined ? {} : { "batch.kubernetes.io/job-completion-index": String(index) }),
        ...(failures === undefined ? {} : { "batch.kubernetes.io/job-index-failure-count": String(failures) }),
      },
    },
    status: { phase, containerStatuses: [status], ...(condition ? { conditions: [{ type: condition, status: "True" }] } : {}) },
  };
}
const succeeded = (uid: string, index?: number, tracked = true) =>
  pod(uid, { phase: "Succeeded", exit: 0, tracked, ...(index === undefined ? {} : { index }) });
const failed = (uid: string, more: PodGiven = {}) => pod(uid, { phase: "Failed", exit: 1, ...more });

function job(spec: Partial<JobSpec> = {}, status: JobStatus = {}): Job {
  return {
    metadata: { name: "j", namespace: "n", uid: "j" },
    spec: { parallelism: 2, backoffLimit: 6, template: {}, ...spec },
    status: { startTime: "2026-01-01T00:00:00Z", ...status },
  };
}

test("pod failure policy: the first rule that matches decides", () => {
  const rules = [
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    { action: "FailJob", onExitCodes: { operator: "In", values: [2, 3], containerName: "c" } },
    { action: "FailIndex", onExitCodes: { operator: "In", values: [4] } },
    { action: "Count", onExitCodes: { operator: "NotIn", values: [5] } },
  ];
  const spec = { template: {}, podFailurePolicy: { rules } };
  const judge = (given: PodGiven) => judgeFailure(spec, failed("p", given));
  assert.equal(judge({ exit: 2, condition: "DisruptionTarget" }).action, "Ignore");
  assert.deepEqual(judge({ exit: 3 }), {
    action: "FailJob",
    failJob: "Container c for pod n/p failed with exit code 3 matching FailJob rule at index 1",
  });
  assert.equal(judge({ exit: 4 }).action, "FailIndex");
  assert.equal(judge({ exit: 6 }).action, "Count");
  assert.equal(judge({ exit: 5 }).action, undefined);
  assert.equal(judge({ exit: 0 }).action, undefined, "a container that did well is no failure");
  const byCondition = [{ action: "FailJob", onPodConditions: [{ type: "ConfigIssue", status: "True" }] }];
  assert.equal(
    judgeFailure({ template: {}, podFailurePolicy: { rules: byCondition } }, failed("p", { condition: "ConfigIssue" })).failJob,
    "Pod n/p has condition ConfigIssue matching FailJob rule at index 0",
  );
});

const SUCCESS: readonly (readonly [string, SuccessPolicyRule[], string | undefined])[] = [
  ["0-2", [{ succeededIndexes: "0" }], "Matched rules at index 0"],
  ["1,2", [{ succeededIndexes: "0" }], undefined],
  ["1,2", [{ succeededIndexes: "0-3", succeededCount: 2 }], "Matched rules at index 0"],
  ["1,2", [{ succeededIndexes: "0-3" }, { succeededCount: 2 }], "Matched rules at index 1"],
  ["1", [{ succeededCount: 2 }], undefined],
  ["1", [{ succeededIndexes: "99" }], undefined],
];
for (const [done, rules, met] of SUCCESS) {
  test(`success policy: ${JSON.stringify(rules)} with ${done}`, () =>
    assert.equal(metSuccessRule({ template: {}, completions: 10, successPolicy: { rules } }, parseIntervals(done, 10)), met));
}

test("back-off: 10 s, doubled with each failure since the last success, 10 minutes at most", () => {
  const at = (secondsAgo: number) => failed("f", { endedSecondsAgo: secondsAgo });
  assert.equal(backoffMs([], [], NOW), 0);
  assert.equal(backoffMs([], [at(4)], NOW), 6000);
  assert.equal(backoffMs([], [at(30), at(4)], NOW), 16_000);
  assert.equal(backoffMs([], [at(11)], NOW), 0);
  assert.equal(backoffMs([], Array(20).fill(at(0)), NOW), 600_000);
  const success = pod("s", { phase: "Succeeded", exit: 0, endedSecondsAgo: 20 });
  assert.equal(backoffMs([success], [at(30), at(4)], NOW), 6000, "failures before the success are forgiven");
  assert.equal(finishedAt(pod("x", { leaving: true, endedSecondsAgo: 5 })), NOW - 5000);
});

const ENDS: readonly (readonly [string, Job, Pod[], string | undefined])[] = [
  ["nothing special", job(), [pod("a")], undefined],
  ["too many failures", job({ backoffLimit: 1 }), [failed("a"), failed("b")], "FailureTarget BackoffLimitExceeded"],
  [
    "counted ones too",
    job({ backoffLimit: 2 }, { failed: 2, uncountedTerminatedPods: { failed: ["b"] } }),
    [failed("b")],
    "FailureTarget BackoffLimitExceeded",
  ],
  ["named ones once", job({ backoffLimit: 1 }, { uncountedTerminatedPods: { failed: ["a"] } }), [failed("a")], undefined],
  [
    "restarts",
    job({ backoffLimit: 3, template: { spec: { restartPolicy: "OnFailure", containers: [] } } }),
    [pod("a", { restarts: 3 })],
    "FailureTarget BackoffLimitExceeded",
  ],
  ["too long", job({ activeDeadlineSeconds: 600 }), [pod("a")], "FailureTarget DeadlineExceeded"],
  ["not too long when suspended", job({ activeDeadlineSeconds: 600, suspend: true }), [pod("a")], undefined],
  ["announced before", job({}, { conditions: [{ type: "FailureTarget", status: "True", reason: "R" }] }), [], "Failed R"],
  [
    "success announced before failures",
    job({ backoffLimit: 0 }, { conditions: [{ type: "SuccessCriteriaMet", status: "True", reason: "R" }] }),
    [failed("a")],
    "SuccessCriteriaMet R",
  ],
];
for (const [name, object, pods, end] of ENDS) {
  test(`end: ${name}`, () => {
    const condition = situationOf(object, pods, NOW).end;
    assert.equal(condition && `${condition.type} ${condition.reason}`, end);
  });
}

test("indexes fail by their own count, or at once where a rule says so; ignored failures do not", () => {
  const rules = [
    { action: "FailIndex", onExitCodes: { operator: "In", values: [3] } },
    { action: "Ignore", onExitCodes: { operator: "In", values: [4] } },
  ];
  const object = job({ ...INDEXED, backoffLimitPerIndex: 1, podFailurePolicy: { rules } }, { failedIndexes: "3" });
  const pods = [
    failed("a", { index: 0, exit: 3 }),
    failed("b", { index: 1, exit: 1, failures: 1 }),
    failed("c", { index: 2, exit: 4, failures: 1 }),
  ];
  const situation = situationOf(object, pods, NOW);
  assert.equal(formatIntervals(situation.failedIndexes ?? []), "0,1,3");
  assert.deepEqual(
    Array.from(situation.awaitingSuccessor, ([index, last]) => [index, last.metadata?.name]),
    [[2, "c"]],
  );
  const next = forIndex({ spec: { containers: [] } }, object, 2, pods[2]);
  assert.equal(next.metadata?.annotations?.["batch.kubernetes.io/job-index-failure-count"], "1");
  assert.equal(next.metadata?.annotations?.["batch.kubernetes.io/job-index-ignored-failure-count"], "1");
});

const DEMANDS: readonly (readonly [string, Job, Pod[], { remove?: string[]; create?: (number | undefined)[]; waitMs?: number }])[] = [
  ["starts", job({ completions: 5 }), [], { create: [undefined, undefined] }],
  ["never more than are left", job({ completions: 5 }, { succeeded: 4 }), [], { create: [undefined] }],
  ["without a number, until the first success", job(), [succeeded("a"), pod("b")], {}],
  ["waits after a failure", job({ completions: 5 }), [failed("a", { endedSecondsAgo: 4 })], { waitMs: 6000 }],
  ["too many", job({ completions: 5, parallelism: 1 }), [pod("a"), pod("b", { phase: "Pending" })], { remove: ["b"] }],
  ["suspended", job({ suspend: true }), [pod("a"), pod("b")], { remove: ["a", "b"] }],
  ["indexes", job(INDEXED, { completedIndexes: "1" }), [pod("a", { index: 0 })], { create: [2] }],
  [
    "an index twice, none, or beyond",
    job({ ...INDEXED, parallelism: 4 }),
    [pod("a", { index: 0 }), pod("b", { index: 0, phase: "Pending" }), pod("c"), pod("d", { index: 9 })],
    { remove: ["b", "c", "d"] },
  ],
  ["leaving pods are replaced", job({ completions: 2 }), [pod("a"), pod("b", { leaving: true, tracked: false })], { create: [undefined] }],
  ["leaving pods are waited for", job({ completions: 2, podReplacementPolicy: "Failed" }), [pod("a"), pod("b", { leaving: true })], {}],
  [
    "leaving pods keep their index",
    job({ ...INDEXED, parallelism: 3, podReplacementPolicy: "Failed" }),
    [pod("a", { index: 0, leaving: true })],
    { create: [1, 2] },
  ],
  [
    "each index waits by itself",
    job({ ...INDEXED, backoffLimitPerIndex: 3 }),
    [failed("a", { index: 0, failures: 1, endedSecondsAgo: 5 })],
    { create: [1], waitMs: 15_000 },
  ],
];
for (const [name, object, pods, { remove = [], create = [], waitMs }] of DEMANDS) {
  test(`demand: ${name}`, () => {
    const demand = demandOf(situationOf(object, pods, NOW));
    assert.deepEqual(
      { ...demand, remove: demand.remove.map(({ metadata }) => metadata?.name).toSorted() },
      { remove, create, ...(waitMs === undefined ? {} : { waitMs }) },
    );
  });
}

const NOTHING = { created: 0, deleted: [], incomplete: false };

test("accounts: pods are named, released, then counted", () => {
  const object = job({ completions: 5 }, { succeeded: 1, uncountedTerminatedPods: { succeeded: ["gone"] } });
  const { status, release, end } = account(situationOf(object, [succeeded("a"), failed("b"), pod("c")], NOW), NOTHING);
  assert.deepEqual([status.succeeded, status.failed, status.active], [2, undefined, 1]);
  assert.deepEqual(status.uncountedTerminatedPods, { succeeded: ["a"], failed: ["b"] });
  assert.deepEqual([release.map(({ metadata }) => metadata?.name), end], [["a", "b"], undefined]);
  const after = countUntracked(status, new Set(["b", "c"]));
  assert.deepEqual([after.succeeded, after.failed, after.uncountedTerminatedPods], [3, undefined, { failed: ["b"] }]);
});

test("accounts: with nothing new the status is as it was", () => {
  const { status } = account(situationOf(job({}, { ready: 0, terminating: 0, uncountedTerminatedPods: {} }), [], NOW), NOTHING);
  assert.deepEqual(status, job({}, { ready: 0, terminating: 0, uncountedTerminatedPods: {} }).status);
});

test("accounts: at most 500 at once, and the end waits for the rest", () => {
  const pods = Array.from({ length: 700 }, (_, index) => succeeded(`p${index}`));
  const { status, release, end } = account(situationOf(job({ completions: 700 }), pods, NOW), NOTHING);
  assert.deepEqual([status.uncountedTerminatedPods?.succeeded?.length, release.length, end], [500, 500, undefined]);
});

test("accounts: when a Job fails, pods that still ran have failed too; when it succeeds they have not", () => {
  const pods = [pod("a"), failed("b"), failed("c")];
  const deleted = { ...NOTHING, deleted: [pods[0] as Pod] };
  const failing = account(situationOf(job({ backoffLimit: 1 }), pods, NOW), deleted);
  assert.deepEqual(failing.status.uncountedTerminatedPods, { failed: ["a", "b", "c"] });
  assert.deepEqual(
    [failing.status.conditions?.map(({ type }) => type), failing.end?.type, failing.status.terminating, failing.status.active],
    [["FailureTarget"], "Failed", 1, undefined],
  );
  const done = job({ ...INDEXED, successPolicy: { rules: [{ succeededIndexes: "0" }] } });
  const running = pod("r", { index: 1 });
  const succeeding = account(situationOf(done, [succeeded("s", 0), running], NOW), { ...NOTHING, deleted: [running] });
  assert.deepEqual([succeeding.status.uncountedTerminatedPods, succeeding.release.length, succeeding.end?.type], [{}, 2, "Complete"]);
});

test("accounts: what could not be deleted keeps the Job from ending", () => {
  const { end } = account(situationOf(job({ backoffLimit: 0 }), [failed("a"), pod("b")], NOW), { ...NOTHING, incomplete: true });
  assert.equal(end, undefined);
});

test("a Job is finished when all are counted and gone", () => {
  const end = { type: "Complete", status: "True", reason: "R", message: "m" };
  assert.equal(finish({ uncountedTerminatedPods: { failed: ["a"] } }, end, NOW), undefined);
  assert.equal(finish({ terminating: 1 }, end, NOW), undefined);
  const status = finish({ terminating: 0 }, end, NOW);
  assert.deepEqual([status?.completionTime, status?.conditions?.[0]?.type], ["2026-01-01T00:10:00Z", "Complete"]);
});

test("the name of an index's pod is cut where the Job's is long, so that the index stays", () => {
  const long = { metadata: { name: "n".repeat(63) } };
  const made = forIndex({ metadata: {}, spec: { containers: [{ name: "c" }] } }, long, 12, undefined);
  assert.equal(made.metadata?.generateName, `${"n".repeat(54)}-12-`);
  const kept = forIndex({ spec: { containers: [{ name: "c", env: [{ name: "JOB_COMPLETION_INDEX", value: "x" }] }] } }, long, 1, undefined);
  assert.deepEqual(kept.spec?.containers[0]?.env, [{ name: "JOB_COMPLETION_INDEX", value: "x" }]);
});
