import assert from "node:assert/strict";
import { test } from "node:test";
import { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { misfit, type BruteWorld } from "./brute-force.ts";
import type { AnyNode, AnyPod, PodInfo } from "./framework.ts";
import { fixedLister } from "./test-listers.ts";
import { createWorld } from "./test-world.ts";

const CLUSTERS = 1000;
const PODS = 14;
const SEED = Number(process.env["SEED"] ?? 20_261_122);
const NAMESPACES = { d: { team: "one" }, e: { team: "two" } };

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function generator(random: () => number) {
  const chance = (probability: number) => random() < probability;
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T; // never empty here
  const below = (limit: number) => Math.floor(random() * limit);
  const appLabels = () => ({ app: pick(["a", "b", "c"]), ...(chance(0.3) ? { tier: pick(["x", "y"]) } : {}) });
  const selector = () =>
    chance(0.7)
      ? { matchLabels: { app: pick(["a", "b", "c"]) } }
      : {
          matchExpressions: [
            {
              key: pick(["app", "tier"]),
              ...(chance(0.5) ? { operator: "Exists" } : { operator: pick(["In", "NotIn"]), values: ["a", "x"] }),
            },
          ],
        };
  const topologyKey = () => pick(["zone", "kubernetes.io/hostname", "rack"]);
  const term = () => ({
    labelSelector: selector(),
    topologyKey: topologyKey(),
    ...(chance(0.2) ? { namespaces: [pick(["d", "e"])] } : {}),
    ...(chance(0.2) ? { namespaceSelector: chance(0.3) ? {} : { matchLabels: { team: pick(["one", "two"]) } } } : {}),
  });
  const terms = () => ({ requiredDuringSchedulingIgnoredDuringExecution: Array.from({ length: chance(0.2) ? 2 : 1 }, term) });
  const nodeRequirement = () =>
    pick([
      { key: "zone", operator: pick(["In", "NotIn"]), values: [pick(["1", "2", "3"])] },
      { key: "rack", operator: pick(["Exists", "DoesNotExist"]) },
      { key: "zone", operator: pick(["Gt", "Lt"]), values: ["2"] },
    ]);
  const affinity = () => ({
    ...(chance(0.15)
      ? {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [nodeRequirement()] }] },
          },
        }
      : {}),
    ...(chance(0.15) ? { podAffinity: terms() } : {}),
    ...(chance(0.2) ? { podAntiAffinity: terms() } : {}),
  });
  const requests = () => ({
    cpu: `${below(12) * 100}m`,
    memory: String(below(6)),
    ...(chance(0.1) ? { "example.com/gpu": String(1 + below(2)) } : {}),
  });
  const container = (name: string, port: boolean) => ({
    name,
    resources: { requests: requests() },
    ...(port
      ? {
          ports: [
            {
              containerPort: 80,
              hostPort: 8000 + below(2),
              protocol: pick(["TCP", "UDP"]),
              hostIP: pick(["", "0.0.0.0", "10.0.0.1", "10.0.0.2"]),
            },
          ],
        }
      : {}),
  });
  const spread = () => ({
    maxSkew: 1 + below(2),
    topologyKey: topologyKey(),
    whenUnsatisfiable: chance(0.8) ? "DoNotSchedule" : "ScheduleAnyway",
    labelSelector: selector(),
    ...(chance(0.2) ? { nodeAffinityPolicy: pick(["Honor", "Ignore"]) } : {}),
    ...(chance(0.3) ? { nodeTaintsPolicy: pick(["Honor", "Ignore"]) } : {}),
  });
  const spreads = () => {
    const first = spread();
    const withDomains = first.whenUnsatisfiable === "DoNotSchedule" && chance(0.2) ? { ...first, minDomains: 1 + below(4) } : first;
    return chance(0.2) ? [withDomains, { ...spread(), topologyKey: first.topologyKey === "zone" ? "rack" : "zone" }] : [withDomains];
  };
  return {
    node: (index: number): AnyNode => ({
      metadata: {
        name: `n${index}`,
        labels: {
          "kubernetes.io/hostname": `n${index}`,
          ...(chance(0.85) ? { zone: pick(["1", "2", "3"]) } : {}),
          ...(chance(0.7) ? { rack: pick(["r1", "r2"]) } : {}),
        },
      },
      spec: {
        ...(chance(0.05) ? { unschedulable: true } : {}),
        ...(chance(0.2)
          ? { taints: [{ key: "k", value: pick(["v", "w"]), effect: pick(["NoSchedule", "NoExecute", "PreferNoSchedule"]) }] }
          : {}),
      },
      status: {
        allocatable: {
          cpu: `${(1 + below(5)) * 1000}m`,
          memory: String(4 + below(16)),
          pods: String(2 + below(8)),
          "example.com/gpu": String(below(3)),
        },
      },
    }),
    pod: (name: string): AnyPod =>
      ({
        metadata: { name, namespace: pick(["d", "d", "e"]), uid: name, labels: appLabels() },
        spec: {
          containers: [container("c", chance(0.1)), ...(chance(0.2) ? [container("c2", false)] : [])],
          ...(chance(0.15) ? { initContainers: [{ ...container("i", false), ...(chance(0.5) ? { restartPolicy: "Always" } : {}) }] } : {}),
          ...(chance(0.05) ? { overhead: { cpu: "100m" } } : {}),
          ...(chance(0.08) ? { nodeSelector: { zone: pick(["1", "2"]) } } : {}),
          ...(chance(0.2) ? { tolerations: [{ key: "k", ...(chance(0.5) ? { operator: "Exists" } : { value: "v" }) }] } : {}),
          ...(chance(0.25) ? { topologySpreadConstraints: spreads() } : {}),
          ...(chance(0.08) ? { preemptionPolicy: "Never" } : {}),
          affinity: affinity(),
          priority: below(4) * 10,
        },
      }) as AnyPod,
    chance,
  };
}

const priorityOf = (pod: AnyPod) => pod.spec?.priority ?? 0;
const placedOn = (pod: AnyPod, node: string): AnyPod => ({ ...pod, spec: { containers: [], ...pod.spec, nodeName: node } });

test(`${CLUSTERS} random clusters: each placement, each refusal and each preemption is right (SEED=${SEED})`, () => {
  const seen = { placed: 0, refused: 0, preempted: 0, hopeless: 0, nominated: 0, protectedVictims: 0 };
  for (let cluster = 0; cluster < CLUSTERS; cluster++) runCluster(SEED + cluster, seen);
  for (const [what, count] of Object.entries(seen)) assert.ok(count >= 20, `only ${count} ${what}`);
});

function runCluster(
  seed: number,
  seen: Record<"placed" | "refused" | "preempted" | "hopeless" | "nominated" | "protectedVictims", number>,
) {
  const random = randomOf(seed);
  const make = generator(random);
  const budget: PodDisruptionBudget = {
    metadata: { name: "b", namespace: "d" },
    spec: { selector: { matchLabels: { app: "a" } } },
    status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  };
  const isProtected = (pod: AnyPod) => pod.metadata?.namespace === "d" && pod.metadata.labels?.["app"] === "a";
  const world = createWorld({ random, namespaces: NAMESPACES, listers: { budgets: fixedLister([budget]) } });
  const nodes = Array.from({ length: 1 + Math.floor(random() * 6) }, (_, index) => make.node(index));
  for (const node of nodes) world.addNode(node);
  let pods: AnyPod[] = [];
  let nominated: AnyPod[] = [];
  const bruteWorld = (some: readonly AnyPod[]): BruteWorld => ({ nodes, pods: some, namespaces: NAMESPACES });
  /** With and without the pods that room is being made for. */
  const misfitAmong = (pod: AnyPod, node: AnyNode, there: readonly AnyPod[]) => {
    const expected = nominated.filter(
      (other) =>
        other.spec?.nodeName === node.metadata?.name && priorityOf(other) >= priorityOf(pod) && other.metadata?.name !== pod.metadata?.name,
    );
    return (
      misfit(pod, node, bruteWorld(there)) ?? (expected.length > 0 ? misfit(pod, node, bruteWorld([...there, ...expected])) : undefined)
    );
  };
  for (let index = 0; index < PODS; index++) {
    const pod = make.pod(`p${index}`);
    const context = () =>
      `seed ${seed}, pod ${JSON.stringify(pod)}, nodes ${JSON.stringify(nodes)}, placed ${JSON.stringify(pods)}, nominated ${JSON.stringify(nominated)}`;
    const before = world.preempted.length;
    const choice = world.choose(pod);
    assert.ok(!("noNodes" in choice));
    if ("node" in choice) {
      const wrong = misfitAmong(pod, choice.node.node, pods);
      assert.equal(wrong, undefined, `placed on ${choice.node.name} against ${wrong ?? ""}: ${context()}`);
      seen.placed++;
      const placed = placedOn(pod, choice.node.name);
      pods = [...pods, placed];
      world.place(placed);
      continue;
    }
    seen.refused++;
    for (const node of nodes) {
      assert.ok(misfitAmong(pod, node, pods) !== undefined, `refused, but fits on ${node.metadata?.name ?? ""}: ${context()}`);
    }
    const message = world.outcome(pod);
    const decided = world.preempted.slice(before);
    assert.ok(decided.length <= 1);
    const [preemption] = decided;
    const lesser = (other: AnyPod) => priorityOf(other) < priorityOf(pod);
    if (!preemption) {
      if (pod.spec?.preemptionPolicy === "Never") {
        assert.match(message, /preemption: not eligible due to preemptionPolicy=Never\.$/);
        continue;
      }
      for (const node of nodes) {
        const name = node.metadata?.name;
        const victims = pods.filter((other) => other.spec?.nodeName === name && lesser(other));
        const left = pods.filter((other) => !victims.includes(other));
        const helps = victims.length > 0 && misfitAmong(pod, node, left) === undefined;
        // A node that no pod's leaving helps, as its filters see it, is not tried; what the first of a group needs is such.
        if (helps)
          assert.match(message, new RegExp("didn't match pod affinity rules"), `no preemption, but ${name ?? ""} would do: ${context()}`);
      }
      seen.hopeless++;
      continue;
    }
    seen.preempted++;
    checkPreemption(pod, preemption.candidate.node, preemption.candidate.victims);
  }

  function checkPreemption(pod: AnyPod, where: string, victims: readonly PodInfo[]) {
    const context = `seed ${seed}, pod ${JSON.stringify(pod)}, node ${where}, victims ${victims.map(({ uid }) => uid).join(" ")}`;
    const names = new Set(victims.map(({ uid }) => uid));
    const node = nodes.find(({ metadata }) => metadata?.name === where);
    assert.ok(node && victims.length > 0, context);
    for (const victim of victims) {
      assert.ok(victim.priority < priorityOf(pod), `a victim is as important: ${context}`);
      assert.equal(pods.find(({ metadata }) => metadata?.uid === victim.uid)?.spec?.nodeName, where, `a victim from elsewhere: ${context}`);
    }
    const left = pods.filter(({ metadata }) => !names.has(metadata?.uid ?? ""));
    assert.equal(misfitAmong(pod, node, left), undefined, `it does not fit afterwards: ${context}`);
    // Where only what is there matters, and not what is missing, no victim can be spared.
    const simple = !pod.spec?.affinity?.podAffinity && !pod.spec?.topologySpreadConstraints;
    if (simple) {
      for (const victim of victims) {
        const spared = pods.filter(({ metadata }) => !names.has(metadata?.uid ?? "") || metadata?.uid === victim.uid);
        assert.ok(misfitAmong(pod, node, spared) !== undefined, `${victim.uid} need not have gone: ${context}`);
      }
      const harmless = nodes.some((other) => {
        const kept = pods.filter(
          (one) => one.spec?.nodeName !== other.metadata?.name || priorityOf(one) >= priorityOf(pod) || isProtected(one),
        );
        return kept.length < pods.length && misfitAmong(pod, other, kept) === undefined;
      });
      const violated = victims.filter((victim) => isProtected(victim.pod)).length;
      if (violated > 0) seen.protectedVictims++;
      if (harmless) assert.equal(violated, 0, `a budget is violated without need: ${context}`);
    }
    pods = left;
    for (const { key } of victims) world.state.setPod(key, undefined);
    const placed = placedOn(pod, where);
    if (make.chance(0.5)) {
      nominated = [...nominated, placed];
      world.state.nominator.set(world.info(pod), where);
      seen.nominated++;
    } else {
      pods = [...pods, placed];
      world.place(placed);
    }
  }
}
