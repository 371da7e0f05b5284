import assert from "node:assert/strict";
import { test } from "node:test";
import type { DaemonSet, DaemonSetSpec } from "#kinds/api/apps-v1.gen.ts";
import type { Node, Pod, PodSpec, Taint, Toleration } from "#kinds/api/core-v1.gen.ts";
import { createFailedPods } from "./failed-pods.ts";
import { type Changes, podsByNode, rollingUpdate, upkeep, type View } from "./plan.ts";
import { makePod, nodeFit, targetNode, tolerationsOf } from "./pods.ts";
import { observe } from "./status.ts";

const NOW = Date.UTC(2026, 0, 1);
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

function setOf(spec: Partial<DaemonSetSpec> = {}, podSpec: Partial<PodSpec> = {}): DaemonSet {
  return {
    metadata: { name: "d", namespace: "default", uid: "set", generation: 2 },
    spec: {
      selector: { matchLabels: { app: "d" } },
      template: { metadata: { labels: { app: "d" } }, spec: { containers: [], ...podSpec } },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      ...spec,
    },
  };
}

function nodeOf(name: string, taints: Taint[] = [], labels: Record<string, string> = {}): Node {
  return { metadata: { name, labels }, spec: { taints } };
}

/** A state in short: o old, n new template; capital: not ready; `-`: being deleted, `!`: failed, `.`: succeeded, `?`: not bound yet. */
function pod(node: string, state: string, age = 100, readyFor = 50): Pod {
  const ended = /[!.]/.test(state);
  const ready = state[0] === state[0]?.toLowerCase() && !ended;
  const placed = makePod(setOf(), state[0]?.toLowerCase() === "n" ? "new" : "old", node);
  return {
    ...placed,
    metadata: {
      ...placed.metadata,
      name: `${node}${state}${age}`,
      creationTimestamp: ago(age),
      ...(state.includes("-") ? { deletionTimestamp: ago(0) } : {}),
    },
    spec: { ...placed.spec, containers: [], ...(state.includes("?") ? {} : { nodeName: node }) },
    status: {
      phase: state.includes("!") ? "Failed" : state.includes(".") ? "Succeeded" : "Running",
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: ago(readyFor) }],
    },
  };
}

/** Nodes a, b, c, ... with the states of their pods: `o oN _`. A state may hold two pods. */
function viewOf(set: DaemonSet, states: string, more: { nodes?: readonly Node[]; pods?: readonly Pod[] } = {}): View {
  const names = states === "" ? [] : states.split(" ");
  const nodes = [...names.map((_, position) => nodeOf(String.fromCharCode(97 + position))), ...(more.nodes ?? [])];
  const pods = names.flatMap((state, position) =>
    Array.from(state.matchAll(/[onON][-!.?]*/g), ([one], index) => pod(String.fromCharCode(97 + position), one, 100 - index)),
  );
  const fit = nodeFit(set);
  return {
    set,
    hash: "new",
    now: NOW,
    nodes: new Map(nodes.map((node) => [node.metadata?.name ?? "", { node, fit: fit(node) }])),
    podsByNode: podsByNode([...pods, ...(more.pods ?? [])]),
  };
}

function inShort({ create, remove }: Changes): string {
  return [...create.map((name) => `+${name}`), ...remove.map(({ metadata }) => metadata?.name?.replace(/\d+$/, ""))].join(" ");
}

const noSchedule: Taint = { key: "k", value: "v", effect: "NoSchedule" };
const noExecute: Taint = { key: "k", value: "v", effect: "NoExecute" };
const surge = (maxSurge: number | string): Partial<DaemonSetSpec> => ({
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable: 0 } },
});
const unavailable = (maxUnavailable: number | string): Partial<DaemonSetSpec> => ({
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable } },
});

for (const [what, podSpec, node, run, stay] of [
  ["any node", {}, nodeOf("a"), true, true],
  ["another node's name", { nodeName: "b" }, nodeOf("a"), false, false],
  ["its name", { nodeName: "a" }, nodeOf("a"), true, true],
  ["a selector that fits", { nodeSelector: { x: "1" } }, nodeOf("a", [], { x: "1" }), true, true],
  ["a selector that does not", { nodeSelector: { x: "1" } }, nodeOf("a"), false, false],
  ["a taint against new pods", {}, nodeOf("a", [noSchedule]), false, true],
  ["a taint against all", {}, nodeOf("a", [noExecute]), false, false],
  ["taints that are tolerated", { tolerations: [{ key: "k", operator: "Exists" }] }, nodeOf("a", [noExecute, noSchedule]), true, true],
  ["a value that is not tolerated", { tolerations: [{ key: "k", value: "w" }] }, nodeOf("a", [noSchedule]), false, true],
  ["a cordon", {}, nodeOf("a", [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }]), true, true],
  ["a node that is not ready", {}, nodeOf("a", [{ key: "node.kubernetes.io/not-ready", effect: "NoExecute" }]), true, true],
  ["a node not ready yet", {}, nodeOf("a", [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }]), false, true],
  ["no network", {}, nodeOf("a", [{ key: "node.kubernetes.io/network-unavailable", effect: "NoSchedule" }]), false, true],
  [
    "no network, on the host's",
    { hostNetwork: true },
    nodeOf("a", [{ key: "node.kubernetes.io/network-unavailable", effect: "NoSchedule" }]),
    true,
    true,
  ],
] as const) {
  test(`fit: ${what}`, () => assert.deepEqual(nodeFit(setOf({}, podSpec as Partial<PodSpec>))(node), { run, stay }));
}

test("tolerations: a limited one of ours becomes unlimited in its place, others stay", () => {
  const own: Toleration[] = [
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 },
    { key: "mine", operator: "Exists" },
  ];
  const all = tolerationsOf({ containers: [], tolerations: own });
  assert.deepEqual(all.slice(0, 2), [{ key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" }, own[1]]);
  assert.equal(all.length, 7);
});

for (const [what, spec, states, changes] of [
  ["missing pods are made", {}, "n _ _", "+b +c"],
  ["of two, the older stays", {}, "nn", "an"],
  ["a pod that goes is waited for", {}, "n-", ""],
  ["with a surge it is not", surge(1), "n-", "+a"],
  ["with a surge, old and new stand side by side while the new one is not ready", surge(1), "oN", ""],
  ["with a surge, the old one goes when the new one serves", surge(1), "on", "ao"],
  ["with a surge, an old one that does not serve goes", surge(1), "ON", "aO"],
  ["with a surge, no more than one of each", surge(1), "ooN", "ao"],
] as const) {
  test(`upkeep: ${what}`, () => assert.equal(inShort(upkeep(viewOf(setOf(spec), states))), changes));
}

test("upkeep: pods that ended are told, those being deleted are not seen any more", () => {
  const { ended, create } = upkeep(viewOf(setOf(), "n! n. n!-"));
  assert.deepEqual(
    ended.map(({ nodeName }) => nodeName),
    ["a", "b"],
  );
  assert.deepEqual(create, ["c"]);
});

test("upkeep: pods go from nodes where they may not stay, and those never bound from nodes that are gone", () => {
  const nodes = [nodeOf("x", [noExecute]), nodeOf("y", [noSchedule])];
  const pods = [pod("x", "n"), pod("y", "n"), pod("gone", "n?"), pod("gone2", "n")];
  assert.equal(inShort(upkeep(viewOf(setOf(), "", { nodes, pods }))), "xn gonen?");
});

for (const [what, spec, states, changes] of [
  ["one at a time", {}, "o o o", "ao"],
  ["waits for the new one", {}, "N o o", ""],
  ["waits while a node has none", {}, "n- o o", ""],
  ["goes on when it serves", {}, "n o o", "bo"],
  ["old ones that do not serve go at once, and count", {}, "O o o", "aO"],
  ["a share, rounded up", unavailable("50%"), "o o o", "ao bo"],
  ["a limit of nothing at all is one", { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0 } } }, "o o", "ao"],
  ["a node with too many is left to upkeep, and counts", {}, "oo o", ""],
  ["all done", {}, "n n n", ""],
  ["surge: one more", surge(1), "o o o", "+a"],
  ["surge: waits for the new one", surge(1), "oN o o", ""],
  ["surge: the old one goes, the next comes", surge(1), "on o o", "+b ao"],
  ["surge: nodes whose old one does not serve do not count", surge(1), "O O o", "+a +b +c"],
  ["surge: a share, rounded up", surge("34%"), "o o o", "+a +b"],
] as const) {
  test(`rolling update: ${what}`, () => assert.equal(inShort(rollingUpdate(viewOf(setOf(spec), states))), changes));
}

test("rolling update with a surge: where none belongs any more, the old one serves until enough others do", () => {
  const nodes = [nodeOf("x", [noSchedule])];
  const misplaced = { nodes, pods: [pod("x", "o")] };
  assert.equal(inShort(rollingUpdate(viewOf(setOf(surge(1)), "N", misplaced))), "");
  assert.equal(inShort(rollingUpdate(viewOf(setOf(surge(1)), "n", misplaced))), "xo");
  assert.equal(inShort(rollingUpdate(viewOf(setOf(surge(1)), "N", { nodes, pods: [pod("x", "O")] }))), "xO");
});

test("a pod is made for a node: affinity for its name, what else there was stays", () => {
  const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: "a", operator: "Exists" }] } }];
  const affinity = {
    podAntiAffinity: {},
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "x", operator: "Exists" }] }] },
    },
  };
  const set = setOf({}, { affinity });
  set.metadata = { ...set.metadata, annotations: { "deprecated.daemonset.template.generation": "3" } };
  const made = makePod(set, "abc", "n1");
  assert.deepEqual(made.metadata?.labels, { app: "d", "pod-template-generation": "3", "controller-revision-hash": "abc" });
  assert.equal(made.metadata?.generateName, "d-");
  assert.deepEqual(made.spec?.affinity?.podAntiAffinity, {});
  assert.deepEqual(made.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution, preferred);
  assert.equal(targetNode(made), "n1");
  assert.equal(targetNode({ ...made, spec: { ...made.spec, containers: [], nodeName: "n2" } }), "n2");
  assert.equal(targetNode({ spec: { containers: [] } }), undefined);
});

test("status: the oldest pod of a node counts, misplaced ones apart", () => {
  const nodes = [nodeOf("x", [noSchedule])];
  const set = setOf({ minReadySeconds: 60 });
  const pods = [pod("x", "n"), pod("z", "o", 100, 80), pod("z", "N", 10)];
  const { status, recheckInMs } = observe(viewOf(set, "n N _", { nodes: [...nodes, nodeOf("z")], pods }), undefined);
  assert.deepEqual(status, {
    currentNumberScheduled: 3,
    numberMisscheduled: 1,
    desiredNumberScheduled: 4,
    numberReady: 2,
    observedGeneration: 2,
    updatedNumberScheduled: 2,
    numberAvailable: 1,
    numberUnavailable: 3,
  });
  assert.equal(recheckInMs, 10_000);
});

test("failed pods are replaced at once, then after 1, 2, 4 seconds; a new template begins anew", () => {
  const failed = createFailedPods();
  const at = (seconds: number, version = "1") => failed.attempt("default/d", version, "a", seconds * 1000);
  assert.deepEqual([at(0), at(0.4), at(1), at(1.5), at(3), at(4), at(7)], [0, 600, 0, 1500, 0, 3000, 0]);
  assert.equal(at(7, "2"), 0);
  assert.equal(at(3000, "2"), 0);
  assert.equal(at(3001, "2"), 0, "forgiven after twice the longest delay");
  failed.forget("default/d");
  assert.equal(at(3001.5, "2"), 0);
});
