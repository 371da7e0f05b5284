import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { createCollector } from "./collector.ts";
import type { ContainerReading, NodeReading } from "#kinds/metrics/node-reading.ts";
import { createReadings } from "./readings.ts";
import { parseResourceMetrics } from "./resource-metrics.ts";

const SECOND = 1000;

function container(pod: string, name: string, seconds: number, over: Partial<ContainerReading> = {}): ContainerReading {
  return { namespace: "ns", pod, container: name, startedAt: -3600 * SECOND, cpuNanoSeconds: seconds * 1e9, memoryBytes: 1024, ...over };
}

function round(at: number, containers: readonly ContainerReading[], node?: NodeReading["node"]): ReadonlyMap<string, NodeReading> {
  return new Map([["n", { at: at * SECOND, containers, ...(node ? { node } : {}) }]]);
}

test("two points make a rate; a pod with a container that has one point only is left out", () => {
  const readings = createReadings();
  readings.take(round(0, [container("a", "x", 10), container("b", "x", 0)], { cpuNanoSeconds: 100e9, memoryBytes: 5 }));
  assert.equal(readings.pod("ns", "a"), undefined);
  assert.equal(readings.node("n"), undefined);
  readings.take(
    round(15, [container("a", "x", 13), container("b", "x", 0), container("b", "y", 0)], { cpuNanoSeconds: 115e9, memoryBytes: 7 }),
  );
  assert.deepEqual(readings.pod("ns", "a"), {
    at: 15_000,
    windowMs: 15_000,
    containers: [{ name: "x", cpuNanoCores: 200_000_000, memoryBytes: 1024 }],
  });
  assert.equal(readings.pod("ns", "b"), undefined);
  assert.deepEqual(readings.node("n"), { at: 15_000, windowMs: 15_000, cpuNanoCores: 1_000_000_000, memoryBytes: 7 });
  readings.take(round(30, [container("a", "x", 13)]));
  assert.equal(readings.pod("ns", "b"), undefined, "gone");
  assert.equal(readings.pod("ns", "a")?.containers[0]?.cpuNanoCores, 0);
});

test("a container that restarted begins anew, and one that is a few seconds old counts from its start", () => {
  const readings = createReadings();
  readings.take(round(0, [container("a", "x", 10)]));
  readings.take(round(15, [container("a", "x", 1, { startedAt: 10 * SECOND })]));
  assert.equal(readings.pod("ns", "a"), undefined);
  readings.take(round(30, [container("a", "x", 2, { startedAt: 10 * SECOND }), container("b", "x", 6, { startedAt: 18 * SECOND })]));
  assert.equal(readings.pod("ns", "a")?.windowMs, 15_000);
  assert.deepEqual(readings.pod("ns", "b"), {
    at: 30_000,
    windowMs: 12_000,
    containers: [{ name: "x", cpuNanoCores: 500_000_000, memoryBytes: 1024 }],
  });
});

test("a reading of the same time changes nothing", () => {
  const readings = createReadings();
  readings.take(round(0, [container("a", "x", 10)]));
  readings.take(round(15, [container("a", "x", 25)]));
  readings.take(round(15, [container("a", "x", 25)]));
  assert.equal(readings.pod("ns", "a")?.containers[0]?.cpuNanoCores, 1e9);
});

test("a node without usage of its own uses what its pods use", () => {
  const readings = createReadings();
  readings.take(round(0, [container("a", "x", 0), container("b", "x", 0)]));
  readings.take(round(10, [container("a", "x", 5), container("c", "x", 0)]));
  assert.deepEqual(readings.node("n"), { at: 10_000, windowMs: 10_000, cpuNanoCores: 500_000_000, memoryBytes: 2048 });
});

test("nodes are read only while somebody asks, and a node that fails does not hold up the others", async () => {
  const clock = createVirtualClock(0);
  const asked: [string, number][] = [];
  const collector = createCollector({
    nodes: () => ["n", "away"],
    async read(node) {
      asked.push([node, clock.now()]);
      if (node === "away") throw new Error("no route");
      return { at: clock.now(), containers: [container("a", "x", clock.now() / 2000)] };
    },
    clock,
    log: silentLogger,
  });
  await clock.advance(60_000);
  assert.equal(asked.length, 0);
  const wanted = collector.wanted();
  await clock.advance(1000);
  await wanted;
  assert.equal(collector.pod("ns", "a")?.containers[0]?.cpuNanoCores, 500_000_000);
  await clock.advance(600_000);
  const times = asked.filter(([node]) => node === "n").map(([, at]) => at / SECOND);
  assert.deepEqual(times.slice(0, 4), [60, 61, 76, 91]);
  assert.ok((times.at(-1) ?? 0) <= 360 && times.length === 21, `${times.length} until ${times.at(-1)}`);
  assert.equal(collector.pod("ns", "a"), undefined);
  const again = collector.wanted();
  await clock.advance(1000);
  await again;
  assert.ok(collector.pod("ns", "a"));
  await collector.stop();
  assert.equal(clock.nextTimerAt(), undefined);
});

test("the kubelet's text is read; other metrics and odd labels do not disturb", () => {
  const text = [
    "# HELP container_cpu_usage_seconds_total x",
    'container_cpu_usage_seconds_total{container="c",namespace="ns",pod="a"} 1.5 12000',
    'container_memory_working_set_bytes{container="c",namespace="ns",pod="a"} 1.024e+06 12000',
    'container_start_time_seconds{container="c",namespace="ns",pod="a"} 2.5 99000',
    'container_swap_usage_bytes{container="c",namespace="ns",pod="a"} 0 12000',
    'container_cpu_usage_seconds_total{container="say \\"hi\\"",namespace="ns",pod="b"} 0 12000',
    "node_cpu_usage_seconds_total 100 12000",
    "node_memory_working_set_bytes 2048 12000",
    "scrape_error 0",
    "",
  ].join("\n");
  assert.deepEqual(parseResourceMetrics(text, 5), {
    at: 12_000,
    node: { cpuNanoSeconds: 100e9, memoryBytes: 2048 },
    containers: [
      { namespace: "ns", pod: "a", container: "c", startedAt: 2500, cpuNanoSeconds: 1.5e9, memoryBytes: 1_024_000 },
      { namespace: "ns", pod: "b", container: 'say "hi"', startedAt: 0, cpuNanoSeconds: 0, memoryBytes: 0 },
    ],
  });
  assert.deepEqual(parseResourceMetrics("", 5), { at: 5, containers: [] });
});
