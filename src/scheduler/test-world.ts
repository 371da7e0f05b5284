// For tests: a cluster in memory without an API, and decisions over it.

import type { Client } from "#client/client.ts";
import { createVirtualClock } from "#lib/clock.ts";
import { keyOf } from "#meta/object.ts";
import { createTermCompiler } from "./affinity-terms.ts";
import { createClusterState } from "./cluster-state.ts";
import { completeConfiguration } from "./configuration/defaults.ts";
import type { KubeSchedulerConfiguration } from "./configuration/types.ts";
import { type Choice, chooseNode, fitMessage, type Rotation } from "./decide.ts";
import type { AnyNode, AnyPod, PodInfo } from "./framework.ts";
import type { Listers } from "./listers.ts";
import { noListers } from "./test-listers.ts";
import { podInfo } from "./pod-info.ts";
import type { Candidate } from "./preemption.ts";
import { createProfile, type PluginHandle } from "./profile.ts";

export interface World {
  readonly state: ReturnType<typeof createClusterState>;
  readonly handle: PluginHandle;
  /** What preemption decided. */
  readonly preempted: { readonly pod: PodInfo; readonly candidate: Candidate; readonly displaced: readonly PodInfo[] }[];
  info(pod: AnyPod): PodInfo;
  addNode(node: AnyNode): void;
  /** A pod with a node. */
  place(pod: AnyPod): void;
  choose(pod: AnyPod): Choice;
  /** The node's name, or the whole message, preemption tried. */
  outcome(pod: AnyPod): string;
}

export interface WorldOptions {
  readonly configuration?: KubeSchedulerConfiguration;
  readonly listers?: Partial<Listers>;
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly random?: () => number;
}

export function createWorld(options: WorldOptions = {}): World {
  const { random = () => 0.99 } = options;
  const namespaceLabels = (name: string) => options.namespaces?.[name];
  const compiler = createTermCompiler(namespaceLabels);
  const state = createClusterState(namespaceLabels);
  const preempted: World["preempted"] = [];
  const handle: PluginHandle = {
    client: {} as Client, // nothing is written here
    clock: createVirtualClock(),
    random,
    listers: { ...noListers(), ...options.listers },
    compiler,
    preemptor: { preempt: (pod, candidate, displaced) => void preempted.push({ pod, candidate, displaced }), isPreempting: () => false },
  };
  const [complete] = completeConfiguration(options.configuration).profiles;
  if (!complete) throw new RangeError("a configuration has a profile");
  const profile = createProfile(complete, handle);
  const rotation: Rotation = { start: 0 };
  const info = (pod: AnyPod) => podInfo(pod, compiler);
  const choose = (pod: AnyPod) => chooseNode(info(pod), state.snapshot, profile, rotation, random);
  return {
    state,
    handle,
    preempted,
    info,
    choose,
    addNode: (node) => state.setNode(node.metadata?.name ?? "", node),
    place: (pod) => state.setPod(keyOf(pod), info(pod)),
    outcome(pod) {
      const choice = choose(pod);
      if ("node" in choice) return choice.node.name;
      if ("noNodes" in choice) return "no nodes available to schedule pods";
      const messages = profile.postFilters.map(({ postFilter }) => postFilter(choice.failed).message);
      return fitMessage(choice.failed.diagnosis, messages.filter((message) => message !== "").join(", "));
    },
  };
}

export interface NodeShape {
  readonly labels?: Record<string, string>;
  readonly spec?: object;
  readonly cpu?: string;
  readonly status?: object;
}

export function node(name: string, { labels = {}, spec = {}, cpu = "4", status = {} }: NodeShape = {}): AnyNode {
  return {
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec,
    status: { allocatable: { cpu, memory: "8Gi", pods: "10" }, ...status },
  };
}

export function pod(name: string, spec: object = {}, labels: Record<string, string> = { app: "a" }): AnyPod {
  return { metadata: { name, namespace: "d", uid: name, labels }, spec: { containers: [{ name: "c" }], ...spec } } as AnyPod;
}

export const on = (where: string, placed: AnyPod): AnyPod => ({ ...placed, spec: { ...placed.spec, nodeName: where } }) as AnyPod;

export const asking = (cpu: string, memory = "0") => ({ containers: [{ name: "c", resources: { requests: { cpu, memory } } }] });
