// How many replicas a metric asks for, from what was measured of the pods. Pure. Amounts are in thousandths of the metric's unit.

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { aggregateResources } from "#kinds/core/pod/pod-spec/aggregate.ts";
import { isPodReady } from "#kinds/core/pod/state.ts";
import { getCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { addQuantities, milliValue } from "#meta/quantity.ts";

type AnyPod = DeepReadonly<Pod>;

export interface PodMetric {
  readonly value: number;
  /** End of the time it was measured over, ms since the epoch. */
  readonly at: number;
  readonly windowMs: number;
}

/** By pod name. */
export type PodMetrics = ReadonlyMap<string, PodMetric>;

/** How far the ratio of usage to target may be off before anything is done. */
export interface Tolerances {
  readonly up: number;
  readonly down: number;
}

/** What all calculations look at. */
export interface ReplicaContext {
  /** The target's spec.replicas. */
  readonly replicas: number;
  /** The target's status.replicas. */
  readonly statusReplicas: number;
  /** All pods of the target's selector. */
  readonly pods: readonly AnyPod[];
  readonly tolerances: Tolerances;
  readonly now: number;
}

export interface Proposal {
  readonly replicas: number;
  /** Average of the pods, or the whole, as the target has it. */
  readonly usage: number;
  /** Percent of what was requested. */
  readonly utilization?: number;
}

const MAX_INT32 = 2 ** 31 - 1;
/** Upstream's flags: how long a new pod's CPU may be that of its start, and how soon it must have been unready to count as never ready. */
const CPU_INITIALIZATION_MS = 300_000;
const INITIAL_READINESS_MS = 30_000;
const NO_PODS = "no pods returned by selector while calculating replica count";

export function isWithin({ up, down }: Tolerances, ratio: number): boolean {
  return 1 - down <= ratio && ratio <= 1 + up;
}

/** For a target in percent of what the pods, or their container of that name, request. */
export function utilizationReplicas(
  context: ReplicaContext,
  metrics: PodMetrics,
  target: { readonly percent: number; readonly resource: string; readonly container?: string | undefined },
): Proposal {
  const { percent, resource, container } = target;
  return propose(context, metrics, resource, () => {
    const requests = new Map(context.pods.map((pod) => [nameOf(pod), requestOf(pod, resource, container)]));
    return {
      measure(measured) {
        let used = 0;
        let requested = 0;
        let count = 0;
        for (const [name, { value }] of measured) {
          const request = requests.get(name);
          if (request === undefined) continue;
          used += value;
          requested += request;
          count++;
        }
        if (requested === 0) throw new Error("no metrics returned matched known pods");
        // Memory in thousandths of bytes, times a hundred, is beyond what a number holds exactly.
        const utilization = Number((BigInt(used) * 100n) / BigInt(requested));
        return { ratio: utilization / percent, usage: Math.trunc(used / count), utilization };
      },
      missingWhenDown: (name) => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, percent)) / 100),
    };
  });
}

/** For a target that is an average over the pods; `resource` is "" for metrics of the pods' own. */
export function averageReplicas(context: ReplicaContext, metrics: PodMetrics, target: number, resource: string): Proposal {
  return propose(context, metrics, resource, () => ({
    measure(measured) {
      let used = 0;
      for (const { value } of measured.values()) used += value;
      const usage = Math.trunc(used / measured.size);
      return { ratio: usage / target, usage };
    },
    missingWhenDown: () => target,
  }));
}

/** For one value that describes the whole, with a target for the whole. */
export function valueReplicas(context: ReplicaContext, usage: number, target: number): Proposal {
  const { replicas, tolerances, pods } = context;
  const ratio = usage / target;
  if (replicas === 0) return { replicas: Math.ceil(ratio), usage };
  if (isWithin(tolerances, ratio)) return { replicas, usage };
  if (pods.length === 0) throw new Error(`unable to calculate ready pods: ${NO_PODS}`);
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isPodReady(pod)).length;
  return { replicas: Math.min(MAX_INT32, Math.ceil(ratio * ready)), usage };
}

/** For one value that describes the whole, with a target for each replica. */
export function sharedValueReplicas({ statusReplicas, tolerances }: ReplicaContext, usage: number, target: number): Proposal {
  const changes = !isWithin(tolerances, usage / (target * statusReplicas));
  return {
    replicas: changes ? Math.min(MAX_INT32, Math.ceil(usage / target)) : statusReplicas,
    // Of no replicas there is no average; what is shown then is the whole.
    usage: Math.ceil(usage / Math.max(1, statusReplicas)),
  };
}

interface Measure {
  readonly ratio: number;
  readonly usage: number;
  readonly utilization?: number;
}

interface Rule {
  readonly measure: (metrics: PodMetrics) => Measure;
  /** What a pod without metrics is taken to use when the others say that there are too many. */
  readonly missingWhenDown: (name: string) => number;
}

/** Upstream's way: what is not known is always taken to speak against a change. */
function propose(context: ReplicaContext, metrics: PodMetrics, resource: string, ruleOf: () => Rule): Proposal {
  const { replicas, pods, tolerances, now } = context;
  if (pods.length === 0) throw new Error(NO_PODS);
  const { ready, unready, missing, ignored } = groupPods(pods, metrics, resource, now);
  const known = new Map(metrics);
  for (const name of [...ignored, ...unready]) known.delete(name);
  if (known.size === 0) throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  const rule = ruleOf();
  const { ratio, ...usage } = rule.measure(known);
  const stay = { replicas, ...usage };
  const startsMore = unready.length > 0 && ratio > 1;
  if (!startsMore && missing.length === 0) {
    return isWithin(tolerances, ratio) ? stay : { replicas: Math.ceil(ratio * ready), ...usage };
  }
  const assumed = (value: number): PodMetric => ({ value, at: now, windowMs: 0 });
  if (ratio < 1) for (const name of missing) known.set(name, assumed(rule.missingWhenDown(name)));
  if (ratio > 1) for (const name of missing) known.set(name, assumed(0));
  if (startsMore) for (const name of unready) known.set(name, assumed(0));
  const { ratio: next } = rule.measure(known);
  if (isWithin(tolerances, next) || (ratio < 1 && next > 1) || (ratio > 1 && next < 1)) return stay;
  const wanted = Math.ceil(next * known.size);
  const turns = (next < 1 && wanted > replicas) || (next > 1 && wanted < replicas);
  return turns ? stay : { replicas: wanted, ...usage };
}

function groupPods(pods: readonly AnyPod[], metrics: PodMetrics, resource: string, now: number) {
  const unready: string[] = [];
  const missing: string[] = [];
  const ignored: string[] = [];
  let ready = 0;
  for (const pod of pods) {
    const name = nameOf(pod);
    const metric = metrics.get(name);
    if (pod.metadata?.deletionTimestamp !== undefined || pod.status?.phase === "Failed") ignored.push(name);
    else if (pod.status?.phase === "Pending") unready.push(name);
    else if (metric === undefined) missing.push(name);
    else if (resource === "cpu" && isStarting(pod, metric, now)) unready.push(name);
    else ready++;
  }
  return { ready, unready, missing, ignored };
}

/** Whether the pod's CPU says nothing yet: it is that of its start. */
function isStarting(pod: AnyPod, metric: PodMetric, now: number): boolean {
  const condition = getCondition(pod.status?.conditions, "Ready");
  const { startTime } = pod.status ?? {};
  if (condition === undefined || startTime === undefined) return true;
  const started = Date.parse(startTime);
  // Where nobody says, it is long ago.
  const changed = condition.lastTransitionTime === undefined ? -Infinity : Date.parse(condition.lastTransitionTime);
  const isUnready = condition.status === "False";
  if (started + CPU_INITIALIZATION_MS > now) return isUnready || metric.at < changed + metric.windowMs;
  return isUnready && started + INITIAL_READINESS_MS > changed;
}

function requestOf(pod: AnyPod, resource: string, container: string | undefined): number {
  const { spec } = pod;
  const ofPod = spec?.resources?.requests;
  if (container === undefined && ofPod && Object.keys(ofPod).some(isPodLevel)) {
    const request = (isPodLevel(resource) ? ofPod[resource] : undefined) ?? aggregateResources(spec, "requests")[resource];
    const overhead = spec.overhead?.[resource];
    if (request === undefined && overhead === undefined) {
      throw new Error(`missing pod-level request for ${resource} in Pod ${nameOf(pod)}`);
    }
    return milliValue(addQuantities(request ?? "0", overhead ?? "0"));
  }
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  let total = 0;
  for (const { name, resources } of [...(spec?.containers ?? []), ...sidecars]) {
    if (container !== undefined && container !== name) continue;
    const request = resources?.requests?.[resource];
    if (request === undefined) throw new Error(`missing request for ${resource} in container ${name} of Pod ${nameOf(pod)}`);
    total += milliValue(request);
    if (container === name) return total;
  }
  if (container !== undefined) throw new Error(`container ${container} not found in Pod ${nameOf(pod)}`);
  return total;
}

/** The resources that a pod can request as a whole. */
function isPodLevel(resource: string): boolean {
  return resource === "cpu" || resource === "memory" || resource.startsWith("hugepages-");
}

function nameOf(pod: AnyPod): string {
  return pod.metadata?.name ?? "";
}
