// What is wrong with the arguments of a plugin, in upstream's words (validation_pluginargs.go). Pure.

import type { NodeSelectorTerm, TopologySpreadConstraint } from "#kinds/api/core-v1.gen.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { labelValue, qualifiedName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { ResourceSpec, ShapePoint } from "../resource-scores.ts";
import type { PluginArgs } from "./types.ts";

type Validators = { readonly [Name in keyof PluginArgs]: (path: string, args: PluginArgs[Name]) => FieldError[] };

const VALIDATORS: Validators = {
  DefaultPreemption: validatePreemption,
  InterPodAffinity: (path, { hardPodAffinityWeight }) =>
    outside(`${path}.hardPodAffinityWeight`, hardPodAffinityWeight, 0, 100, "not in valid range [0, 100]"),
  NodeAffinity: validateNodeAffinity,
  NodeResourcesBalancedAllocation: validateBalanced,
  NodeResourcesFit: validateFit,
  PodTopologySpread: validateSpread,
  VolumeBinding: (path, { bindTimeoutSeconds }) =>
    bindTimeoutSeconds < 0
      ? [field.invalid(`${path}.bindTimeoutSeconds`, bindTimeoutSeconds, "invalid BindTimeoutSeconds, should not be a negative value")]
      : [],
};

/** Of plugins that take none, anything goes. */
export function validateArgs(path: string, plugin: string, args: PluginArgs): FieldError[] {
  const one = <Name extends keyof PluginArgs>(name: Name) => VALIDATORS[name](path, args[name]);
  return Object.hasOwn(VALIDATORS, plugin) ? one(plugin as keyof PluginArgs) : []; // it is a key of VALIDATORS
}

function outside(path: string, value: number, low: number, high: number, detail: string): FieldError[] {
  return value < low || value > high ? [field.invalid(path, value, detail)] : [];
}

function labelName(path: string, name: string): FieldError[] {
  return qualifiedName(name).map((detail) => field.invalid(path, name, detail));
}

function validatePreemption(path: string, args: PluginArgs["DefaultPreemption"]): FieldError[] {
  const { minCandidateNodesPercentage: percentage, minCandidateNodesAbsolute: absolute } = args;
  const [percentagePath, absolutePath] = [`${path}.minCandidateNodesPercentage`, `${path}.minCandidateNodesAbsolute`];
  const errors = [
    ...outside(percentagePath, percentage, 0, 100, "not in valid range [0, 100]"),
    ...outside(absolutePath, absolute, 0, Infinity, "not in valid range [0, inf)"),
  ];
  if (percentage === 0 && absolute === 0) {
    errors.push(field.invalid(percentagePath, percentage, "cannot be zero at the same time as minCandidateNodesAbsolute"));
    errors.push(field.invalid(absolutePath, absolute, "cannot be zero at the same time as minCandidateNodesPercentage"));
  }
  return errors;
}

function validateNodeAffinity(path: string, { addedAffinity }: PluginArgs["NodeAffinity"]): FieldError[] {
  const required = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const of = `${path}.addedAffinity`;
  return [
    ...(required?.nodeSelectorTerms ?? []).flatMap((term, index) =>
      validateTerm(`${of}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`, term),
    ),
    ...preferred.flatMap(({ preference }, index) =>
      validateTerm(`${of}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`, preference),
    ),
  ];
}

const SELECTOR_OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

function validateTerm(path: string, { matchExpressions = [], matchFields = [] }: DeepReadonly<NodeSelectorTerm>): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, { key, operator, values = [] }] of matchExpressions.entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    if (!SELECTOR_OPERATORS.includes(operator)) {
      errors.push(field.notSupported(`${at}.operator`, operator, SELECTOR_OPERATORS));
      continue;
    }
    errors.push(...labelName(`${at}.key`, key));
    if ((operator === "In" || operator === "NotIn") && values.length === 0) {
      errors.push(field.invalid(`${at}.values`, values, "for 'in', 'notin' operators, values set can't be empty"));
    }
    for (const [position, value] of values.entries()) {
      for (const detail of labelValue(value)) errors.push(field.invalid(`${at}.values[${position}]`, value, detail));
    }
  }
  for (const [index, { key, operator, values = [] }] of matchFields.entries()) {
    const at = `${path}.matchFields[${index}]`;
    if (key !== "metadata.name") errors.push(field.notSupported(`${at}.key`, key, ["metadata.name"]));
    if (operator !== "In" && operator !== "NotIn") errors.push(field.notSupported(`${at}.operator`, operator, ["In", "NotIn"]));
    else if (values.length !== 1) errors.push(field.invalid(`${at}.values`, values, "must have one element"));
  }
  return errors;
}

function validateBalanced(path: string, { resources }: PluginArgs["NodeResourcesBalancedAllocation"]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { name, weight }] of resources.entries()) {
    const at = `${path}.resources[${index}]`;
    if (seen.has(name)) errors.push(field.duplicate(`${at}.name`, name));
    seen.add(name);
    if (weight !== 1) errors.push(field.invalid(`${at}.weight`, weight, "must be 1"));
  }
  return errors;
}

const STRATEGIES = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];

function validateFit(path: string, args: PluginArgs["NodeResourcesFit"]): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, name] of (args.ignoredResources ?? []).entries())
    errors.push(...labelName(`${path}.ignoredResources[${index}]`, name));
  for (const [index, group] of (args.ignoredResourceGroups ?? []).entries()) {
    const at = `${path}.ignoredResourceGroups[${index}]`;
    if (group.includes("/")) errors.push(field.invalid(at, group, "resource group name can't contain '/'"));
    errors.push(...labelName(at, group));
  }
  const { type, resources, requestedToCapacityRatio: ratio } = args.scoringStrategy;
  const at = `${path}.scoringStrategy`;
  if (!STRATEGIES.includes(type)) errors.push(field.notSupported(`${at}.type`, type, STRATEGIES));
  errors.push(...validateWeights(`${at}.resources`, resources));
  if (type === "RequestedToCapacityRatio") {
    if (!ratio) {
      errors.push(field.required(`${at}.requestedToCapacityRatio`, "must be specified when type is RequestedToCapacityRatio"));
    } else errors.push(...validateShape(`${at}.requestedToCapacityRatio.shape`, ratio.shape));
  } else if (ratio) {
    errors.push(field.forbidden(`${at}.requestedToCapacityRatio`, "must be nil when type is not RequestedToCapacityRatio"));
  }
  return errors;
}

function validateWeights(path: string, resources: readonly ResourceSpec[]): FieldError[] {
  return resources.flatMap(({ name, weight }, index) =>
    weight <= 0 || weight > 100
      ? [field.invalid(`${path}[${index}].weight`, weight, `resource weight of ${name} not in valid range (0, 100]`)]
      : [],
  );
}

function validateShape(path: string, shape: readonly ShapePoint[]): FieldError[] {
  if (shape.length === 0) return [field.required(path, "at least one point must be specified")];
  const errors: FieldError[] = [];
  const unsorted = shape.findIndex(({ utilization }, index) => index > 0 && (shape[index - 1]?.utilization ?? 0) >= utilization);
  if (unsorted > 0) {
    const detail = "values must be sorted in increasing order";
    errors.push(field.invalid(`${path}[${unsorted}].utilization`, shape[unsorted]?.utilization, detail));
  }
  for (const [index, { utilization, score }] of shape.entries()) {
    errors.push(...outside(`${path}[${index}].utilization`, utilization, 0, 100, "not in valid range [0, 100]"));
    errors.push(...outside(`${path}[${index}].score`, score, 0, 10, "not in valid range [0, 10]"));
  }
  return errors;
}

const DEFAULTING = ["System", "List"];
const UNSATISFIABLE = ["DoNotSchedule", "ScheduleAnyway"];

function validateSpread(path: string, { defaultConstraints = [], defaultingType }: PluginArgs["PodTopologySpread"]): FieldError[] {
  const errors: FieldError[] = [];
  if (!DEFAULTING.includes(defaultingType)) {
    errors.push(field.notSupported(`${path}.defaultingType`, defaultingType, DEFAULTING, "given"));
  } else if (defaultingType === "System" && defaultConstraints.length > 0) {
    errors.push(field.invalid(`${path}.defaultingType`, defaultingType, "when .defaultConstraints are not empty"));
  }
  for (const [index, constraint] of defaultConstraints.entries()) {
    errors.push(...validateConstraint(`${path}.defaultConstraints[${index}]`, constraint, defaultConstraints.slice(0, index)));
  }
  return errors;
}

function validateConstraint(
  path: string,
  constraint: DeepReadonly<TopologySpreadConstraint>,
  earlier: readonly DeepReadonly<TopologySpreadConstraint>[],
): FieldError[] {
  const { maxSkew, topologyKey, whenUnsatisfiable, labelSelector } = constraint;
  const errors: FieldError[] = [];
  if (maxSkew <= 0) errors.push(field.invalid(`${path}.maxSkew`, maxSkew, "not in valid range (0, inf)"));
  if (!topologyKey) errors.push(field.required(`${path}.topologyKey`, "can not be empty"));
  else errors.push(...labelName(`${path}.topologyKey`, topologyKey));
  if (!whenUnsatisfiable) errors.push(field.required(`${path}.whenUnsatisfiable`, "can not be empty"));
  else if (!UNSATISFIABLE.includes(whenUnsatisfiable)) {
    errors.push(field.notSupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable, UNSATISFIABLE));
  }
  if (labelSelector !== undefined) {
    errors.push(field.forbidden(`${path}.labelSelector`, "constraint must not define a selector, as they deduced for each pod"));
  }
  if (earlier.some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable)) {
    errors.push(field.duplicate(path, `{${topologyKey}, ${whenUnsatisfiable}}`));
  }
  return errors;
}
