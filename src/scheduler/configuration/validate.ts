// What is wrong with a configuration, in upstream's words (kube-scheduler apis/config/validation). Pure.

import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { type CompleteConfiguration, type CompleteProfile, EXTENSION_POINTS } from "./types.ts";
import { validateArgs } from "./validate-args.ts";

/** Plugins that older versions had. */
const REMOVED: ReadonlySet<string> = new Set(["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"]);

export function validateConfiguration(configuration: CompleteConfiguration): FieldError[] {
  const { apiVersion, parallelism, percentageOfNodesToScore, podInitialBackoffSeconds, podMaxBackoffSeconds, profiles } = configuration;
  const errors: FieldError[] = [];
  if (parallelism <= 0) errors.push(field.invalid("parallelism", parallelism, "should be an integer value greater than zero"));
  const seen = new Map<string, number>();
  for (const [index, profile] of profiles.entries()) {
    const path = `profiles[${index}]`;
    errors.push(...validateProfile(path, apiVersion, profile));
    const other = seen.get(profile.schedulerName);
    if (other !== undefined) errors.push(field.duplicate(`${path}.schedulerName`, `profiles[${other}].schedulerName`));
    seen.set(profile.schedulerName, index);
  }
  errors.push(...validateQueueSort(profiles));
  errors.push(...validatePercentage("percentageOfNodesToScore", percentageOfNodesToScore));
  if (podInitialBackoffSeconds <= 0) {
    errors.push(field.invalid("podInitialBackoffSeconds", podInitialBackoffSeconds, "must be greater than 0"));
  }
  if (podMaxBackoffSeconds < podInitialBackoffSeconds) {
    const detail = "must be greater than or equal to PodInitialBackoffSeconds";
    errors.push(field.invalid("podMaxBackoffSeconds", podMaxBackoffSeconds, detail));
  }
  return errors;
}

function validatePercentage(path: string, value: number): FieldError[] {
  return value < 0 || value > 100 ? [field.invalid(path, value, "not in valid range [0-100]")] : [];
}

function validateProfile(path: string, apiVersion: string, profile: CompleteProfile): FieldError[] {
  const errors: FieldError[] = [];
  const removed = (where: string, name: string) =>
    field.invalid(
      where,
      name,
      `was invalid in version ${JSON.stringify(apiVersion)} (KubeSchedulerConfiguration is version ${JSON.stringify(apiVersion)})`,
    );
  if (profile.schedulerName === "") errors.push(field.required(`${path}.schedulerName`));
  errors.push(...validatePercentage(`${path}.percentageOfNodesToScore`, profile.percentageOfNodesToScore));
  for (const point of EXTENSION_POINTS) {
    for (const [index, { name }] of (profile.plugins[point]?.enabled ?? []).entries()) {
      if (REMOVED.has(name)) errors.push(removed(`${path}.plugins.${point}.enabled[${index}]`, name));
    }
  }
  const seen = new Set<string>();
  for (const [index, { name }] of profile.pluginConfig.entries()) {
    const where = `${path}.pluginConfig[${index}]`;
    if (seen.has(name)) errors.push(field.duplicate(where, name));
    seen.add(name);
    if (REMOVED.has(name)) errors.push(removed(where, name));
    else errors.push(...validateArgs(`${where}.args`, name, profile.args));
  }
  return errors;
}

/** There is one queue for all profiles. */
function validateQueueSort(profiles: readonly CompleteProfile[]): FieldError[] {
  const errors: FieldError[] = [];
  const [first, ...others] = profiles;
  const canon = first?.plugins.queueSort ?? {};
  const enabled = canon.enabled?.length ?? 0;
  if (enabled > 1)
    errors.push(field.invalid("profiles[0].plugins.queueSort.Enabled", enabled, "only one queue sort plugin can be enabled"));
  for (const [position, { plugins }] of others.entries()) {
    const current = plugins.queueSort ?? {};
    if (!equal(canon, current)) {
      errors.push(field.invalid(`profiles[${position + 1}].plugins.queueSort`, current, "must be the same for all profiles"));
    }
  }
  return errors;
}
