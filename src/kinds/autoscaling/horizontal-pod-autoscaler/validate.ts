// HorizontalPodAutoscalers, in the stored form.

import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from "#kinds/api/autoscaling-v2.gen.ts";
import { checkContainerResourceName } from "#kinds/core/pod/pod-spec/validate-resources.ts";
import { checkDnsLabel, checkNonNegative, checkNonNegativeQuantity, checkOneOf, checkRule, type Errors } from "#kinds/shared/checks.ts";
import { tryParse } from "#kinds/shared/quantities.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { pathSegmentName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;

const MAX_PERIOD_SECONDS = 1800;
const MAX_WINDOW_SECONDS = 3600;
const SELECT_POLICIES = ["Disabled", "Max", "Min"];
const POLICY_TYPES = ["Percent", "Pods"];
const METRIC_TYPES = ["ContainerResource", "External", "Object", "Pods", "Resource"];
const TARGET_TYPES = ["Utilization", "Value", "AverageValue"];

/** What of a reference's apiVersion is let through. */
interface VersionRule {
  readonly anything?: boolean;
  readonly coreGroup?: boolean;
}

export function validateAutoscaler(
  next: Read<HorizontalPodAutoscaler>,
  previous: Read<HorizontalPodAutoscaler> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    checkNonNegative(errors, "status.currentReplicas", next.status?.currentReplicas);
    checkNonNegative(errors, "status.desiredReplicas", next.status?.desiredReplicas);
    return errors;
  }
  const spec: Partial<Read<HorizontalPodAutoscalerSpec>> = next.spec ?? {};
  const before = previous?.spec;
  const { minReplicas: min, maxReplicas: max = 0, scaleTargetRef: target = { kind: "", name: "" } } = spec;
  // Scaling to zero is off by default; what has it keeps it.
  const least = before?.minReplicas === 0 ? 0 : 1;
  if (min !== undefined && min < least) errors.push(field.invalid("spec.minReplicas", min, `must be greater than or equal to ${least}`));
  if (max === 0) errors.push(field.required("spec.maxReplicas", "must be set and greater than 0"));
  else if (max < 0) errors.push(field.invalid("spec.maxReplicas", max, "must be greater than or equal to 1"));
  if (min !== undefined && max < min) errors.push(field.invalid("spec.maxReplicas", max, "must be greater than or equal to `minReplicas`"));
  const old = before?.scaleTargetRef;
  validateReference(errors, "spec.scaleTargetRef", target, {
    anything: before !== undefined && (old?.apiVersion ?? "") === (target.apiVersion ?? "") && (old?.kind ?? "") === (target.kind ?? ""),
    coreGroup: target.kind === "ReplicationController",
  });
  validateMetrics(errors, "spec.metrics", spec, {
    coreGroup: true,
    anything: (before?.metrics ?? []).some(
      ({ type, object }) =>
        type === "Object" && object && wrongVersion(object.describedObject?.apiVersion ?? "", { coreGroup: true }) !== undefined,
    ),
  });
  for (const name of ["scaleUp", "scaleDown"] as const) {
    const rules = spec.behavior?.[name];
    if (rules) validateRules(errors, `spec.behavior.${name}`, rules);
  }
  return errors;
}

function wrongVersion(apiVersion: string, rule: VersionRule): string | undefined {
  if (rule.anything) return undefined;
  const parts = apiVersion.split("/");
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  return !rule.coreGroup && (parts.length < 2 || parts[0] === "") ? "apiVersion must specify API group" : undefined;
}

function validateReference(errors: Errors, path: string, reference: Read<CrossVersionObjectReference>, rule: VersionRule): void {
  for (const name of ["kind", "name"] as const) {
    if (!reference[name]) errors.push(field.required(`${path}.${name}`));
    else checkRule(errors, `${path}.${name}`, reference[name], pathSegmentName);
  }
  const { apiVersion = "" } = reference;
  const wrong = wrongVersion(apiVersion, rule);
  if (wrong !== undefined) errors.push(field.invalid(`${path}.apiVersion`, apiVersion, wrong));
}

function validateMetrics(
  errors: Errors,
  path: string,
  { metrics = [], minReplicas }: Partial<Read<HorizontalPodAutoscalerSpec>>,
  rule: VersionRule,
): void {
  for (const [index, metric] of metrics.entries()) validateMetric(errors, `${path}[${index}]`, metric, rule);
  if (minReplicas === 0 && !metrics.some(({ type }) => type === "Object" || type === "External"))
    errors.push(field.forbidden(path, "must specify at least one Object or External metric to support scaling to zero replicas"));
}

/** Upstream's order, which decides which of several sources is looked at. */
const SOURCES = [
  ["object", "Object"],
  ["external", "External"],
  ["pods", "Pods"],
  ["resource", "Resource"],
  ["containerResource", "ContainerResource"],
] as const;

function validateMetric(errors: Errors, path: string, metric: Read<MetricSpec>, rule: VersionRule): void {
  const type = metric.type ?? "";
  if (type === "") errors.push(field.required(`${path}.type`, "must specify a metric source type"));
  checkOneOf(errors, `${path}.type`, type, METRIC_TYPES);
  const present = SOURCES.filter(([name]) => metric[name]);
  const [first] = present;
  if (first) validateSource(errors, `${path}.${first[0]}`, first[0], metric, rule);
  const expected = SOURCES.find(([, named]) => named === type);
  if (!expected) checkOneOf(errors, `${path}.type`, type, METRIC_TYPES);
  else if (!metric[expected[0]])
    errors.push(field.required(`${path}.${expected[0]}`, "must populate information for the given metric source"));
  if (present.length === 1) return;
  for (const [name] of present) {
    if (name !== expected?.[0]) errors.push(field.forbidden(`${path}.${name}`, "must populate the given metric source only"));
  }
}

function validateSource(
  errors: Errors,
  path: string,
  name: (typeof SOURCES)[number][0],
  metric: Read<MetricSpec>,
  rule: VersionRule,
): void {
  const target: Partial<Read<MetricTarget>> = metric[name]?.target ?? {};
  const { value, averageValue, averageUtilization } = target;
  const require = (key: string, text: string) => errors.push(field.required(`${path}.target.${key}`, text));
  switch (name) {
    case "object":
      validateReference(errors, `${path}.describedObject`, metric.object?.describedObject ?? { kind: "", name: "" }, rule);
      validateIdentifier(errors, `${path}.metric`, metric.object?.metric);
      validateTarget(errors, `${path}.target`, target);
      if (value === undefined && averageValue === undefined) require("averageValue", "must set either a target value or averageValue");
      return;
    case "external":
      validateIdentifier(errors, `${path}.metric`, metric.external?.metric);
      validateTarget(errors, `${path}.target`, target);
      if (value === undefined && averageValue === undefined)
        require("averageValue", "must set either a target value for metric or a per-pod target");
      if (value !== undefined && averageValue !== undefined)
        errors.push(field.forbidden(`${path}.target.value`, "may not set both a target value for metric and a per-pod target"));
      return;
    case "pods":
      validateIdentifier(errors, `${path}.metric`, metric.pods?.metric);
      validateTarget(errors, `${path}.target`, target);
      if (averageValue === undefined) require("averageValue", "must specify a positive target averageValue");
      return;
    case "containerResource":
    case "resource": {
      const resource = metric[name]?.name;
      if (!resource) errors.push(field.required(`${path}.name`, "must specify a resource name"));
      else if (name === "containerResource") checkContainerResourceName(errors, `${path}.name`, resource);
      if (name === "containerResource") {
        const container = metric.containerResource?.container;
        if (!container) errors.push(field.required(`${path}.container`, "must specify a container"));
        else checkDnsLabel(errors, `${path}.container`, container);
      }
      validateTarget(errors, `${path}.target`, target);
      if (averageUtilization === undefined && averageValue === undefined)
        require("averageUtilization", "must set either a target raw value or a target utilization");
      if (averageUtilization !== undefined && averageValue !== undefined)
        errors.push(field.forbidden(`${path}.target.averageValue`, "may not set both a target raw value and a target utilization"));
    }
  }
}

function validateIdentifier(errors: Errors, path: string, identifier: Read<MetricIdentifier> | undefined): void {
  if (!identifier?.name) errors.push(field.required(`${path}.name`, "must specify a metric name"));
  else checkRule(errors, `${path}.name`, identifier.name, pathSegmentName);
}

function validateTarget(errors: Errors, path: string, target: Partial<Read<MetricTarget>>): void {
  const { type = "", averageUtilization } = target;
  if (type === "") errors.push(field.required(`${path}.type`, "must specify a metric target type"));
  if (!TARGET_TYPES.includes(type)) errors.push(field.invalid(`${path}.type`, type, "must be either Utilization, Value, or AverageValue"));
  for (const name of ["value", "averageValue"] as const) {
    const quantity = tryParse(target[name]);
    if (quantity && quantity.nanos <= 0n) errors.push(field.invalid(`${path}.${name}`, target[name], "must be positive"));
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(field.invalid(`${path}.averageUtilization`, averageUtilization, "must be greater than 0"));
}

function validateRules(errors: Errors, path: string, rules: Read<HPAScalingRules>): void {
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules;
  const window = `${path}.stabilizationWindowSeconds`;
  if (seconds !== undefined && seconds < 0) errors.push(field.invalid(window, seconds, "must be greater than or equal to zero"));
  if (seconds !== undefined && seconds > MAX_WINDOW_SECONDS)
    errors.push(field.invalid(window, seconds, `must be less than or equal to ${MAX_WINDOW_SECONDS}`));
  if (selectPolicy !== undefined) checkOneOf(errors, `${path}.selectPolicy`, selectPolicy, SELECT_POLICIES);
  if (policies.length === 0) errors.push(field.required(`${path}.policies`, "must specify at least one Policy"));
  for (const [index, { type = "", value = 0, periodSeconds = 0 }] of policies.entries()) {
    const at = `${path}.policies[${index}]`;
    checkOneOf(errors, `${at}.type`, type, POLICY_TYPES);
    if (value <= 0) errors.push(field.invalid(`${at}.value`, value, "must be greater than zero"));
    if (periodSeconds <= 0) errors.push(field.invalid(`${at}.periodSeconds`, periodSeconds, "must be greater than zero"));
    if (periodSeconds > MAX_PERIOD_SECONDS)
      errors.push(field.invalid(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${MAX_PERIOD_SECONDS}`));
  }
  if (tolerance !== undefined) checkNonNegativeQuantity(errors, `${path}.tolerance`, tolerance);
}
