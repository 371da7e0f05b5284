import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeSchedulerConfiguration } from "../configuration/types.ts";
import type { Listers } from "../listers.ts";
import { fixedLister } from "../test-listers.ts";
import { createWorld, node, on, pod } from "../test-world.ts";

const resources = (requests: Record<string, string>) => ({ containers: [{ name: "c", resources: { requests } }] });
const only = (name: string, args?: object): KubeSchedulerConfiguration => ({
  profiles: [
    {
      plugins: { score: { disabled: [{ name: "*" }], enabled: [{ name }] } },
      pluginConfig: args ? [{ name, args }] : [],
    },
  ],
});
const first = (text: string) => text.replace(/ preemption: .*/, "");

test("strategies: most allocated packs, a shape prefers what it says", () => {
  const run = (scoringStrategy: object) => {
    const world = createWorld({ configuration: only("NodeResourcesFit", { scoringStrategy }) });
    for (const name of ["empty", "half", "full"]) world.addNode(node(name));
    world.place(on("half", pod("h", resources({ cpu: "1" }))));
    world.place(on("full", pod("f", resources({ cpu: "3" }))));
    return world.outcome(pod("p", resources({ cpu: "1" })));
  };
  const cpu = [{ name: "cpu", weight: 1 }];
  assert.equal(run({ type: "MostAllocated", resources: cpu }), "full");
  assert.equal(run({ type: "LeastAllocated", resources: cpu }), "empty");
  const shape = [
    { utilization: 0, score: 0 },
    { utilization: 50, score: 10 },
    { utilization: 100, score: 0 },
  ];
  assert.equal(run({ type: "RequestedToCapacityRatio", resources: cpu, requestedToCapacityRatio: { shape } }), "half");
});

test("extended resources count, unless they are ignored", () => {
  const asks = pod("p", resources({ "example.com/gpu": "1" }));
  const plain = createWorld();
  plain.addNode(node("n"));
  assert.equal(first(plain.outcome(asks)), "0/1 nodes are available: 1 Insufficient example.com/gpu.");
  const ignoring = createWorld({ configuration: only("NodeResourcesFit", { ignoredResourceGroups: ["example.com"] }) });
  ignoring.addNode(node("n"));
  assert.equal(ignoring.outcome(asks), "n");
});

test("images: the node that has the larger part of them", () => {
  const world = createWorld({ configuration: only("ImageLocality") });
  const has = (name: string, sizeBytes: number) => ({
    status: { allocatable: { cpu: "4", memory: "8Gi", pods: "10" }, images: [{ names: [name], sizeBytes }] },
  });
  world.addNode(node("small", has("tool:latest", 30e6)));
  world.addNode(node("large", has("app:v1", 900e6)));
  world.addNode(node("none"));
  assert.equal(
    world.outcome(
      pod("p", {
        containers: [
          { name: "c", image: "app:v1" },
          { name: "d", image: "tool" },
        ],
      }),
    ),
    "large",
  );
});

test("affinity that the profile adds; pods that name their nodes", () => {
  const requirement = { matchExpressions: [{ key: "zone", operator: "In", values: ["2"] }] };
  const addedAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [requirement] } };
  const world = createWorld({ configuration: only("NodeAffinity", { addedAffinity }) });
  world.addNode(node("a", { labels: { zone: "1" } }));
  assert.equal(first(world.outcome(pod("p"))), "0/1 nodes are available: 1 node(s) didn't match scheduler-enforced node affinity.");
  const named = (...names: string[]) => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: names.map((name) => ({ key: "metadata.name", operator: "In", values: [name] })) }],
        },
      },
    },
  });
  const plain = createWorld();
  for (const name of ["a", "b", "c"]) plain.addNode(node(name));
  assert.equal(plain.outcome(pod("p", named("b"))), "b");
  assert.equal(first(plain.outcome(pod("p", named("a", "b")))), "0/3 nodes are available: pod affinity terms conflict.");
  assert.equal(
    first(plain.outcome(pod("p", { ...named("b"), ...resources({ cpu: "9" }) }))),
    "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  );
});

test("default constraints spread the pods of a Service", () => {
  const services = fixedLister([{ metadata: { name: "s", namespace: "d" }, spec: { selector: { app: "a" } } }]);
  const world = createWorld({ configuration: only("PodTopologySpread"), listers: { services } });
  for (const name of ["a", "b"]) world.addNode(node(name));
  world.place(on("a", pod("q")));
  assert.equal(world.outcome(pod("p")), "b");
});

const bound = (name: string, volumeName: string, accessModes = ["ReadWriteOnce"]) => ({
  metadata: { name, namespace: "d", annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
  spec: { volumeName, accessModes },
});
const claiming = (name: string, claimName: string) => pod(name, { volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] });
const csi = (name: string, labels: Record<string, string> = {}) => ({
  metadata: { name, labels },
  spec: { csi: { driver: "d.example", volumeHandle: name } },
});
const storage = (listers: Partial<Listers>) => createWorld({ listers });

test("volumes: a zone's volume is used in that zone", () => {
  const world = storage({
    claims: fixedLister([bound("c", "v")]),
    volumes: fixedLister([csi("v", { "topology.kubernetes.io/zone": "1__2" })]),
  });
  world.addNode(node("far", { labels: { "topology.kubernetes.io/zone": "3" } }));
  assert.equal(first(world.outcome(claiming("p", "c"))), "0/1 nodes are available: 1 node(s) had no available volume zone.");
  world.addNode(node("near", { labels: { "topology.kubernetes.io/zone": "2" } }));
  assert.equal(world.outcome(claiming("p", "c")), "near");
});

test("volumes: a driver's limit on a node", () => {
  const world = storage({
    claims: fixedLister([bound("c1", "v1"), bound("c2", "v2")]),
    volumes: fixedLister([csi("v1"), csi("v2")]),
    csiNodes: fixedLister([
      { metadata: { name: "n" }, spec: { drivers: [{ name: "d.example", nodeID: "n", allocatable: { count: 1 } }] } },
    ]),
  });
  world.addNode(node("n"));
  world.place(on("n", claiming("q", "c1")));
  assert.equal(first(world.outcome(claiming("p", "c2"))), "0/1 nodes are available: 1 node(s) exceed max volume count.");
  assert.equal(world.outcome(claiming("p", "c1")), "n", "a volume that is attached already is no more");
});

test("volumes: one that is gone, one of another node", () => {
  const local = {
    ...csi("v"),
    spec: {
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["b"] }] }] },
      },
    },
  };
  const world = storage({ claims: fixedLister([bound("c", "v")]), volumes: fixedLister([local]) });
  world.addNode(node("a"));
  assert.equal(
    first(world.outcome(claiming("p", "c"))),
    "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity.",
  );
  world.addNode(node("b"));
  assert.equal(world.outcome(claiming("p", "c")), "b");
});
