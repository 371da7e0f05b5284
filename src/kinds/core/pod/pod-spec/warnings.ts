// Warnings for pod specs, of pods and of templates: what is accepted, but hardly does what its writer thinks.

import type { Container, EphemeralContainer, NodeSelectorTerm, PodAffinity, PodSpec, PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { deprecatedNodeLabel } from "#kinds/shared/node-labels.ts";
import { warningsForIp } from "#kinds/shared/ip-warnings.ts";
import type { ResourceList } from "#kinds/shared/quantities.ts";
import { equal } from "#lib/equal.ts";
import { quote } from "#meta/errors.ts";
import { labelValue } from "#meta/names.ts";
import type { DeepReadonly, ObjectMeta } from "#meta/object.ts";
import { APP_ARMOR_ANNOTATION, profileOfAnnotation } from "./app-armor.ts";
import { fractionWarning } from "./warnings-fractions.ts";
import { portWarnings } from "./warnings-ports.ts";
import { volumeWarnings } from "./warnings-volumes.ts";

type Read<T> = DeepReadonly<T>;
type AnyContainer = Read<Container> | Read<EphemeralContainer>;

const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/";
const DEPRECATED_ANNOTATIONS: readonly (readonly [string, string])[] = [
  ["scheduler.alpha.kubernetes.io/critical-pod", 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
  ["security.alpha.kubernetes.io/unsafe-sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
];
const NO_SELECTOR = "a null labelSelector results in matching no pod";
const BYTES = ["memory", "ephemeral-storage"];

/** `path` is the template's. */
export function podTemplateWarnings(path: string, template: Read<PodTemplateSpec> | undefined): string[] {
  return podSpecWarnings(`${path}.`, template?.spec ?? { containers: [] }, template?.metadata, true);
}

/** `prefix` stands before `spec` and `metadata`: "" or a template's path with a dot. */
export function podSpecWarnings(
  prefix: string,
  spec: Read<PodSpec>,
  metadata: Read<ObjectMeta> | undefined,
  isTemplate: boolean,
): string[] {
  const warnings: string[] = [];
  const path = `${prefix}spec`;
  const annotations = metadata?.annotations ?? {};
  const annotation = (key: string, text: string) => {
    if (annotations[key] !== undefined) warnings.push(`${prefix}metadata.annotations[${key}]: ${text}`);
  };
  placementWarnings(warnings, path, spec);
  for (const [key, text] of DEPRECATED_ANNOTATIONS) annotation(key, text);
  warnings.push(...volumeWarnings(`${path}.volumes`, spec.volumes ?? []));
  duplicateWarnings(warnings, path, spec);
  fractionWarnings(warnings, `${path}.overhead`, spec.overhead);
  const seccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead';
  if (!spec.securityContext?.seccompProfile) annotation(SECCOMP_POD, seccomp);
  const all = containersOf(path, spec);
  for (const { at, container } of all) {
    if (!container.securityContext?.seccompProfile) annotation(SECCOMP_CONTAINER + container.name, seccomp);
    const key = APP_ARMOR_ANNOTATION + container.name;
    const profile = annotations[key];
    // Pods are warned when the annotation is turned into the field.
    if (isTemplate && profile !== undefined && !container.securityContext?.appArmorProfile) {
      const inherited = spec.securityContext?.appArmorProfile;
      if (!inherited || !equal(inherited, profileOfAnnotation(profile))) {
        annotation(key, 'deprecated since v1.30; use the "appArmorProfile" field instead');
      }
    }
    fractionWarnings(
      warnings,
      `${at}.resources.limits`,
      container.resources?.limits,
      container.resources?.requests,
      `${at}.resources.requests`,
    );
    variableWarnings(warnings, at, container);
  }
  warnings.push(...portWarnings(all));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`);
  }
  for (const name of ["podAffinity", "podAntiAffinity"] as const) {
    affinityWarnings(warnings, `${path}.affinity.${name}`, spec.affinity?.[name]);
  }
  for (const [index, server] of (spec.dnsConfig?.nameservers ?? []).entries()) {
    warnings.push(...warningsForIp(`${path}.dnsConfig.nameservers[${index}]`, server));
  }
  for (const [index, alias] of (spec.hostAliases ?? []).entries()) {
    warnings.push(...warningsForIp(`${path}.hostAliases[${index}].ip`, alias.ip ?? ""));
  }
  return warnings;
}

function containersOf(path: string, spec: Read<PodSpec>): { at: string; container: AnyContainer }[] {
  return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ at: `${path}.${list}[${index}]`, container })),
  );
}

function placementWarnings(warnings: string[], path: string, spec: Read<PodSpec>): void {
  for (const key of Object.keys(spec.nodeSelector ?? {}).toSorted()) {
    const text = deprecatedNodeLabel(key);
    if (text !== undefined) warnings.push(`${path}.nodeSelector[${key}]: ${text}`);
  }
  const node = spec.affinity?.nodeAffinity;
  const at = `${path}.affinity.nodeAffinity`;
  for (const [index, term] of (node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []).entries()) {
    termWarnings(warnings, `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`, term, false);
  }
  for (const [index, { preference }] of (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    termWarnings(warnings, `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`, preference ?? {}, true);
  }
  for (const [index, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const text = deprecatedNodeLabel(topologyKey);
    if (text !== undefined) warnings.push(`${path}.topologySpreadConstraints[${index}].topologyKey: ${topologyKey} is ${text}`);
    if (!labelSelector) warnings.push(`${path}.topologySpreadConstraints[${index}].labelSelector: ${NO_SELECTOR}`);
  }
}

function termWarnings(warnings: string[], path: string, term: Read<NodeSelectorTerm>, checkValues: boolean): void {
  for (const [index, { key, values = [] }] of (term.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    const text = deprecatedNodeLabel(key);
    if (text !== undefined) warnings.push(`${at}.key: ${key} is ${text}`);
    if (!checkValues) continue;
    for (const [position, value] of values.entries()) {
      for (const wrong of labelValue(value)) warnings.push(`${at}.values[${position}]: ${value} is invalid, ${wrong}`);
    }
  }
}

function duplicateWarnings(warnings: string[], path: string, spec: Read<PodSpec>): void {
  const addresses = new Set<string>();
  for (const [index, { ip = "" }] of (spec.hostAliases ?? []).entries()) {
    if (addresses.has(ip)) warnings.push(`${path}.hostAliases[${index}].ip: duplicate ip ${quote(ip)}`);
    addresses.add(ip);
  }
  const secrets = new Set<string>();
  for (const [index, { name = "" }] of (spec.imagePullSecrets ?? []).entries()) {
    if (secrets.has(name)) warnings.push(`${path}.imagePullSecrets[${index}].name: duplicate name ${quote(name)}`);
    secrets.add(name);
  }
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (!name) warnings.push(`${path}.imagePullSecrets[${index}].name: invalid empty name ""`);
  }
}

/** Of one list, or of two with the same resource of both side by side, as upstream orders them. */
function fractionWarnings(
  warnings: string[],
  path: string,
  list: Read<ResourceList> | undefined,
  second?: Read<ResourceList>,
  secondPath?: string,
): void {
  for (const name of BYTES) {
    warnings.push(...fractionWarning(path, name, list));
    if (secondPath !== undefined) warnings.push(...fractionWarning(secondPath, name, second));
  }
}

/** A variable that is set twice is lost by apply, unless the second value is made of the first. */
function variableWarnings(warnings: string[], path: string, { env = [] }: AnyContainer): void {
  const names = new Set<string>();
  for (const [index, { name, value = "", valueFrom }] of env.entries()) {
    const reference = `$(${name})`;
    if (names.has(name) && (valueFrom || value === reference || !value.includes(reference))) {
      warnings.push(`${path}.env[${index}]: hides previous definition of ${quote(name)}, which may be dropped when using apply`);
    }
    names.add(name);
  }
}

function affinityWarnings(warnings: string[], path: string, affinity: Read<PodAffinity> | undefined): void {
  for (const [index, term] of (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    if (!term.labelSelector)
      warnings.push(`${path}.requiredDuringSchedulingIgnoredDuringExecution[${index}].labelSelector: ${NO_SELECTOR}`);
  }
  for (const [index, { podAffinityTerm }] of (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm.labelSelector`;
    if (!podAffinityTerm?.labelSelector) warnings.push(`${at}: ${NO_SELECTOR}`);
  }
}
