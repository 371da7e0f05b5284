// What autoscaling/v1 has no field for travels in annotations, whose JSON is v1's own form of metrics (metricName, targetAverageValue, ...). The behaviour's
// names begin with capitals, since upstream writes its internal type there. All of it is read as Go reads JSON: names in any case, what does not fit is an error.

import type {
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerCondition,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "#kinds/api/autoscaling-v2.gen.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { canonicalQuantity, compareQuantities } from "#meta/quantity.ts";

export const METRICS = "autoscaling.alpha.kubernetes.io/metrics";
export const BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior";
export const CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics";
export const CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions";
/** None of these is ever kept with a stored object. */
export const ROUND_TRIP: readonly string[] = [
  METRICS,
  BEHAVIOR,
  CURRENT,
  CONDITIONS,
  "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
  "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

type Target = DeepReadonly<MetricTarget> | undefined;
type Current = DeepReadonly<MetricValueStatus> | undefined;
/** A metric as v1 writes it; undefined values are left out by JSON. */
type Written = Record<string, unknown>;

export function writeMetrics(metrics: readonly DeepReadonly<MetricSpec>[]): string {
  return JSON.stringify(metrics.map(writeMetric));
}

function writeMetric({ type, object, pods, resource, containerResource, external }: DeepReadonly<MetricSpec>): Written {
  const averages = (target: Target): Written => ({
    targetAverageUtilization: target?.averageUtilization,
    targetAverageValue: target?.averageValue,
  });
  return {
    type,
    object: object && {
      target: reference(object.describedObject),
      metricName: object.metric?.name ?? "",
      targetValue: object.target?.value ?? "0",
      selector: object.metric?.selector,
      averageValue: object.target?.averageValue,
    },
    pods: pods && {
      metricName: pods.metric?.name ?? "",
      targetAverageValue: pods.target?.averageValue ?? "0",
      selector: pods.metric?.selector,
    },
    resource: resource && { name: resource.name, ...averages(resource.target) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...averages(containerResource.target),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric?.name ?? "",
      metricSelector: external.metric?.selector,
      targetValue: external.target?.value,
      targetAverageValue: external.target?.averageValue,
    },
  };
}

export function writeCurrent(metrics: readonly DeepReadonly<MetricStatus>[]): string {
  return JSON.stringify(metrics.map(writeStatus));
}

function writeStatus({ type, object, pods, resource, containerResource, external }: DeepReadonly<MetricStatus>): Written {
  const averages = (current: Current): Written => ({
    currentAverageUtilization: current?.averageUtilization,
    currentAverageValue: current?.averageValue ?? "0",
  });
  return {
    type,
    object: object && {
      target: reference(object.describedObject),
      metricName: object.metric?.name ?? "",
      currentValue: object.current?.value ?? "0",
      selector: object.metric?.selector,
      averageValue: object.current?.averageValue,
    },
    pods: pods && {
      metricName: pods.metric?.name ?? "",
      currentAverageValue: pods.current?.averageValue ?? "0",
      selector: pods.metric?.selector,
    },
    resource: resource && { name: resource.name, ...averages(resource.current) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...averages(containerResource.current),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric?.name ?? "",
      metricSelector: external.metric?.selector,
      currentValue: external.current?.value ?? "0",
      currentAverageValue: external.current?.averageValue,
    },
  };
}

interface Reference {
  readonly kind?: string;
  readonly name?: string;
  readonly apiVersion?: string | undefined;
}

const reference = (object: Reference | undefined): Written => ({
  kind: object?.kind ?? "",
  name: object?.name ?? "",
  apiVersion: object?.apiVersion || undefined,
});

export function writeConditions(conditions: readonly DeepReadonly<HorizontalPodAutoscalerCondition>[]): string {
  return JSON.stringify(
    conditions.map(({ type, status, lastTransitionTime = null, reason, message }) => ({
      type,
      status,
      lastTransitionTime,
      reason: reason || undefined,
      message: message || undefined,
    })),
  );
}

export function writeBehavior(behavior: DeepReadonly<HorizontalPodAutoscalerBehavior>): string {
  const rules = (value: DeepReadonly<HPAScalingRules> | undefined) =>
    value
      ? {
          StabilizationWindowSeconds: value.stabilizationWindowSeconds ?? null,
          SelectPolicy: value.selectPolicy ?? null,
          Policies:
            value.policies?.map((policy) => ({ Type: policy.type, Value: policy.value, PeriodSeconds: policy.periodSeconds })) ?? null,
          Tolerance: value.tolerance ?? null,
        }
      : null;
  return JSON.stringify({ ScaleUp: rules(behavior.scaleUp), ScaleDown: rules(behavior.scaleDown) });
}

export const readMetrics = (text: string | undefined): MetricSpec[] | undefined => read(text, (value) => list(value, readMetric));
export const readCurrent = (text: string | undefined): MetricStatus[] | undefined => read(text, (value) => list(value, readStatus));
export const readConditions = (text: string | undefined): HorizontalPodAutoscalerCondition[] | undefined =>
  read(text, (value) => list(value, readCondition));
export const readBehavior = (text: string | undefined): HorizontalPodAutoscalerBehavior | undefined =>
  read(text, (value) => {
    const fields = new Fields(value);
    const scaleUp = fields.object("scaleUp", readRules);
    const scaleDown = fields.object("scaleDown", readRules);
    return scaleUp || scaleDown ? { ...(scaleUp && { scaleUp }), ...(scaleDown && { scaleDown }) } : undefined;
  });

/** Undefined where there is nothing or what is there cannot be read, which upstream ignores. */
function read<T>(text: string | undefined, parse: (value: unknown) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function list<T>(value: unknown, parse: (fields: Fields) => T): T[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new TypeError("not a list");
  return value.map((item) => parse(new Fields(item)));
}

/** An object's fields by name in any case; each getter throws if there is something of another type. */
class Fields {
  readonly #values = new Map<string, unknown>();

  constructor(value: unknown) {
    if (value === null) return;
    if (typeof value !== "object" || Array.isArray(value)) throw new TypeError("not an object");
    for (const [name, field] of Object.entries(value)) if (field !== null) this.#values.set(name.toLowerCase(), field);
  }

  #get(name: string): unknown {
    return this.#values.get(name.toLowerCase());
  }

  text(name: string): string {
    const value = this.#get(name) ?? "";
    if (typeof value !== "string") throw new TypeError(name);
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || (value | 0) !== value) throw new TypeError(name);
    return value;
  }

  quantity(name: string): string | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (typeof value !== "string" && typeof value !== "number") throw new TypeError(name);
    return canonicalQuantity(value);
  }

  object<T>(name: string, parse: (fields: Fields) => T): T | undefined {
    const value = this.#get(name);
    return value === undefined ? undefined : parse(new Fields(value));
  }

  list<T>(name: string, parse: (fields: Fields) => T): T[] | undefined {
    const value = this.#get(name);
    return value === undefined ? undefined : list(value, parse);
  }

  selector(name: string): { selector?: LabelSelector } {
    const value = this.#get(name);
    if (value === undefined) return {};
    if (typeof value !== "object" || Array.isArray(value)) throw new TypeError(name);
    return { selector: value as LabelSelector }; // its parts are looked at by validation
  }
}

/** The object without its undefined values. */
function known<T extends object>(object: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

const readReference = (fields: Fields) =>
  known<{ kind: string; name: string; apiVersion?: string }>({
    kind: fields.text("kind"),
    name: fields.text("name"),
    apiVersion: fields.text("apiVersion") || undefined,
  });

const described = (fields: Fields) => fields.object("target", readReference) ?? { kind: "", name: "" };

const metric = (fields: Fields, selector = "selector") => ({ name: fields.text("metricName"), ...fields.selector(selector) });

function averages(fields: Fields): MetricTarget {
  const averageUtilization = fields.integer("targetAverageUtilization");
  const averageValue = fields.quantity("targetAverageValue");
  return known<MetricTarget>({ type: averageUtilization === undefined ? "AverageValue" : "Utilization", averageValue, averageUtilization });
}

function readMetric(fields: Fields): MetricSpec {
  return known<MetricSpec>({
    type: fields.text("type"),
    object: fields.object("object", (object) => {
      const averageValue = object.quantity("averageValue");
      const value = object.quantity("targetValue") ?? "0";
      // v1 cannot leave the value out, so that 0 beside an average stands for none.
      const target: MetricTarget =
        averageValue === undefined
          ? { type: "Value", value }
          : known<MetricTarget>({
              type: "AverageValue",
              value: compareQuantities(value, 0) === 0 ? undefined : value,
              averageValue,
            });
      return { describedObject: described(object), target, metric: metric(object) };
    }),
    pods: fields.object("pods", (pods) => ({
      metric: metric(pods),
      target: { type: "AverageValue", averageValue: pods.quantity("targetAverageValue") ?? "0" },
    })),
    resource: fields.object("resource", (resource) => ({ name: resource.text("name"), target: averages(resource) })),
    containerResource: fields.object("containerResource", (resource) => ({
      name: resource.text("name"),
      target: averages(resource),
      container: resource.text("container"),
    })),
    external: fields.object("external", (external) => {
      const value = external.quantity("targetValue");
      return {
        metric: metric(external, "metricSelector"),
        target: known<MetricTarget>({
          type: value === undefined ? "AverageValue" : "Value",
          value,
          averageValue: external.quantity("targetAverageValue"),
        }),
      };
    }),
  });
}

function readStatus(fields: Fields): MetricStatus {
  const current = (value: { readonly [K in keyof MetricValueStatus]?: MetricValueStatus[K] | undefined }) =>
    known<MetricValueStatus>(value as Required<MetricValueStatus>); // `known` takes out what is undefined
  const resourceStatus = (resource: Fields) => ({
    name: resource.text("name"),
    current: current({
      averageValue: resource.quantity("currentAverageValue") ?? "0",
      averageUtilization: resource.integer("currentAverageUtilization"),
    }),
  });
  return known<MetricStatus>({
    type: fields.text("type"),
    object: fields.object("object", (object) => ({
      metric: metric(object),
      current: current({ value: object.quantity("currentValue") ?? "0", averageValue: object.quantity("averageValue") }),
      describedObject: described(object),
    })),
    pods: fields.object("pods", (pods) => ({
      metric: metric(pods),
      current: { averageValue: pods.quantity("currentAverageValue") ?? "0" },
    })),
    resource: fields.object("resource", resourceStatus),
    containerResource: fields.object("containerResource", (resource) => ({
      ...resourceStatus(resource),
      container: resource.text("container"),
    })),
    external: fields.object("external", (external) => ({
      metric: metric(external, "metricSelector"),
      current: current({ value: external.quantity("currentValue") ?? "0", averageValue: external.quantity("currentAverageValue") }),
    })),
  });
}

function readCondition(fields: Fields): HorizontalPodAutoscalerCondition {
  return known<HorizontalPodAutoscalerCondition>({
    type: fields.text("type"),
    status: fields.text("status"),
    lastTransitionTime: fields.text("lastTransitionTime") || undefined,
    reason: fields.text("reason") || undefined,
    message: fields.text("message") || undefined,
  });
}

function readRules(fields: Fields): HPAScalingRules {
  return known<HPAScalingRules>({
    stabilizationWindowSeconds: fields.integer("stabilizationWindowSeconds"),
    selectPolicy: fields.text("selectPolicy") || undefined,
    policies: fields.list("policies", (policy) => ({
      type: policy.text("type"),
      value: policy.integer("value") ?? 0,
      periodSeconds: policy.integer("periodSeconds") ?? 0,
    })),
    tolerance: fields.quantity("tolerance"),
  });
}
