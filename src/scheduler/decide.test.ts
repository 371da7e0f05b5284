import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyNode, AnyPod } from "./framework.ts";
import { asking, createWorld, node, on, pod } from "./test-world.ts";

/** Preemption has tests of its own: what it adds to the message is cut off. */
function choose(wanted: AnyPod, nodes: readonly AnyNode[], placed: readonly AnyPod[] = []): string {
  const world = createWorld({ namespaces: { d: { kind: "ns" } } });
  for (const one of nodes) world.addNode(one);
  for (const one of placed) world.place(one);
  return world.outcome(wanted).replace(/ preemption: .*/, "");
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
    pod("p", asking("1", "0")),
    [node("a"), node("b")],
    [on("a", pod("q", asking("1", "0"), {})), on("b", pod("r", asking("0", "2Gi"), {}))],
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
