// The cases of upstream's scheduler_perf that have a pass mark for 5,000 nodes: what is there, what comes, and the mark.

import type { Node, Pod, PodSpec } from "#kinds/api/core-v1.gen.ts";

export interface PodShape {
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly cpu: string;
  readonly memory: string;
  readonly more?: Partial<PodSpec>;
}

export interface SchedulingCase {
  readonly nodes: number;
  /** Values of the nodes' zone label, in turn. */
  readonly zones?: readonly string[];
  readonly initPods: number;
  /** Default: as the measured ones. */
  readonly initShape?: PodShape;
  readonly measurePods: number;
  readonly shape: PodShape;
  readonly measureNamespace?: string;
  /** One of these comes every 200 ms. */
  readonly churn?: PodShape;
  /** Upstream's test fails below so many pods a second. */
  readonly mark: number;
}

const basic: PodShape = { namespace: "default", cpu: "100m", memory: "500Mi" };
const BOTH = ["sched-1", "sched-0"];
const HOST = "kubernetes.io/hostname";
const ZONE = "topology.kubernetes.io/zone";

function social(color: string, kind: "podAffinity" | "podAntiAffinity", required: boolean, topologyKey: string): PodShape {
  const term = { labelSelector: { matchLabels: { color } }, topologyKey, namespaces: BOTH };
  const rules = required
    ? { requiredDuringSchedulingIgnoredDuringExecution: [term] }
    : { preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: term, weight: 1 }] };
  return { ...basic, namespace: "sched-0", labels: { color }, more: { affinity: { [kind]: rules } } };
}

const apart = { measureNamespace: "sched-1", nodes: 5000 };
const choosy: PodShape = {
  ...basic,
  more: {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: "In", values: ["zone1", "zone2"] }] }],
        },
      },
    },
  },
};
const spread = (whenUnsatisfiable: string): PodShape => ({
  ...basic,
  labels: { color: "blue" },
  more: {
    topologySpreadConstraints: [{ maxSkew: 5, topologyKey: ZONE, whenUnsatisfiable, labelSelector: { matchLabels: { color: "blue" } } }],
  },
});
const moons = ["moon-1", "moon-2", "moon-3"];

export const CASES: Readonly<Record<string, SchedulingCase>> = {
  SchedulingBasic: { nodes: 5000, initPods: 1000, measurePods: 10_000, shape: basic, mark: 680 },
  TopologySpreading: {
    nodes: 5000,
    zones: moons,
    initPods: 5000,
    initShape: basic,
    measurePods: 5000,
    shape: spread("DoNotSchedule"),
    mark: 460,
  },
  PreferredTopologySpreading: {
    nodes: 5000,
    zones: moons,
    initPods: 5000,
    initShape: basic,
    measurePods: 5000,
    shape: spread("ScheduleAnyway"),
    mark: 340,
  },
  PodAntiAffinity: { ...apart, initPods: 1000, measurePods: 2000, shape: social("green", "podAntiAffinity", true, HOST), mark: 60 },
  PodAffinity: {
    ...apart,
    zones: ["zone1"],
    initPods: 5000,
    measurePods: 5000,
    shape: social("blue", "podAffinity", true, ZONE),
    mark: 35,
  },
  PreferredPodAffinity: { ...apart, initPods: 5000, measurePods: 5000, shape: social("red", "podAffinity", false, HOST), mark: 90 },
  PreferredPodAntiAffinity: {
    ...apart,
    initPods: 5000,
    measurePods: 5000,
    shape: social("yellow", "podAntiAffinity", false, HOST),
    mark: 90,
  },
  NodeAffinity: { nodes: 5000, zones: ["zone1"], initPods: 5000, measurePods: 10_000, shape: choosy, mark: 220 },
  PreemptionAsync: {
    nodes: 5000,
    initPods: 20_000,
    initShape: { ...basic, cpu: "900m", more: { terminationGracePeriodSeconds: 0 } },
    measurePods: 5000,
    shape: basic,
    churn: { ...basic, cpu: "3", more: { priorityClassName: "high" } },
    mark: 570,
  },
  Unschedulable: {
    nodes: 5000,
    initPods: 100,
    measurePods: 10_000,
    shape: basic,
    churn: { ...basic, cpu: "9", more: { priorityClassName: "high" } },
    mark: 590,
  },
};

export function nodeOf(index: number, zones: readonly string[] | undefined): Node {
  const name = `node-${index}`;
  const zone = zones?.[index % zones.length];
  const amounts = { pods: "110", cpu: "4", memory: "32Gi" };
  return {
    metadata: { name, labels: { [HOST]: name, ...(zone === undefined ? {} : { [ZONE]: zone }) } },
    spec: {},
    status: { capacity: amounts, allocatable: amounts, conditions: [{ type: "Ready", status: "True" }] },
  };
}

export function podOf({ namespace, labels, cpu, memory, more }: PodShape, name: string, added: Record<string, string>): Pod {
  const amounts = { cpu, memory };
  return {
    metadata: { name, namespace, labels: { ...labels, ...added } },
    spec: {
      containers: [
        {
          name: "pause",
          image: "registry.k8s.io/pause:3.10.1",
          ports: [{ containerPort: 80 }],
          resources: { limits: amounts, requests: amounts },
        },
      ],
      ...more,
    },
  };
}
