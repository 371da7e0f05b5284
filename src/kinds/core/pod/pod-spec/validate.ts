// A whole pod spec, of a pod or of a workload's template.

import type { PodDNSConfig, PodSpec, PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import {
  checkDnsLabel,
  checkLabels,
  checkQualifiedName,
  checkRequiredOneOf,
  checkRule,
  checkSubdomain,
  type Errors,
} from "#kinds/shared/checks.ts";
import { validateIp } from "#kinds/shared/ip.ts";
import { checkNodeName } from "#kinds/shared/network.ts";
import { field } from "#meta/errors.ts";
import { byteLength, dns1123SubdomainWithUnderscore, inclusiveRangeText } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { toleratedOf } from "./tolerated.ts";
import { validateAnnotationsMatch, validatePodAnnotations } from "./validate-annotations.ts";
import { validateContainers, validateEphemeralContainers, validateInitContainers, type ContainerContext } from "./validate-containers.ts";
import { checkContainerResourceName, checkResourceAmount, validatePodResources } from "./validate-resources.ts";
import { validateAffinity, validateSchedulingGates, validateTolerations, validateTopologySpread } from "./validate-scheduling.ts";
import { validateOs, validatePodSecurityContext } from "./validate-security.ts";
import { validateHostProcess } from "./validate-windows.ts";
import { validateVolumes } from "./validate-volumes.ts";

type Spec = DeepReadonly<PodSpec>;

export const MAX_INT32 = 2 ** 31 - 1;
const CONTAINER_LISTS = ["initContainers", "containers", "ephemeralContainers"] as const;
const DNS_POLICIES = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/** `podName` is the name of the pod it is of, undefined for templates; `before` the spec that is updated, for what is tolerated in it. */
export function validatePodSpec(errors: Errors, path: string, spec: Spec, podName: string | undefined, before?: Spec): void {
  const tolerated = toleratedOf(before);
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(field.required(`${path}.terminationGracePeriodSeconds`));
  const volumes = validateVolumes(errors, `${path}.volumes`, spec.volumes ?? [], podName, tolerated.tokenPaths);
  validateResourceClaims(errors, `${path}.resourceClaims`, spec);
  const context: ContainerContext = {
    errors,
    volumes,
    claims: new Set((spec.resourceClaims ?? []).map((claim) => claim.name).filter((name) => name !== "")),
    gracePeriod: spec.terminationGracePeriodSeconds,
    restartPolicy: spec.restartPolicy ?? "",
    os: spec.os?.name,
    hostUsers: spec.hostUsers !== false,
    isPod: podName !== undefined,
    initRestarts: tolerated.initRestarts,
    brokenPages: tolerated.brokenPages,
  };
  // Decoding does not insist on required fields.
  const containers = spec.containers ?? [];
  const { initContainers = [] } = spec;
  validateContainers(context, `${path}.containers`, containers);
  validateInitContainers(context, `${path}.initContainers`, initContainers, containers);
  validateEphemeralContainers(context, `${path}.ephemeralContainers`, spec.ephemeralContainers ?? [], [...containers, ...initContainers]);
  if (spec.resources) validatePodResources(errors, `${path}.resources`, spec, context.claims, tolerated.brokenPages);
  validateHostNetwork(errors, path, spec, podName !== undefined);
  checkRequiredOneOf(errors, `${path}.restartPolicy`, spec.restartPolicy, ["Always", "OnFailure", "Never"], "given");
  checkRequiredOneOf(errors, `${path}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES, "given");
  checkLabels(errors, `${path}.nodeSelector`, spec.nodeSelector);
  if (spec.securityContext) validatePodSecurityContext(errors, `${path}.securityContext`, spec.securityContext, spec, tolerated);
  validateAffinity(errors, `${path}.affinity`, spec.affinity, tolerated);
  validateDns(errors, `${path}.dnsConfig`, spec.dnsConfig, spec.dnsPolicy);
  for (const [index, gate] of (spec.readinessGates ?? []).entries()) {
    checkQualifiedName(errors, `${path}.readinessGates[${index}].conditionType`, gate.conditionType);
  }
  validateSchedulingGates(errors, `${path}.schedulingGates`, spec.schedulingGates ?? []);
  validateTopologySpread(errors, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints ?? [], tolerated);
  validateHostProcess(errors, path, spec);
  validateHostUsers(errors, path, spec, tolerated.mappedDevices);
  validateNames(errors, path, spec);
  validateTolerations(errors, `${path}.tolerations`, spec.tolerations ?? [], tolerated);
  for (const [index, { ip, hostnames = [] }] of (spec.hostAliases ?? []).entries()) {
    errors.push(...validateIp(`${path}.hostAliases[${index}].ip`, ip));
    for (const [position, name] of hostnames.entries())
      checkSubdomain(errors, `${path}.hostAliases[${index}].hostnames[${position}]`, name);
  }
  for (const [name, value] of Object.entries(spec.overhead ?? {})) {
    checkContainerResourceName(errors, `${path}.overhead.limits[${name}]`, name);
    checkResourceAmount(errors, `${path}.overhead.limits[${name}]`, name, value);
  }
  validateOs(errors, path, spec);
  validateFileVariables(errors, path, spec);
  if (spec.schedulingGroup) {
    const group = spec.schedulingGroup.podGroupName;
    const at = `${path}.schedulingGroup.podGroupName`;
    if (group === undefined) errors.push(field.invalid(at, null, "must specify one of: `podGroupName`"));
    else checkSubdomain(errors, at, group);
  }
}

/** A template's metadata and spec. */
export function validatePodTemplateSpec(
  errors: Errors,
  path: string,
  template: DeepReadonly<PodTemplateSpec>,
  before?: DeepReadonly<PodTemplateSpec>,
): void {
  checkLabels(errors, `${path}.labels`, template.metadata?.labels);
  for (const key of Object.keys(template.metadata?.annotations ?? {})) checkQualifiedName(errors, `${path}.annotations`, key.toLowerCase());
  const annotations = template.metadata?.annotations ?? {};
  validatePodAnnotations(errors, `${path}.annotations`, annotations, template.spec, before?.metadata?.annotations);
  if (!template.spec) {
    errors.push(field.required(`${path}.spec.containers`));
    return;
  }
  validatePodSpec(errors, `${path}.spec`, template.spec, undefined, before?.spec);
  validateAnnotationsMatch(errors, `${path}.spec`, annotations, template.spec);
  if (template.spec.ephemeralContainers?.length) {
    errors.push(field.forbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template"));
  }
}

function validateResourceClaims(errors: Errors, path: string, { resourceClaims = [] }: Spec): void {
  const seen = new Set<string>();
  for (const [index, claim] of resourceClaims.entries()) {
    const at = `${path}[${index}]`;
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    if (!name) errors.push(field.required(`${at}.name`));
    else if (seen.has(name)) errors.push(field.duplicate(`${at}.name`, name));
    else checkDnsLabel(errors, `${at}.name`, name);
    seen.add(name);
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      errors.push(field.invalid(at, claim, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"));
    } else if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      errors.push(field.invalid(at, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"));
    }
    if (resourceClaimName !== undefined) checkSubdomain(errors, `${at}.resourceClaimName`, resourceClaimName);
    if (resourceClaimTemplateName !== undefined) checkSubdomain(errors, `${at}.resourceClaimTemplateName`, resourceClaimTemplateName);
  }
}

function validateHostNetwork(errors: Errors, path: string, spec: Spec, isPod: boolean): void {
  if (!spec.hostNetwork) return;
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [position, { hostPort = 0, containerPort }] of (container.ports ?? []).entries()) {
      if (hostPort === containerPort || (!isPod && hostPort === 0)) continue;
      const at = `${path}.containers[${index}].ports[${position}].hostPort`;
      errors.push(field.invalid(at, hostPort, "must match `containerPort` when `hostNetwork` is true"));
    }
  }
}

function validateHostUsers(errors: Errors, path: string, spec: Spec, allowsDevices: boolean): void {
  if (spec.hostUsers !== false) return;
  const text = "when `hostUsers` is false";
  if (spec.hostNetwork) errors.push(field.forbidden(`${path}.hostNetwork`, text));
  if (spec.hostPID) errors.push(field.forbidden(`${path}.HostPID`, text));
  if (spec.hostIPC) errors.push(field.forbidden(`${path}.HostIPC`, text));
  if (allowsDevices) return;
  // Devices' owners cannot be mapped.
  for (const list of CONTAINER_LISTS) {
    for (const [index, { volumeDevices = [] }] of (spec[list] ?? []).entries()) {
      if (volumeDevices.length > 0) errors.push(field.forbidden(`${path}.${list}[${index}].volumeDevices`, text));
    }
  }
}

function validateDns(errors: Errors, path: string, config: DeepReadonly<PodDNSConfig> | undefined, policy: string | undefined): void {
  if (policy === "None") {
    if (!config) {
      errors.push(field.required(path, "must provide `dnsConfig` when `dnsPolicy` is None"));
      return;
    }
    if (!config.nameservers?.length) {
      errors.push(field.required(`${path}.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None"));
      return;
    }
  }
  const { nameservers = [], searches = [], options = [] } = config ?? {};
  if (nameservers.length > 3) errors.push(field.invalid(`${path}.nameservers`, nameservers, "must not have more than 3 nameservers"));
  for (const [index, server] of nameservers.entries()) errors.push(...validateIp(`${path}.nameservers[${index}]`, server));
  if (searches.length > 32) errors.push(field.invalid(`${path}.searches`, searches, "must not have more than 32 search paths"));
  if (byteLength(searches.join(" ")) > 2048) {
    errors.push(
      field.invalid(`${path}.searches`, searches, "must not have more than 2048 characters (including spaces) in the search list"),
    );
  }
  for (const [index, search] of searches.entries()) {
    if (search !== ".") checkRule(errors, `${path}.searches[${index}]`, search.replace(/\.$/, ""), dns1123SubdomainWithUnderscore);
  }
  for (const [index, { name }] of options.entries())
    if (!name) errors.push(field.required(`${path}.options[${index}]`, "must not be empty"));
}

function validateNames(errors: Errors, path: string, spec: Spec): void {
  const override = spec.hostnameOverride;
  if (override !== undefined) {
    const at = `${path}.hostnameOverride`;
    if (spec.setHostnameAsFQDN) errors.push(field.forbidden(at, "may not be specified when setHostnameAsFQDN is true"));
    if (spec.hostNetwork) errors.push(field.forbidden(at, "may not be specified when hostNetwork is true"));
    if (byteLength(override) > 64) errors.push(field.tooLong(at, 64));
    checkSubdomain(errors, at, override);
  }
  if (spec.serviceAccountName) checkSubdomain(errors, `${path}.serviceAccountName`, spec.serviceAccountName);
  if (spec.nodeName) checkNodeName(errors, `${path}.nodeName`, spec.nodeName);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    errors.push(field.invalid(`${path}.activeDeadlineSeconds`, deadline, inclusiveRangeText(1, MAX_INT32)));
  }
  if (spec.hostname) checkDnsLabel(errors, `${path}.hostname`, spec.hostname);
  if (spec.subdomain) checkDnsLabel(errors, `${path}.subdomain`, spec.subdomain);
  if (spec.priorityClassName) checkSubdomain(errors, `${path}.priorityClassName`, spec.priorityClassName);
  if (spec.runtimeClassName !== undefined) checkSubdomain(errors, `${path}.runtimeClassName`, spec.runtimeClassName);
  const preemption = spec.preemptionPolicy;
  if (preemption !== undefined) checkRequiredOneOf(errors, `${path}.preemptionPolicy`, preemption, ["PreemptLowerPriority", "Never"]);
}

/** Variables read from files need a volume that init containers can write. */
function validateFileVariables(errors: Errors, path: string, spec: Spec): void {
  for (const list of CONTAINER_LISTS) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      for (const [position, { valueFrom }] of (container.env ?? []).entries()) {
        const name = valueFrom?.fileKeyRef?.volumeName;
        if (name === undefined) continue;
        const at = `${path}.${list}[${index}].env[${position}].valueFrom.fileKeyRef.volumeName`;
        const volume = spec.volumes?.find((each) => each.name === name);
        if (!volume) errors.push(field.notFound(at, name));
        else if (!volume.emptyDir) errors.push(field.invalid(at, name, "referenced volume must be of type emptyDir"));
      }
    }
  }
}
