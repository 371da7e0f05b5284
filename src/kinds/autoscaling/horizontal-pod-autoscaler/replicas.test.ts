import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import {
  averageReplicas,
  type PodMetrics,
  type ReplicaContext,
  sharedValueReplicas,
  utilizationReplicas,
  valueReplicas,
} from "./replicas.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

interface PodOptions {
  readonly phase?: string;
  readonly ready?: boolean;
  /** Seconds since it started, and since it became what `ready` says. */
  readonly started?: number;
  readonly changed?: number;
  readonly deleting?: boolean;
  readonly request?: string | undefined;
}

function podOf(index: number, options: PodOptions = {}): Pod {
  const { phase = "Running", ready = true, started = 3600, changed = 3500, deleting = false } = options;
  const request = "request" in options ? options.request : "1";
  return {
    metadata: { name: `p${index}`, ...(deleting ? { deletionTimestamp: ago(1) } : {}) },
    spec: { containers: [{ name: "c", ...(request === undefined ? {} : { resources: { requests: { cpu: request, memory: "1Gi" } } }) }] },
    status: {
      phase,
      startTime: ago(started),
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: ago(changed) }],
    },
  };
}

function context(pods: readonly (PodOptions | undefined)[], over: Partial<ReplicaContext> = {}): ReplicaContext {
  return {
    replicas: pods.length,
    statusReplicas: pods.length,
    pods: pods.map((options, index) => podOf(index, options)),
    tolerances: { up: 0.1, down: 0.1 },
    now: NOW,
    ...over,
  };
}

/** In thousandths; undefined: no metrics of that pod. */
function metricsOf(...levels: (number | undefined)[]): PodMetrics {
  return new Map(
    levels.flatMap((value, index) => (value === undefined ? [] : [[`p${index}`, { value, at: NOW - 5000, windowMs: 60_000 }] as const])),
  );
}

const good = {};
const unready: PodOptions = { ready: false, started: 100, changed: 90 };
/** Ready, but its metrics are in part from before. */
const hot: PodOptions = { started: 60, changed: 30 };

const cpu = (percent: number) => ({ percent, resource: "cpu" });

interface Row {
  readonly name: string;
  readonly pods: readonly PodOptions[];
  readonly levels: readonly (number | undefined)[];
  readonly percent: number;
  readonly wants: number;
  readonly utilization?: number;
  readonly over?: Partial<ReplicaContext>;
}

const rows: readonly Row[] = [
  { name: "more load means more pods", pods: [good, good, good], levels: [300, 500, 700], percent: 30, wants: 5, utilization: 50 },
  {
    name: "unready pods count as idle on the way up",
    pods: [unready, good, good],
    levels: [300, 500, 700],
    percent: 30,
    wants: 4,
    utilization: 60,
  },
  {
    name: "pods whose CPU is that of their start, too",
    pods: [hot, good, good],
    levels: [300, 500, 700],
    percent: 30,
    wants: 4,
    utilization: 60,
  },
  {
    name: "unready pods can make an increase needless",
    pods: [good, unready, unready],
    levels: [400, 500, 700],
    percent: 30,
    wants: 3,
    utilization: 40,
  },
  {
    name: "failed pods do not count",
    pods: [good, good, { phase: "Failed" }],
    levels: [500, 700, undefined],
    percent: 30,
    wants: 4,
    over: { replicas: 2 },
  },
  {
    name: "pods being deleted do not count",
    pods: [good, good, { deleting: true }],
    levels: [500, 700, 900],
    percent: 30,
    wants: 4,
    over: { replicas: 2 },
  },
  {
    name: "less load means fewer pods",
    pods: [good, good, good, good, good],
    levels: [100, 300, 500, 250, 250],
    percent: 50,
    wants: 3,
    utilization: 28,
  },
  {
    name: "unready pods do not count on the way down",
    pods: [good, good, good, unready, unready],
    levels: [100, 300, 500, 250, 250],
    percent: 50,
    wants: 2,
    utilization: 30,
  },
  {
    name: "a pod that is pending does not either",
    pods: [good, good, good, { phase: "Pending" }, { phase: "Pending" }],
    levels: [100, 300, 500],
    percent: 50,
    wants: 2,
  },
  { name: "small differences are let be", pods: [good, good, good], levels: [1010, 1030, 1020], percent: 100, wants: 3, utilization: 102 },
  {
    name: "missing metrics count as full use on the way down",
    pods: [good, good, good, good],
    levels: [400, 95, undefined, undefined],
    percent: 100,
    wants: 3,
    utilization: 24,
  },
  { name: "missing metrics, load as wanted", pods: [good, good], levels: [1000, undefined], percent: 100, wants: 2 },
  {
    name: "missing metrics count as idle on the way up",
    pods: [good, good],
    levels: [1900, undefined],
    percent: 100,
    wants: 2,
    utilization: 190,
  },
  { name: "missing metrics, less load", pods: [good, good], levels: [600, undefined], percent: 100, wants: 2 },
  { name: "one unready, one missing, load as wanted", pods: [unready, good, good], levels: [100, 450, undefined], percent: 50, wants: 3 },
  {
    name: "one unready, one missing, much load",
    pods: [unready, good, good],
    levels: [100, 2000, undefined],
    percent: 50,
    wants: 4,
    utilization: 200,
  },
  {
    name: "one unready, one missing, little load",
    pods: [unready, good, good, good],
    levels: [100, 100, 100, undefined],
    percent: 50,
    wants: 3,
    utilization: 10,
  },
  {
    name: "targets above all that is requested",
    pods: [unready, good, { request: "2" }, { request: "2" }],
    levels: [200, 100, 100, undefined],
    percent: 300,
    wants: 2,
    utilization: 6,
  },
  {
    name: "metrics of pods that are not there are left out of the ratio",
    pods: [good, good, good, good],
    levels: [4000, 9500, 3000, 7000, 3200, 2000],
    percent: 100,
    wants: 24,
    utilization: 587,
  },
];

for (const { name, pods, levels, percent, wants, utilization, over } of rows) {
  test(`utilization: ${name}`, () => {
    const proposal = utilizationReplicas(context(pods, over), metricsOf(...levels), cpu(percent));
    assert.equal(proposal.replicas, wants);
    if (utilization !== undefined) assert.equal(proposal.utilization, utilization);
  });
}

test("utilization: readiness plays no part for memory", () => {
  const bytes = 512 * 1024 ** 2 * 1000;
  const proposal = utilizationReplicas(context([unready, good]), metricsOf(bytes, bytes), { percent: 25, resource: "memory" });
  assert.deepEqual([proposal.replicas, proposal.utilization, proposal.usage], [4, 50, bytes]);
});

test("utilization: what cannot be worked out is said in upstream's words", () => {
  const fails = (pods: PodOptions[], levels: (number | undefined)[], message: string, container?: string) =>
    assert.throws(() => utilizationReplicas(context(pods), metricsOf(...levels), { ...cpu(50), container }), { message });
  fails([], [1], "no pods returned by selector while calculating replica count");
  fails([good], [], "did not receive metrics for targeted pods (pods might be unready)");
  fails([unready], [100], "did not receive metrics for targeted pods (pods might be unready)");
  fails([{ request: undefined }], [100], "missing request for cpu in container c of Pod p0");
  fails([good], [100], "container side not found in Pod p0", "side");
  fails([good], [undefined, 100], "no metrics returned matched known pods");
});

test("requests of a whole pod win over those of its containers, but not over a container that is asked for", () => {
  const pod = podOf(0, { request: undefined });
  const whole: Pod = {
    ...pod,
    spec: { containers: [{ name: "c", resources: { requests: { cpu: "100m" } } }], resources: { requests: { cpu: "2" } } },
  };
  const at = (container?: string) =>
    utilizationReplicas({ ...context([good]), pods: [whole] }, metricsOf(1000), { ...cpu(50), container }).utilization;
  assert.equal(at(), 50);
  assert.equal(at("c"), 1000);
});

test("averages: the mean of the pods against the target", () => {
  const wants = (pods: PodOptions[], levels: (number | undefined)[], target: number) => {
    const { replicas, usage } = averageReplicas(context(pods), metricsOf(...levels), target, "");
    return [replicas, usage];
  };
  assert.deepEqual(wants([good, good, good], [20_000, 10_000, 30_000], 15_000), [4, 20_000]);
  assert.deepEqual(wants([unready, good, unready], [50_000, 10_000, 30_000], 15_000), [6, 30_000]);
  assert.deepEqual(wants([good, good, good, good, good], [12_000, 12_000, 12_000, 12_000, 12_000], 20_000), [3, 12_000]);
  assert.deepEqual(wants([good, good], [30_000, undefined], 20_000), [2, 30_000]);
});

test("one value for all: by the pods that are ready, none below which there is nothing to be ready", () => {
  const three = context([good, good, good]);
  assert.deepEqual(valueReplicas(three, 20_000, 15_000), { replicas: 4, usage: 20_000 });
  assert.equal(valueReplicas(context([unready, good, unready]), 50_000, 10_000).replicas, 5);
  assert.equal(valueReplicas(three, 16_000, 15_000).replicas, 3);
  assert.equal(valueReplicas(context([], { replicas: 0 }), 25_000, 10_000).replicas, 3);
  assert.equal(valueReplicas(three, 1e300, 1).replicas, 2 ** 31 - 1);
  assert.throws(() => valueReplicas(context([], { replicas: 1 }), 30, 10), /^Error: unable to calculate ready pods: no pods returned/);
});

test("one value to be shared: by the replicas there are", () => {
  const three = context([good, good, good]);
  assert.deepEqual(sharedValueReplicas(three, 20_000, 5_000), { replicas: 4, usage: 6667 });
  assert.deepEqual(sharedValueReplicas(three, 15_500, 5_000), { replicas: 3, usage: 5167 });
  assert.equal(sharedValueReplicas(context([], { statusReplicas: 0 }), 20_000, 5_000).replicas, 4);
});
