// What each metric of an autoscaler asks for, and what all of them together do. Pure: metrics are read before.

import type { HorizontalPodAutoscalerSpec, MetricSpec, MetricStatus } from "#kinds/api/autoscaling-v2.gen.ts";
import { clone } from "#lib/clone.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { formatQuantity, milliQuantityOf, milliValue, quantityToNumber } from "#meta/quantity.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import type { MetricValues } from "./metric-values.ts";
import {
  averageReplicas,
  type PodMetrics,
  type Proposal,
  type ReplicaContext,
  sharedValueReplicas,
  type Tolerances,
  utilizationReplicas,
  valueReplicas,
} from "./replicas.ts";

type AnySpec = DeepReadonly<MetricSpec>;

/** What was read for one metric: of each pod, one for all, or why it could not be had. */
export type Reading = { readonly pods: PodMetrics } | { readonly value: number } | { readonly error: string };

/** One metric's answer. */
export interface MetricProposal {
  readonly replicas: number;
  /** As rescaling reasons name it. */
  readonly name: string;
  readonly status: MetricStatus;
}

/** Why a metric gives no answer. */
export interface MetricFailure {
  /** Of the condition ScalingActive and of the event. */
  readonly reason: string;
  /** As the condition and the event have it. */
  readonly message: string;
  /** As it stands in the error for all metrics. */
  readonly error: string;
}

/** All metrics' answer. */
export interface Verdict {
  /** Undefined: nothing may be changed on what is known. */
  readonly replicas: number | undefined;
  /** Of the metric that asks for most. */
  readonly metric: string;
  readonly statuses: readonly MetricStatus[];
  /** In the order of the metrics. */
  readonly failures: readonly MetricFailure[];
  /** Absent if there are no failures. */
  readonly error?: string;
}

const DEFAULT_TOLERANCE = 0.1;

export function tolerancesOf({ behavior }: DeepReadonly<HorizontalPodAutoscalerSpec>): Tolerances {
  const of = (tolerance: string | number | undefined) => (tolerance === undefined ? DEFAULT_TOLERANCE : quantityToNumber(tolerance));
  return { up: of(behavior?.scaleUp?.tolerance), down: of(behavior?.scaleDown?.tolerance) };
}

/** Rejects if the metric cannot be had, or if its selector is malformed. */
export function readMetric(spec: AnySpec, namespace: string, podSelector: string, values: MetricValues): Promise<Reading> {
  const of = ({ name, selector }: { readonly name: string; readonly selector?: DeepReadonly<LabelSelector> }) => ({
    name,
    selector: selector === undefined ? "" : labelSelectorMatcher(selector).toString(),
  });
  const pods = async (metrics: Promise<PodMetrics>): Promise<Reading> => ({ pods: await metrics });
  const value = async (number: Promise<number>): Promise<Reading> => ({ value: await number });
  const { resource, containerResource, object, external } = spec;
  if (spec.type === "Resource" && resource) return pods(values.ofPodResource(namespace, podSelector, resource.name, undefined));
  if (spec.type === "ContainerResource" && containerResource)
    return pods(values.ofPodResource(namespace, podSelector, containerResource.name, containerResource.container));
  if (spec.type === "Pods" && spec.pods) return pods(values.ofPods(namespace, podSelector, of(spec.pods.metric)));
  if (spec.type === "Object" && object) return value(values.ofObject(namespace, object.describedObject, of(object.metric)));
  if (spec.type === "External" && external) return value(values.external(namespace, of(external.metric)));
  return Promise.resolve({ error: "" }); // judged with its type
}

/** Takes the largest proposal; if some metrics fail, never a smaller size than the present one. */
export function judge(specs: readonly AnySpec[], readings: readonly Reading[], context: ReplicaContext, namespace: string): Verdict {
  let replicas = 0;
  let metric = "";
  const failures: MetricFailure[] = [];
  const statuses = specs.map((spec, index): MetricStatus => {
    const answer = proposeFor(spec, readings[index] ?? { error: "" }, context, namespace);
    if ("error" in answer) {
      failures.push(answer);
      return { type: "" }; // upstream's place for a metric that is not known
    }
    if (replicas === 0 || answer.replicas > replicas) {
      replicas = answer.replicas;
      metric = answer.name;
    }
    return answer.status;
  });
  const [first] = failures;
  if (first === undefined) return { replicas, metric, statuses, failures };
  const error = `invalid metrics (${failures.length} invalid out of ${specs.length}), first error is: ${first.error}`;
  const isBlind = failures.length >= specs.length || replicas < context.replicas;
  return { replicas: isBlind ? undefined : replicas, metric, statuses, failures, error };
}

function proposeFor(spec: AnySpec, reading: Reading, context: ReplicaContext, namespace: string): MetricProposal | MetricFailure {
  const kind = KINDS[spec.type];
  if (kind === undefined) {
    const error = `unknown metric source type ${JSON.stringify(spec.type)}`;
    return failure("InvalidMetricSourceType", error, error);
  }
  try {
    return kind.propose(spec, reading, context, namespace);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return failure(kind.reason, message, `${kind.prefix(spec)}: ${message}`);
  }
}

function failure(reason: string, message: string, error: string): MetricFailure {
  return { reason, message, error };
}

interface MetricKind {
  readonly reason: string;
  /** What stands before the error where it is told beside others. */
  readonly prefix: (spec: AnySpec) => string;
  /** Throws what is wrong. */
  readonly propose: (spec: AnySpec, reading: Reading, context: ReplicaContext, namespace: string) => MetricProposal;
}

const KINDS: Readonly<Record<string, MetricKind>> = {
  Resource: {
    reason: "FailedGetResourceMetric",
    prefix: ({ resource }) => `failed to get ${resource?.name} resource metric value`,
    propose({ type, resource }, reading, context) {
      if (!resource) throw new Error("no resource metric source");
      const { name } = resource;
      const { current, ...proposal } = proposeResource(resource, undefined, reading, context);
      return { ...proposal, status: { type, resource: { name, current } } };
    },
  },
  ContainerResource: {
    reason: "FailedGetContainerResourceMetric",
    prefix: (spec) => `failed to get ${spec.containerResource?.container} container metric value`,
    propose({ type, containerResource }, reading, context) {
      if (!containerResource) throw new Error("no container resource metric source");
      const { name, container } = containerResource;
      const { current, ...proposal } = proposeResource(containerResource, container, reading, context);
      return { ...proposal, status: { type, containerResource: { name, container, current } } };
    },
  },
  Pods: {
    reason: "FailedGetPodsMetric",
    prefix: () => "failed to get pods metric value",
    propose({ type, pods }, reading, context) {
      if (!pods) throw new Error("no pods metric source");
      const { name } = pods.metric;
      const metrics = podsOf(reading, (error) => `unable to get metric ${name}: ${error}`);
      const { replicas, usage } = averageReplicas(context, metrics, milliValue(pods.target.averageValue ?? "0"), "");
      return { replicas, name: `pods metric ${name}`, status: { type, pods: { metric: clone(pods.metric), current: average(usage) } } };
    },
  },
  Object: {
    reason: "FailedGetObjectMetric",
    prefix: ({ object }) => {
      const inner = object?.target.type === "AverageValue" ? `: failed to get ${object.metric.name} object metric` : "";
      return `failed to get object metric value${inner}`;
    },
    propose({ type, object }, reading, context, namespace) {
      if (!object) throw new Error("no object metric source");
      const { describedObject, target, metric } = object;
      const isWhole = target.type === "Value" && target.value !== undefined;
      const isShared = target.type === "AverageValue" && target.averageValue !== undefined;
      if (!isWhole && !isShared)
        throw new Error("invalid object metric source: neither a value target nor an average value target was set");
      const wrap = (error: string) =>
        `unable to get metric ${metric.name}: ${error} on ${describedObject.kind} ${namespace}/${describedObject.name}`;
      const value = valueOf(reading, wrap);
      const proposal = isWhole
        ? valueReplicas(context, value, milliValue(target.value ?? "0"))
        : sharedValueReplicas(context, value, milliValue(target.averageValue ?? "0"));
      return {
        replicas: proposal.replicas,
        // Upstream calls the shared one external, too.
        name: isWhole ? `${describedObject.kind} metric ${metric.name}` : `external metric ${metric.name}(${goSelector(metric.selector)})`,
        status: {
          type,
          object: {
            describedObject: clone(describedObject),
            metric: clone(metric),
            current: isWhole ? whole(proposal.usage) : average(proposal.usage),
          },
        },
      };
    },
  },
  External: {
    reason: "FailedGetExternalMetric",
    prefix: ({ external }) => {
      const { name } = external?.metric ?? {};
      const isShared = external?.target.averageValue !== undefined;
      return `failed to get ${name} external metric value: failed to get ${isShared ? `${name} external metric` : `external metric ${name}`}`;
    },
    propose({ type, external }, reading, context, namespace) {
      if (!external) throw new Error("no external metric source");
      const { metric, target } = external;
      const isShared = target.averageValue !== undefined;
      if (!isShared && target.value === undefined)
        throw new Error("invalid external metric source: neither a value target nor an average value target was set");
      const wrap = (error: string) => `unable to get external metric ${namespace}/${metric.name}/${goSelector(metric.selector)}: ${error}`;
      const value = valueOf(reading, wrap);
      const proposal = isShared
        ? sharedValueReplicas(context, value, milliValue(target.averageValue))
        : valueReplicas(context, value, milliValue(target.value ?? "0"));
      return {
        replicas: proposal.replicas,
        name: `external metric ${metric.name}(${goSelector(metric.selector)})`,
        status: { type, external: { metric: clone(metric), current: isShared ? average(proposal.usage) : whole(proposal.usage) } },
      };
    },
  },
};

type Source = DeepReadonly<NonNullable<MetricSpec["resource"]>>;

function proposeResource({ name, target }: Source, container: string | undefined, reading: Reading, context: ReplicaContext) {
  const readable = (what: string) =>
    podsOf(reading, (error) => `failed to get ${name} ${what}: unable to get metrics for resource ${name}: ${error}`);
  const within = (what: string, propose: () => Proposal): Proposal => {
    try {
      return propose();
    } catch (error) {
      throw new Error(`failed to get ${name} ${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  };
  if (target.averageValue !== undefined) {
    const metrics = readable("usage");
    const wanted = milliValue(target.averageValue);
    const { replicas, usage } = within("usage", () => averageReplicas(context, metrics, wanted, name));
    return { replicas, name: `${name} resource`, current: { averageValue: amount(name, usage) } };
  }
  const { averageUtilization: percent } = target;
  if (percent === undefined)
    throw new Error("invalid resource metric source: neither an average utilization target nor an average value (usage) target was set");
  const metrics = readable("utilization");
  const proposal = within("utilization", () => utilizationReplicas(context, metrics, { percent, resource: name, container }));
  const { replicas, usage, utilization = 0 } = proposal;
  return {
    replicas,
    name: `${name} ${container === undefined ? "" : "container "}resource utilization (percentage of request)`,
    current: { averageUtilization: utilization, averageValue: amount(name, usage) },
  };
}

function podsOf(reading: Reading, wrap: (error: string) => string): PodMetrics {
  if ("pods" in reading) return reading.pods;
  throw new Error(wrap("error" in reading ? reading.error : "no metrics of pods"));
}

function valueOf(reading: Reading, wrap: (error: string) => string): number {
  if ("value" in reading) return reading.value;
  throw new Error(wrap("error" in reading ? reading.error : "no single value"));
}

function amount(resource: string, milli: number): string {
  return formatQuantity(milliQuantityOf(milli, resource === "memory" ? "BinarySI" : "DecimalSI"));
}

const average = (usage: number) => ({ averageValue: amount("", usage) });
const whole = (usage: number) => ({ value: amount("", usage) });

/** As Go prints a pointer to a selector. */
export function goSelector(selector: DeepReadonly<LabelSelector> | undefined): string {
  if (selector === undefined) return "nil";
  const labels = Object.entries(selector.matchLabels ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`)
    .join("");
  const expressions = (selector.matchExpressions ?? [])
    .map(({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`)
    .join("");
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${expressions}},}`;
}
