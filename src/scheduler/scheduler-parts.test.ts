import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import { keyOf } from "#meta/object.ts";
import { createClusterState } from "./cluster-state.ts";
import { chooseNode } from "./decide.ts";
import type { AnyNode, AnyPod } from "./framework.ts";
import { defaultPlugins } from "./profile.ts";
import { podRequests } from "./resources.ts";
import { createSchedulingQueue } from "./scheduling-queue.ts";

interface NodeShape {
  labels?: Record<string, string>;
  spec?: object;
  cpu?: string;
}

const node = (name: string, { labels = {}, spec = {}, cpu = "4" }: NodeShape = {}): AnyNode => ({
  metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
  spec,
  status: { allocatable: { cpu, memory: "8Gi", pods: "10" } },
});

const pod = (name: string, spec: object = {}, labels: Record<string, string> = { app: "a" }): AnyPod =>
  ({ metadata: { name, namespace: "d", uid: name, labels }, spec: { containers: [{ name: "c" }], ...spec } }) as AnyPod;

const on = (where: string, placed: AnyPod): AnyPod => ({ ...placed, spec: { ...placed.spec, nodeName: where } }) as AnyPod;
const asking = (cpu: string, memory = "0") => ({ containers: [{ name: "c", resources: { requests: { cpu, memory } } }] });

function choose(wanted: AnyPod, nodes: readonly AnyNode[], placed: readonly AnyPod[] = []): string {
  const state = createClusterState(() => ({ kind: "ns" }));
  for (const one of nodes) state.setNode(one.metadata?.name ?? "", one);
  for (const one of placed) state.setPod(keyOf(one), one);
  const choice = chooseNode(wanted, state.snapshot(), defaultPlugins, () => 0.99);
  return "node" in choice ? choice.node : choice.message;
}

const anti = (labels: object, key = "kubernetes.io/hostname") => ({
  affinity: {
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: key, labelSelector: { matchLabels: labels } }] },
  },
});
const near = (labels: object, key = "zone") => ({
  affinity: {
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: key, labelSelector: { matchLabels: labels } }] },
  },
});
const spread = (maxSkew: number, whenUnsatisfiable = "DoNotSchedule", more: object = {}) => ({
  topologySpreadConstraints: [{ maxSkew, topologyKey: "zone", whenUnsatisfiable, labelSelector: { matchLabels: { app: "a" } }, ...more }],
});
const zones = [node("a", { labels: { zone: "1" } }), node("b", { labels: { zone: "2" } })];
const taint = (effect: string) => ({ taints: [{ key: "k", value: "v", effect }] });
const affinityTo = (operator: string, values?: string[]) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator, values }] }] },
    },
  },
});
const hostPort = (hostIP?: string, protocol = "TCP") => ({
  containers: [{ name: "c", ports: [{ containerPort: 80, hostPort: 80, protocol, hostIP }] }],
});

for (const [what, wanted, nodes, placed, expected] of [
  ["no nodes", pod("p"), [], [], "no nodes available to schedule pods"],
  ["unschedulable", pod("p"), [node("a", { spec: { unschedulable: true } })], [], "0/1 nodes are available: 1 node(s) were unschedulable."],
  [
    "unschedulable, tolerated",
    pod("p", { tolerations: [{ key: "node.kubernetes.io/unschedulable", operator: "Exists" }] }),
    [node("a", { spec: { unschedulable: true } })],
    [],
    "a",
  ],
  ["taint", pod("p"), [node("a", { spec: taint("NoSchedule") })], [], "0/1 nodes are available: 1 node(s) had untolerated taint(s)."],
  [
    "taint, tolerated",
    pod("p", { tolerations: [{ key: "k", value: "v", effect: "NoSchedule" }] }),
    [node("a", { spec: taint("NoSchedule") })],
    [],
    "a",
  ],
  ["soft taint is avoided", pod("p"), [node("a", { spec: taint("PreferNoSchedule") }), node("b")], [], "b"],
  ["nodeSelector", pod("p", { nodeSelector: { zone: "2" } }), zones, [], "b"],
  [
    "nodeSelector, none",
    pod("p", { nodeSelector: { zone: "3" } }),
    zones,
    [],
    "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
  ],
  ["affinity In", pod("p", affinityTo("In", ["1"])), zones, [], "a"],
  ["affinity NotIn", pod("p", affinityTo("NotIn", ["1"])), zones, [], "b"],
  ["affinity Gt", pod("p", affinityTo("Gt", ["1"])), zones, [], "b"],
  ["affinity Lt", pod("p", affinityTo("Lt", ["2"])), zones, [], "a"],
  ["affinity DoesNotExist", pod("p", affinityTo("DoesNotExist")), [...zones, node("c")], [], "c"],
  [
    "host port taken",
    pod("p", hostPort()),
    [node("a")],
    [on("a", pod("q", hostPort("10.0.0.1")))],
    "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  ],
  ["host port of another address", pod("p", hostPort("10.0.0.2")), [node("a")], [on("a", pod("q", hostPort("10.0.0.1")))], "a"],
  ["host port of another protocol", pod("p", hostPort(undefined, "UDP")), [node("a")], [on("a", pod("q", hostPort()))], "a"],
  ["resources", pod("p", asking("3")), [node("a"), node("b")], [on("a", pod("q", asking("2")))], "b"],
  [
    "all that is missing is told",
    pod("p", asking("5", "9Gi")),
    [node("a")],
    [],
    "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.",
  ],
  [
    "too many pods",
    pod("p"),
    [node("a")],
    Array.from({ length: 10 }, (_, index) => on("a", pod(`q${index}`))),
    "0/1 nodes are available: 1 Too many pods.",
  ],
  ["the emptier node, also of pods that ask for nothing", pod("p"), [node("a"), node("b")], [on("a", pod("q", {}, {}))], "b"],
  [
    "a balanced node",
    pod("p", asking("1", "1Gi")),
    [node("a"), node("b")],
    [on("a", pod("q", asking("2", "0"), {})), on("b", pod("r", asking("1", "2Gi"), {}))],
    "b",
  ],
  ["anti-affinity of its own", pod("p", anti({ app: "a" })), zones, [on("a", pod("q"))], "b"],
  [
    "anti-affinity of its own, none left",
    pod("p", anti({ app: "a" })),
    zones,
    [on("a", pod("q")), on("b", pod("r"))],
    "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
  ],
  [
    "anti-affinity of another",
    pod("p"),
    [node("a")],
    [on("a", pod("q", anti({ app: "a" }), { app: "b" }))],
    "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
  ],
  ["affinity", pod("p", near({ app: "b" })), zones, [on("b", pod("q", {}, { app: "b" }))], "b"],
  ["affinity to nobody", pod("p", near({ app: "b" })), zones, [], "0/2 nodes are available: 2 node(s) didn't match pod affinity rules."],
  ["the first of a group may go anywhere", pod("p", near({ app: "a" })), [node("x"), node("b", { labels: { zone: "2" } })], [], "b"],
  ["spread", pod("p", spread(1)), zones, [on("a", pod("q"))], "b"],
  [
    "spread, full",
    pod("p", spread(1)),
    [zones[0] ?? node("a"), node("b", { labels: { zone: "2" }, cpu: "0" })].map((one) => ({ ...one })),
    [on("a", pod("q"))],
    "b",
  ],
  [
    "spread needs the label",
    pod("p", spread(1)),
    [node("x")],
    [],
    "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label).",
  ],
  [
    "spread with minDomains",
    pod("p", spread(1, "DoNotSchedule", { minDomains: 3 })),
    zones,
    [on("a", pod("q")), on("b", pod("r"))],
    "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints.",
  ],
  ["soft spread", pod("p", spread(1, "ScheduleAnyway")), zones, [on("a", pod("q"))], "b"],
] as const) {
  test(`node for a pod: ${what}`, () => assert.equal(choose(wanted, nodes, placed), expected));
}

test("requests: containers and sidecars together, or the largest init step, and overhead", () => {
  const c = (cpu: string, restartPolicy?: string) => ({ resources: { requests: { cpu } }, restartPolicy });
  const requests = (spec: object) => podRequests(pod("p", spec)).get("cpu");
  assert.equal(requests({ containers: [c("100m"), c("0.2")] }), 300);
  assert.equal(requests({ containers: [c("1")], initContainers: [c("500m"), c("200m", "Always")] }), 1200);
  assert.equal(requests({ containers: [c("100m")], initContainers: [c("200m", "Always"), c("500m")], overhead: { cpu: "50m" } }), 750);
});

test("cluster state: assumed pods count until forgotten or shown, nodes may come later and go", () => {
  const state = createClusterState(() => undefined);
  const first = pod("p", asking("1"));
  const cpuOn = (name: string) =>
    state
      .snapshot()
      .nodes.find((info) => info.name === name)
      ?.requested.get("cpu");
  state.assume(first, "a");
  state.setNode("a", node("a"));
  assert.equal(cpuOn("a"), 1000);
  state.setPod(keyOf(first), first);
  assert.equal(cpuOn("a"), 1000, "the API does not show the binding yet");
  state.forget(keyOf(first));
  assert.equal(cpuOn("a"), 0);
  state.assume(first, "a");
  state.setPod(keyOf(first), on("a", first));
  state.forget(keyOf(first));
  assert.equal(cpuOn("a"), 1000, "what the API shows is not forgotten");
  state.setPod(keyOf(first), { ...on("a", first), status: { phase: "Succeeded" } } as AnyPod);
  assert.equal(cpuOn("a"), 0);
  state.setNode("a", undefined);
  assert.equal(state.snapshot().nodes.length, 0);
});

test("cluster state: nodes with pods that have affinity are listed apart", () => {
  const state = createClusterState(() => undefined);
  state.setNode("a", node("a"));
  const social = on("a", pod("p", anti({ app: "a" })));
  assert.equal(state.snapshot().affinityNodes.length, 0);
  state.setPod(keyOf(social), social);
  assert.equal(state.snapshot().affinityNodes.length, 1);
  state.setPod(keyOf(social), undefined);
  assert.equal(state.snapshot().affinityNodes.length, 0);
});

function queueOf() {
  const clock = createVirtualClock();
  let wakes = 0;
  const queue = createSchedulingQueue(clock, () => void wakes++);
  return { clock, queue, wakes: () => wakes };
}

test("queue: the most important first, of equals the one that waits longest", async () => {
  const { clock, queue } = queueOf();
  queue.add("d/a", 0);
  await clock.advance(1);
  queue.add("d/b", 0);
  queue.add("d/c", 10);
  queue.add("d/a", 99);
  assert.deepEqual([queue.pop(), queue.pop(), queue.pop(), queue.pop()], ["d/c", "d/a", "d/b", undefined]);
});

test("queue: what found no node waits for a change and its back-off, or five minutes", async () => {
  const { clock, queue } = queueOf();
  queue.add("d/a", 0);
  queue.unschedulable(queue.pop() ?? "d/x");
  await clock.advance(60_000);
  assert.equal(queue.pop(), undefined);
  queue.moveAll();
  await clock.advance(0);
  assert.equal(queue.pop(), "d/a", "its back-off is long over");
  queue.unschedulable("d/a");
  queue.moveAll();
  await clock.advance(1999);
  assert.equal(queue.pop(), undefined, "the second back-off is 2 s");
  await clock.advance(1);
  assert.equal(queue.pop(), "d/a");
  queue.unschedulable("d/a");
  await clock.advance(5 * 60_000);
  assert.equal(queue.pop(), "d/a");
});

test("queue: a change while a pod is being tried is not lost", async () => {
  const { clock, queue } = queueOf();
  queue.add("d/a", 0);
  queue.pop();
  queue.moveAll();
  queue.unschedulable("d/a");
  await clock.advance(1000);
  assert.equal(queue.pop(), "d/a");
});

test("queue: a pod that was placed moves only those that mind others; a touched pod moves alone", async () => {
  const { clock, queue } = queueOf();
  queue.add("d/social", 1, true);
  queue.add("d/loner", 0);
  for (const key of [queue.pop(), queue.pop()]) if (key) queue.unschedulable(key);
  queue.podPlaced();
  await clock.advance(1000);
  assert.deepEqual([queue.pop(), queue.pop()], ["d/social", undefined]);
  queue.touch("d/loner");
  await clock.advance(0);
  assert.equal(queue.pop(), "d/loner");
  queue.delete("d/loner");
  queue.done("d/social");
  assert.deepEqual([queue.size, clock.nextTimerAt()], [0, undefined]);
});
