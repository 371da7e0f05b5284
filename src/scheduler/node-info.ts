// A node with the pods that run or were just placed there, and the sums over them.

import type { AnyNode, PodInfo } from "./framework.ts";
import { amountsOf, type Resources } from "./resources.ts";

/** Plugins must not change it. */
export interface NodeInfo {
  readonly node: AnyNode;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pods: ReadonlySet<PodInfo>;
  readonly allocatable: Resources;
  /** What a look-up of the most asked for names would give. */
  readonly allocatableCpu: number;
  readonly allocatableMemory: number;
  readonly allowedPods: number;
  /** What is left of these; may be negative. */
  readonly freePods: number;
  readonly freeCpu: number;
  readonly freeMemory: number;
  /** Sum of what its pods request. */
  readonly requested: Resources;
  readonly requestedCpu: number;
  readonly requestedMemory: number;
  /** The same with upstream's stand-ins for cpu and memory that pods do not ask for; for scores. */
  readonly nonZeroCpu: number;
  readonly nonZeroMemory: number;
  /** How many pods have the host port, by `protocol/ip/port`. */
  readonly usedPorts: ReadonlyMap<string, number>;
}

const NO_LABELS: Readonly<Record<string, string>> = {};

export class MutableNodeInfo implements NodeInfo {
  readonly name: string;
  readonly pods = new Set<PodInfo>();
  readonly requested = new Map<string, number>();
  readonly usedPorts = new Map<string, number>();
  node: AnyNode;
  labels: Readonly<Record<string, string>>;
  allocatable: Resources;
  allocatableCpu = 0;
  allocatableMemory = 0;
  allowedPods = 0;
  freePods = 0;
  freeCpu = 0;
  freeMemory = 0;
  requestedCpu = 0;
  requestedMemory = 0;
  nonZeroCpu = 0;
  nonZeroMemory = 0;

  /** `like`: what the node is known to have. */
  constructor(node: AnyNode, like?: NodeInfo) {
    this.name = node.metadata?.name ?? "";
    this.node = node;
    this.labels = NO_LABELS;
    this.allocatable = new Map();
    if (like) this.#take(like.labels, like.allocatable);
    else this.setNode(node);
  }

  setNode(node: AnyNode): void {
    this.node = node;
    this.#take(node.metadata?.labels ?? NO_LABELS, amountsOf(node.status?.allocatable ?? node.status?.capacity));
  }

  #take(labels: Readonly<Record<string, string>>, allocatable: Resources): void {
    this.labels = labels;
    this.allocatable = allocatable;
    this.allocatableCpu = this.allocatable.get("cpu") ?? 0;
    this.allocatableMemory = this.allocatable.get("memory") ?? 0;
    this.allowedPods = this.allocatable.get("pods") ?? 0;
    this.#subtract();
  }

  add(pod: PodInfo): void {
    this.pods.add(pod);
    this.#count(pod, 1);
  }

  remove(pod: PodInfo): void {
    if (this.pods.delete(pod)) this.#count(pod, -1);
  }

  #count(pod: PodInfo, by: 1 | -1): void {
    for (const [name, amount] of pod.requests) {
      if (name === "cpu") this.requestedCpu += by * amount;
      else if (name === "memory") this.requestedMemory += by * amount;
      this.requested.set(name, (this.requested.get(name) ?? 0) + by * amount);
    }
    this.nonZeroCpu += by * pod.nonZero.cpu;
    this.nonZeroMemory += by * pod.nonZero.memory;
    for (const port of pod.hostPorts) {
      const users = (this.usedPorts.get(port) ?? 0) + by;
      if (users === 0) this.usedPorts.delete(port);
      else this.usedPorts.set(port, users);
    }
    this.#subtract();
  }

  #subtract(): void {
    this.freePods = this.allowedPods - this.pods.size;
    this.freeCpu = this.allocatableCpu - this.requestedCpu;
    this.freeMemory = this.allocatableMemory - this.requestedMemory;
  }
}

/** A copy of any node's info, for what-ifs. */
export function copyOf(info: NodeInfo): MutableNodeInfo {
  const copy = new MutableNodeInfo(info.node, info);
  for (const pod of info.pods) copy.add(pod);
  return copy;
}
