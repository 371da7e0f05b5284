import assert from "node:assert/strict";
import { test } from "node:test";
import type { HPAScalingRules } from "#kinds/api/autoscaling-v2.gen.ts";
import { newHistory, type ScaleChange, type ScalingHistory, withChange } from "./history.ts";
import { boundByRules, boundPlainly, limitByRules, limitPlainly, rateLimit, rulesOf } from "./limits.ts";

const NOW = 1_000_000;
const secondsAgo = (seconds: number) => NOW - seconds * 1000;

function historyOf(over: Partial<ScalingHistory> = {}): ScalingHistory {
  return { recommendations: [], ups: [], downs: [], ...over };
}

/** Spread evenly over the last `seconds`. */
function changes(amounts: readonly number[], seconds: number): ScaleChange[] {
  const part = seconds / amounts.length;
  return amounts.map((change, index) => ({ change, at: secondsAgo(seconds - part * (index + 0.5)) }));
}

function policies(pods: number, podsPeriod: number, percent: number, percentPeriod: number, window = 0): HPAScalingRules {
  return {
    stabilizationWindowSeconds: window,
    selectPolicy: "Max",
    policies: [
      ...(pods === 0 ? [] : [{ type: "Pods", value: pods, periodSeconds: podsPeriod }]),
      ...(percent === 0 ? [] : [{ type: "Percent", value: percent, periodSeconds: percentPeriod }]),
    ],
  };
}

test("without a behavior: bounds, and twice the size or four at once", () => {
  const rows = [
    [5, 7, 3, 8, 7, "DesiredWithinRange"],
    [3, 1, 2, 8, 2, "TooFewReplicas"],
    [20, 1000, 1, 10, 10, "TooManyReplicas"],
    [3, 1000, 1, 2000, 6, "ScaleUpLimit"],
    [1, 1000, 1, 2000, 4, "ScaleUpLimit"],
  ] as const;
  for (const [current, desired, min, max, replicas, reason] of rows) {
    const bound = boundPlainly({ current, desired, min, max, now: NOW });
    assert.deepEqual([bound.replicas, bound.because.reason], [replicas, reason]);
  }
});

interface Row {
  readonly up?: HPAScalingRules;
  readonly down?: HPAScalingRules;
  readonly ups?: ScaleChange[];
  readonly downs?: ScaleChange[];
  readonly bounds: readonly [number, number];
  readonly from: number;
  readonly desired: number;
  readonly to: number;
  readonly reason: string;
}

const table: readonly Row[] = [
  { bounds: [3, 8], from: 5, desired: 7, to: 7, reason: "DesiredWithinRange" },
  { bounds: [2, 8], from: 3, desired: 1, to: 2, reason: "TooFewReplicas" },
  { bounds: [100, 150], from: 100, desired: 1000, to: 150, reason: "TooManyReplicas" },
  { bounds: [1, 2000], from: 3, desired: 1000, to: 4, reason: "ScaleUpLimit", up: policies(0, 0, 1, 60) },
  { bounds: [3, 2000], from: 1000, desired: 3, to: 980, reason: "ScaleDownLimit", down: policies(20, 60, 0, 0) },
  { bounds: [1, 1000], from: 10, desired: 50, to: 20, reason: "ScaleUpLimit" },
  { bounds: [1, 1000], from: 10, desired: 500, to: 110, reason: "ScaleUpLimit", up: policies(100, 60, 100, 60) },
  { bounds: [1, 1000], from: 10, desired: 500, to: 20, reason: "ScaleUpLimit", up: policies(2, 60, 100, 60) },
  { bounds: [1, 1000], from: 10, desired: 50, to: 30, reason: "ScaleUpLimit", up: policies(0, 0, 200, 60) },
  { bounds: [1, 1000], from: 100, desired: 2, to: 80, reason: "ScaleDownLimit", down: policies(20, 60, 1, 60, 300) },
  { bounds: [1, 1000], from: 10, desired: 0, to: 1, reason: "TooFewReplicas", down: policies(100, 60, 0, 0, 300) },
  { bounds: [1, 1000], from: 10, desired: 5, to: 5, reason: "DesiredWithinRange", down: policies(0, 0, 50, 60, 300) },
  {
    bounds: [1, 200],
    from: 100,
    desired: 500,
    to: 200,
    reason: "TooManyReplicas",
    up: policies(300, 60, 0, 0),
    ups: changes([1, 5, 9], 120),
  },
  { bounds: [1, 1000], from: 100, desired: 500, to: 100, reason: "ScaleUpLimit", up: policies(5, 120, 0, 0), ups: changes([1, 5, 9], 120) },
  {
    bounds: [1, 1000],
    from: 100,
    desired: 500,
    to: 235,
    reason: "ScaleUpLimit",
    up: policies(150, 120, 0, 0),
    ups: changes([1, 5, 9], 120),
  },
  {
    bounds: [1, 1000],
    from: 100,
    desired: 500,
    to: 255,
    reason: "ScaleUpLimit",
    up: policies(0, 0, 200, 120),
    ups: changes([1, 5, 9], 120),
  },
  {
    bounds: [1, 1000],
    from: 100,
    desired: 500,
    to: 294, // (100 - 4 + 2) times three
    reason: "ScaleUpLimit",
    up: policies(0, 0, 200, 120),
    ups: changes([4], 120),
    downs: changes([2], 120),
  },
  {
    bounds: [1, 1000],
    from: 100,
    desired: 0,
    to: 100,
    reason: "ScaleDownLimit",
    down: policies(5, 120, 0, 0),
    downs: changes([10, 5, 1], 120),
  },
];

for (const [index, { up, down, ups = [], downs = [], bounds, from, desired, to, reason }] of table.entries()) {
  test(`with a behavior, row ${index}: from ${from} to ${desired} is ${to}, ${reason}`, () => {
    const rules = rulesOf({ ...(up ? { scaleUp: up } : {}), ...(down ? { scaleDown: down } : {}) });
    const wish = { current: from, desired, min: bounds[0], max: bounds[1], now: NOW };
    const bound = boundByRules(wish, rules, historyOf({ ups, downs }));
    assert.deepEqual([bound.replicas, bound.because.reason], [to, reason]);
  });
}

test("the policy of the smallest change, or none at all", () => {
  const both = policies(2, 60, 50, 60);
  assert.equal(rateLimit(1, { ...both, selectPolicy: "Min" }, historyOf(), NOW, "up"), 2);
  assert.equal(rateLimit(5, { ...both, selectPolicy: "Min" }, historyOf(), NOW, "down"), 3);
  assert.equal(rateLimit(5, { ...both, selectPolicy: "Disabled" }, historyOf(), NOW, "down"), 5);
  assert.equal(rateLimit(5, { ...both, selectPolicy: "Disabled" }, historyOf(), NOW, "up"), 5);
});

test("without a behavior the highest recommendation of five minutes holds", () => {
  const history = historyOf({
    recommendations: [
      { replicas: 9, at: secondsAgo(301) },
      { replicas: 5, at: secondsAgo(299) },
    ],
  });
  const limited = limitPlainly({ current: 5, desired: 2, min: 1, max: 10, now: NOW }, history);
  assert.deepEqual([limited.replicas, limited.ability.reason, limited.limit.limited], [5, "ScaleDownStabilized", false]);
  assert.deepEqual(limited.history.recommendations, [
    { replicas: 5, at: secondsAgo(299) },
    { replicas: 2, at: NOW },
  ]);
});

test("windows hold both ways: growth waits for the lowest, shrinking for the highest recommendation", () => {
  const rules = rulesOf({ scaleUp: policies(100, 60, 0, 0, 60), scaleDown: policies(100, 60, 0, 0, 120) });
  const recommendations = [
    { replicas: 8, at: secondsAgo(100) },
    { replicas: 4, at: secondsAgo(50) },
  ];
  const run = (current: number, desired: number) => {
    const { replicas, ability } = limitByRules({ current, desired, min: 1, max: 20, now: NOW }, rules, historyOf({ recommendations }));
    return [replicas, ability.reason];
  };
  assert.deepEqual(run(3, 10), [4, "ScaleUpStabilized"]);
  assert.deepEqual(run(9, 2), [8, "ScaleDownStabilized"]);
  assert.deepEqual(run(5, 10), [5, "ScaleUpStabilized"]);
  assert.deepEqual(run(5, 5), [5, "ReadyForNewScale"]);
});

test("a scale-down window that is not set is five minutes", () => {
  assert.equal(rulesOf({ scaleDown: { selectPolicy: "Max" } }).down.stabilizationWindowSeconds, 300);
  assert.equal(rulesOf({}).up.stabilizationWindowSeconds, 0);
});

test("changes are remembered as long as the longest policy looks back", () => {
  const rules = rulesOf({ scaleUp: policies(1, 30, 1, 90), scaleDown: policies(1, 60, 0, 0) });
  const first = withChange(newHistory(1, NOW), 1, 4, rules, NOW);
  const second = withChange(first, 4, 6, rules, NOW + 60_000);
  assert.deepEqual(
    second.ups.map(({ change }) => change),
    [3, 2],
  );
  assert.deepEqual(
    withChange(second, 6, 7, rules, NOW + 91_000).ups.map(({ change }) => change),
    [2, 1],
  );
  assert.deepEqual(withChange(second, 6, 2, rules, NOW + 61_000).downs, [{ change: 4, at: NOW + 61_000 }]);
});
