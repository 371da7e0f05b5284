// A profile: which plugins are asked at which extension point, in which order and with what weight. Adding a plugin is a
// file in plugins/ and a line here.

import type { Client } from "#client/client.ts";
import type { Clock } from "#lib/clock.ts";
import type { TermCompiler } from "./affinity-terms.ts";
import type { EventInterest } from "./cluster-events.ts";
import type { CompleteProfile, ExtensionPoint, PluginArgs } from "./configuration/types.ts";
import type { Plugin, PodInfo } from "./framework.ts";
import type { Listers } from "./listers.ts";
import { defaultBinder } from "./plugins/default-binder.ts";
import { defaultPreemption } from "./plugins/default-preemption.ts";
import { imageLocality } from "./plugins/image-locality.ts";
import { interPodAffinity } from "./plugins/inter-pod-affinity.ts";
import { nodeAffinity } from "./plugins/node-affinity.ts";
import { nodeName } from "./plugins/node-name.ts";
import { nodePorts } from "./plugins/node-ports.ts";
import { nodeResourcesBalancedAllocation } from "./plugins/node-resources-balanced-allocation.ts";
import { nodeResourcesFit } from "./plugins/node-resources-fit.ts";
import { nodeUnschedulable } from "./plugins/node-unschedulable.ts";
import { nodeVolumeLimits } from "./plugins/node-volume-limits.ts";
import { podTopologySpread } from "./plugins/pod-topology-spread.ts";
import { prioritySort } from "./plugins/priority-sort.ts";
import { schedulingGates } from "./plugins/scheduling-gates.ts";
import { taintToleration } from "./plugins/taint-toleration.ts";
import { volumeBinding } from "./plugins/volume-binding.ts";
import { volumeRestrictions } from "./plugins/volume-restrictions.ts";
import { volumeZone } from "./plugins/volume-zone.ts";
import type { Preemptor } from "./preemptor.ts";

/** What plugins are made with. */
export interface PluginHandle {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: () => number;
  readonly listers: Listers;
  readonly compiler: TermCompiler;
  readonly preemptor: Preemptor;
}

type With<Part extends keyof Plugin> = Plugin & Required<Pick<Plugin, Part>>;

export interface Profile {
  readonly name: string;
  readonly percentageOfNodesToScore: number;
  readonly queueSort: With<"queueSort"> | undefined;
  readonly preEnqueues: readonly With<"preEnqueue">[];
  readonly filters: readonly With<"filter">[];
  readonly postFilters: readonly With<"postFilter">[];
  readonly scores: readonly { readonly plugin: With<"score">; readonly weight: number }[];
  readonly reserves: readonly With<"reserve">[];
  readonly binds: readonly With<"bind">[];
  readonly interests: readonly { readonly plugin: string; readonly interest: EventInterest }[];
}

type Make = (handle: PluginHandle, args: PluginArgs) => Plugin;

/** By upstream's name. */
const PLUGINS: Readonly<Record<string, Make>> = {
  SchedulingGates: () => schedulingGates,
  PrioritySort: () => prioritySort,
  NodeUnschedulable: () => nodeUnschedulable,
  NodeName: () => nodeName,
  TaintToleration: () => taintToleration,
  NodeAffinity: (_, args) => nodeAffinity(args.NodeAffinity),
  NodePorts: () => nodePorts,
  NodeResourcesFit: (_, args) => nodeResourcesFit(args.NodeResourcesFit),
  VolumeRestrictions: ({ listers }) => volumeRestrictions(listers),
  NodeVolumeLimits: ({ listers }) => nodeVolumeLimits(listers),
  VolumeBinding: (handle, args) => volumeBinding(args.VolumeBinding, handle),
  VolumeZone: ({ listers }) => volumeZone(listers),
  PodTopologySpread: (handle, args) => podTopologySpread(args.PodTopologySpread, handle),
  InterPodAffinity: (_, args) => interPodAffinity(args.InterPodAffinity),
  DefaultPreemption: (handle, args) => defaultPreemption(args.DefaultPreemption, handle),
  NodeResourcesBalancedAllocation: (_, args) => nodeResourcesBalancedAllocation(args.NodeResourcesBalancedAllocation),
  ImageLocality: () => imageLocality,
  DefaultBinder: ({ client }) => defaultBinder(client),
};

/** Throws a RangeError for a plugin that does not exist, or that is at a point twice. */
export function createProfile(configuration: CompleteProfile, handle: PluginHandle): Profile {
  const made = new Map<string, Plugin>();
  const pluginOf = (name: string): Plugin => {
    let plugin = made.get(name);
    if (!plugin) {
      const make = Object.hasOwn(PLUGINS, name) ? PLUGINS[name] : undefined;
      if (!make) throw new RangeError(`plugin ${JSON.stringify(name)} does not exist`);
      made.set(name, (plugin = make(handle, configuration.args)));
    }
    return plugin;
  };
  const at = <Part extends keyof Plugin & ExtensionPoint>(part: Part) =>
    expand(configuration, part, pluginOf).map(({ plugin, weight }) => ({ plugin: plugin as With<Part>, weight })); // only such are listed
  const plugins = <Part extends keyof Plugin & ExtensionPoint>(part: Part) => at(part).map(({ plugin }) => plugin);
  const queueSorts = plugins("queueSort");
  if (queueSorts.length !== 1) {
    throw new RangeError(
      queueSorts.length === 0
        ? `no queue sort plugin registered for profile with scheduler name ${JSON.stringify(configuration.schedulerName)}`
        : `only one queue sort plugin required for profile with scheduler name ${JSON.stringify(configuration.schedulerName)}, but got ${queueSorts.length}`,
    );
  }
  const binds = plugins("bind");
  if (binds.length === 0) {
    throw new RangeError(
      `at least one bind plugin is needed for profile with scheduler name ${JSON.stringify(configuration.schedulerName)}`,
    );
  }
  const scores = at("score");
  const parts = {
    preEnqueues: plugins("preEnqueue"),
    filters: plugins("filter"),
    postFilters: plugins("postFilter"),
    reserves: plugins("reserve"),
  };
  return {
    name: configuration.schedulerName,
    percentageOfNodesToScore: configuration.percentageOfNodesToScore,
    queueSort: queueSorts[0],
    ...parts,
    scores,
    binds,
    interests: [...made.values()].flatMap(({ name, events }) => (events ?? []).map((interest) => ({ plugin: name, interest }))),
  };
}

/** The plugins of one point: first those that multiPoint has too and that are named here for their place or weight. */
function expand(
  { plugins }: CompleteProfile,
  part: keyof Plugin & ExtensionPoint,
  pluginOf: (name: string) => Plugin,
): { readonly plugin: Plugin; readonly weight: number }[] {
  const own = plugins[part]?.enabled ?? [];
  const disabled = new Set((plugins[part]?.disabled ?? []).map(({ name }) => name));
  const multiPoint = (plugins.multiPoint?.enabled ?? []).filter(({ name }) => pluginOf(name)[part] !== undefined);
  const seen = new Set<string>();
  for (const { name } of own) {
    if (seen.has(name)) throw new RangeError(`plugin ${JSON.stringify(name)} already registered as ${JSON.stringify(part)}`);
    seen.add(name);
    if (pluginOf(name)[part] === undefined) throw new RangeError(`plugin ${JSON.stringify(name)} does not extend ${part} plugin`);
  }
  const everywhere = new Set(multiPoint.map(({ name }) => name));
  const all = disabled.has("*")
    ? own
    : [
        ...own.filter(({ name }) => everywhere.has(name)),
        ...multiPoint.filter(({ name }) => !seen.has(name) && !disabled.has(name)),
        ...own.filter(({ name }) => !everywhere.has(name)),
      ];
  // Upstream takes a weight of 0 for 1.
  return all.map(({ name, weight }) => ({ plugin: pluginOf(name), weight: weight || 1 }));
}

/** The plugin that does not let the pod be tried yet. */
export function gatedBy({ preEnqueues }: Profile, pod: PodInfo): string | undefined {
  for (const { name, preEnqueue } of preEnqueues) if (preEnqueue(pod) !== undefined) return name;
  return undefined;
}
