// KubeSchedulerConfiguration, kubescheduler.config.k8s.io/v1, as far as this scheduler reads it.

import type { DefaultPreemptionArgs } from "../plugins/default-preemption.ts";
import type { InterPodAffinityArgs } from "../plugins/inter-pod-affinity.ts";
import type { NodeAffinityArgs } from "../plugins/node-affinity.ts";
import type { NodeResourcesBalancedAllocationArgs } from "../plugins/node-resources-balanced-allocation.ts";
import type { NodeResourcesFitArgs } from "../plugins/node-resources-fit.ts";
import type { PodTopologySpreadArgs } from "../plugins/pod-topology-spread.ts";
import type { VolumeBindingArgs } from "../plugins/volume-binding.ts";

export const API_VERSION = "kubescheduler.config.k8s.io/v1";

export interface PluginRef {
  readonly name: string;
  readonly weight?: number;
}

export interface PluginSet {
  readonly enabled?: readonly PluginRef[];
  /** `*`: all. */
  readonly disabled?: readonly PluginRef[];
}

export const EXTENSION_POINTS = [
  "preEnqueue",
  "queueSort",
  "preFilter",
  "filter",
  "postFilter",
  "preScore",
  "score",
  "reserve",
  "permit",
  "preBind",
  "bind",
  "postBind",
] as const;

export type ExtensionPoint = (typeof EXTENSION_POINTS)[number];

export type PluginSets = Readonly<Partial<Record<ExtensionPoint | "multiPoint", PluginSet>>>;

/** Arguments by plugin; those of plugins that are not named here are not looked at. */
export interface PluginArgs {
  readonly DefaultPreemption: DefaultPreemptionArgs;
  readonly InterPodAffinity: InterPodAffinityArgs;
  readonly NodeAffinity: NodeAffinityArgs;
  readonly NodeResourcesBalancedAllocation: NodeResourcesBalancedAllocationArgs;
  readonly NodeResourcesFit: NodeResourcesFitArgs;
  readonly PodTopologySpread: PodTopologySpreadArgs;
  readonly VolumeBinding: VolumeBindingArgs;
}

export interface PluginConfig {
  readonly name: string;
  readonly args?: unknown;
}

export interface KubeSchedulerProfile {
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: PluginSets;
  readonly pluginConfig?: readonly PluginConfig[];
}

export interface KubeSchedulerConfiguration {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly parallelism?: number;
  readonly percentageOfNodesToScore?: number;
  readonly podInitialBackoffSeconds?: number;
  readonly podMaxBackoffSeconds?: number;
  readonly profiles?: readonly KubeSchedulerProfile[];
}

/** A profile with everything said. */
export interface CompleteProfile {
  readonly schedulerName: string;
  /** 0: as many as the size of the cluster suggests. */
  readonly percentageOfNodesToScore: number;
  readonly plugins: PluginSets;
  readonly args: PluginArgs;
  /** As given, for validation. */
  readonly pluginConfig: readonly PluginConfig[];
}

export interface CompleteConfiguration {
  readonly apiVersion: string;
  readonly parallelism: number;
  readonly percentageOfNodesToScore: number;
  readonly podInitialBackoffSeconds: number;
  readonly podMaxBackoffSeconds: number;
  readonly profiles: readonly CompleteProfile[];
}
