// What a configuration leaves out. Pure. Numbers and merging are upstream's (kube-scheduler apis/config/v1).

import type { ResourceSpec } from "../resource-scores.ts";
import {
  API_VERSION,
  type CompleteConfiguration,
  type CompleteProfile,
  EXTENSION_POINTS,
  type KubeSchedulerConfiguration,
  type KubeSchedulerProfile,
  type PluginArgs,
  type PluginConfig,
  type PluginRef,
  type PluginSet,
  type PluginSets,
} from "./types.ts";

/** In the order in which they are asked. */
const DEFAULT_PLUGINS: readonly PluginRef[] = [
  { name: "SchedulingGates" },
  { name: "PrioritySort" },
  { name: "NodeUnschedulable" },
  { name: "NodeName" },
  { name: "TaintToleration", weight: 3 },
  { name: "NodeAffinity", weight: 2 },
  { name: "NodePorts" },
  { name: "NodeResourcesFit", weight: 1 },
  { name: "VolumeRestrictions" },
  { name: "NodeVolumeLimits" },
  { name: "VolumeBinding" },
  { name: "VolumeZone" },
  { name: "PodTopologySpread", weight: 2 },
  { name: "InterPodAffinity", weight: 2 },
  { name: "DefaultPreemption" },
  { name: "NodeResourcesBalancedAllocation", weight: 1 },
  { name: "ImageLocality", weight: 1 },
  { name: "DefaultBinder" },
];

const CPU_AND_MEMORY: readonly ResourceSpec[] = [
  { name: "cpu", weight: 1 },
  { name: "memory", weight: 1 },
];

export function completeConfiguration(given: KubeSchedulerConfiguration = {}): CompleteConfiguration {
  const profiles = given.profiles?.length ? given.profiles : [{}];
  const onlyOne = profiles.length === 1;
  const percentageOfNodesToScore = given.percentageOfNodesToScore ?? 0;
  return {
    apiVersion: given.apiVersion ?? API_VERSION,
    parallelism: given.parallelism ?? 16,
    percentageOfNodesToScore,
    podInitialBackoffSeconds: given.podInitialBackoffSeconds ?? 1,
    podMaxBackoffSeconds: given.podMaxBackoffSeconds ?? 10,
    profiles: profiles.map((profile) => completeProfile(profile, onlyOne, percentageOfNodesToScore)),
  };
}

function completeProfile(given: KubeSchedulerProfile, onlyOne: boolean, percentage: number): CompleteProfile {
  const pluginConfig = given.pluginConfig ?? [];
  return {
    schedulerName: given.schedulerName ?? (onlyOne ? "default-scheduler" : ""),
    percentageOfNodesToScore: given.percentageOfNodesToScore ?? percentage,
    plugins: mergeAll(given.plugins ?? {}),
    args: completeArgs(pluginConfig),
    pluginConfig,
  };
}

function mergeAll(custom: PluginSets): PluginSets {
  const merged: Record<string, PluginSet> = { multiPoint: merge({ enabled: DEFAULT_PLUGINS }, custom.multiPoint ?? {}) };
  for (const point of EXTENSION_POINTS) merged[point] = merge({}, custom[point] ?? {});
  return merged;
}

/** A plugin that is enabled anew takes the place of the default with its name; others follow. */
function merge(defaults: PluginSet, custom: PluginSet): PluginSet {
  const disabled = [...(custom.disabled ?? []), ...(defaults.disabled ?? [])].map(({ name }) => ({ name }));
  const isDisabled = (name: string) => disabled.some((one) => one.name === name || one.name === "*");
  const given = custom.enabled ?? [];
  const kept = (defaults.enabled ?? []).filter(({ name }) => !isDisabled(name));
  const replaced = kept.map((plugin) => given.findLast(({ name }) => name === plugin.name) ?? plugin);
  return { enabled: [...replaced, ...given.filter((plugin) => !replaced.includes(plugin))], disabled };
}

function completeArgs(pluginConfig: readonly PluginConfig[]): PluginArgs {
  // Unknown and mistyped arguments are validation's matter; here what is given goes over what is not.
  const given = <Name extends keyof PluginArgs>(name: Name) =>
    (pluginConfig.find((config) => config.name === name)?.args ?? {}) as Partial<PluginArgs[Name]>;
  const fit = given("NodeResourcesFit");
  const balanced = given("NodeResourcesBalancedAllocation");
  const strategy = fit.scoringStrategy ?? { type: "LeastAllocated", resources: [] };
  return {
    DefaultPreemption: { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100, ...given("DefaultPreemption") },
    InterPodAffinity: { hardPodAffinityWeight: 1, ...given("InterPodAffinity") },
    NodeAffinity: given("NodeAffinity"),
    NodeResourcesBalancedAllocation: { resources: completeResources(balanced.resources) },
    NodeResourcesFit: { ...fit, scoringStrategy: { ...strategy, resources: completeResources(strategy.resources) } },
    PodTopologySpread: { defaultingType: "System", ...given("PodTopologySpread") },
    VolumeBinding: { bindTimeoutSeconds: 600, ...given("VolumeBinding") },
  };
}

function completeResources(resources: readonly ResourceSpec[] | undefined): readonly ResourceSpec[] {
  return resources?.length ? resources.map(({ name, weight }) => ({ name, weight: weight || 1 })) : CPU_AND_MEMORY;
}
