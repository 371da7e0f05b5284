import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf } from "#meta/object.ts";
import type { AnyPod } from "./framework.ts";
import { asking, createWorld, node, on, pod } from "./test-world.ts";

test("assumed pods count until forgotten or shown, nodes may come later and go", () => {
  const { state, info, place, addNode } = createWorld();
  const first = pod("p", asking("1"));
  const cpuOn = (name: string) => state.snapshot.node(name)?.requestedCpu;
  state.assume(info(first), "a");
  addNode(node("a"));
  assert.equal(cpuOn("a"), 1000);
  state.forget(keyOf(first));
  assert.equal(cpuOn("a"), 0);
  state.assume(info(first), "a");
  place(on("a", first));
  state.forget(keyOf(first));
  assert.equal(cpuOn("a"), 1000, "what the API shows is not forgotten");
  state.setPod(keyOf(first), undefined);
  assert.equal(cpuOn("a"), 0);
  state.setNode("a", undefined);
  assert.equal(state.snapshot.nodes.length, 0);
});

test("tallies follow pods, nodes and labels", () => {
  const { state, info, place, addNode } = createWorld();
  const selection = {
    id: "app a",
    namespaces: new Set(["d"]),
    matches: ({ labels }: { labels: Readonly<Record<string, string>> | undefined }) => labels?.["app"] === "a",
  };
  addNode(node("n1", { labels: { zone: "1" } }));
  addNode(node("n2", { labels: { zone: "2" } }));
  place(on("n1", pod("p")));
  const zones = () => Object.fromEntries(state.snapshot.tally(selection).by("zone").counts);
  assert.deepEqual(zones(), { 1: 1 });
  assert.equal(state.snapshot.tally(selection).by("zone").least(2), 0);
  place(on("n2", pod("q")));
  place(on("n2", pod("other", {}, { app: "b" })));
  assert.deepEqual(zones(), { 1: 1, 2: 1 });
  assert.equal(state.snapshot.tally(selection).by("zone").least(2), 1);
  addNode(node("n2", { labels: { zone: "3" } }));
  assert.deepEqual(zones(), { 1: 1, 3: 1 });
  assert.deepEqual([...state.snapshot.topology("zone").keys()], ["1", "3"]);
  place(on("n1", pod("q")));
  assert.deepEqual(zones(), { 1: 2 });
  state.setNode("n1", undefined);
  assert.deepEqual(zones(), {});
  addNode(node("n1", { labels: { zone: "1" } }));
  assert.deepEqual(zones(), { 1: 2 });
  state.assume(info(pod("r")), "n2");
  assert.equal(state.snapshot.tally(selection).at(state.snapshot.nodes.find(({ name }) => name === "n2")!), 1);
});

test("terms of placed pods are grouped and forgotten with the last of them", () => {
  const { state, place, addNode } = createWorld();
  addNode(node("n1"));
  addNode(node("n2"));
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "a" } } };
  const social = (name: string) => pod(name, { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });
  place(on("n1", social("p")));
  place(on("n2", social("q")));
  const groups = () => [...state.snapshot.existingTerms("antiAffinity", "d")].map(({ counts }) => Object.fromEntries(counts));
  assert.deepEqual(groups(), [{ n1: 1, n2: 1 }]);
  assert.deepEqual([...state.snapshot.existingTerms("antiAffinity", "elsewhere")], []);
  for (const name of ["p", "q"]) state.setPod(`d/${name}`, undefined);
  assert.deepEqual(groups(), []);
});

test("nodes of different zones come in turn", () => {
  const { state, addNode } = createWorld();
  const zoned = (name: string, zone: string) => node(name, { labels: { "topology.kubernetes.io/zone": zone } });
  for (const one of [zoned("a1", "a"), zoned("a2", "a"), zoned("a3", "a"), zoned("b1", "b"), zoned("c1", "c"), zoned("c2", "c")])
    addNode(one);
  assert.deepEqual(
    state.snapshot.nodes.map(({ name }) => name),
    ["a1", "b1", "c1", "a2", "c2", "a3"],
  );
});

test("claims in use are counted", () => {
  const { state, place, addNode } = createWorld();
  addNode(node("n1"));
  const claiming = (name: string): AnyPod => pod(name, { volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }] });
  place(on("n1", claiming("p")));
  place(on("n1", claiming("q")));
  assert.equal(state.snapshot.claimUsers("d/data"), 2);
  state.setPod("d/p", undefined);
  state.setPod("d/q", undefined);
  assert.equal(state.snapshot.claimUsers("d/data"), 0);
});
