import type { Service, ServicePort, ServiceStatus } from "#kinds/api/core-v1.gen.ts";
import {
  checkDnsLabel,
  checkLabels,
  checkOneOf,
  checkPortNumber,
  checkPortNumberOrName,
  checkQualifiedName,
  checkRequired,
  checkRequiredOneOf,
  checkSubdomain,
  PROTOCOLS,
  type Errors,
} from "#kinds/shared/checks.ts";
import { parseIp, validateCidr, validateEndpointIp, validateIp } from "#kinds/shared/ip.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { validateClusterIps, validateFamilyChanges } from "./validate-addresses.ts";
import { isExternallyAccessible } from "./defaults.ts";
import { needsHealthCheckNodePort } from "./prepare.ts";

type Spec = DeepReadonly<NonNullable<Service["spec"]>>;

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const DISTRIBUTIONS = ["PreferClose", "PreferSameZone", "PreferSameNode"];
const MAX_AFFINITY_SECONDS = 86400;
const LB_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges";
const ONLY_LB = "may only be used when `type` is 'LoadBalancer'";
const HINTS = "service.kubernetes.io/topology-aware-hints";
const MODE = "service.kubernetes.io/topology-mode";

export function isHeadless(spec: Spec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === "None";
}

export function validateService(
  next: DeepReadonly<Service>,
  previous: DeepReadonly<Service> | undefined,
  subresource: string,
): FieldError[] {
  const errors: Errors = [];
  const spec = next.spec ?? {};
  if (subresource === "status") {
    validateStatus(next.status, spec, errors);
    return errors;
  }
  if (previous) validateChange(spec, previous.spec ?? {}, errors);
  validateAnnotations(next, errors);
  validateType(spec, errors);
  const names = new Set<string>();
  for (const [index, port] of (spec.ports ?? []).entries())
    validatePort(port, `spec.ports[${index}]`, (spec.ports ?? []).length > 1, names, errors);
  checkLabels(errors, "spec.selector", spec.selector);
  validateAffinity(spec, errors);
  validateClusterIps(spec, previous?.spec?.clusterIPs ?? [], errors);
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const wrong = validateIp(`spec.externalIPs[${index}]`, ip, previous?.spec?.externalIPs);
    errors.push(...(wrong.length > 0 ? wrong : validateEndpointIp(`spec.externalIPs[${index}]`, ip)));
  }
  checkRequiredOneOf(errors, "spec.type", spec.type, TYPES);
  validateUniquePorts(spec, errors);
  validateLoadBalancer(next, previous, spec, errors);
  validateTrafficPolicies(next, spec, errors);
  return errors;
}

function validateAnnotations(service: DeepReadonly<Service>, errors: Errors): void {
  const { [HINTS]: hints, [MODE]: mode } = service.metadata?.annotations ?? {};
  if (hints !== undefined && mode !== undefined && hints !== mode) {
    errors.push(field.invalid(`metadata.annotations[${MODE}]`, mode, `must match annotations[${HINTS}] when both are specified`));
  }
}

function validateType(spec: Spec, errors: Errors): void {
  const headless = isHeadless(spec);
  if (!spec.ports?.length && !headless && spec.type !== "ExternalName") errors.push(field.required("spec.ports"));
  if ((spec.type === "LoadBalancer" || spec.type === "NodePort") && headless) {
    errors.push(field.invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type} services`));
  }
  if (spec.type !== "ExternalName") return;
  const detail = "may not be set for ExternalName services";
  if (spec.clusterIPs?.length) errors.push(field.forbidden("spec.clusterIPs", detail));
  if (spec.ipFamilies?.length) errors.push(field.forbidden("spec.ipFamilies", detail));
  if (spec.ipFamilyPolicy !== undefined) errors.push(field.forbidden("spec.ipFamilyPolicy", detail));
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  if (checkRequired(errors, "spec.externalName", name)) checkSubdomain(errors, "spec.externalName", name);
}

function validatePort(port: DeepReadonly<ServicePort>, path: string, requireName: boolean, names: Set<string>, errors: Errors): void {
  if (!port.name) {
    if (requireName) errors.push(field.required(`${path}.name`));
  } else {
    checkDnsLabel(errors, `${path}.name`, port.name);
    if (names.has(port.name)) errors.push(field.duplicate(`${path}.name`, port.name));
    names.add(port.name);
  }
  checkPortNumber(errors, `${path}.port`, port.port);
  checkRequiredOneOf(errors, `${path}.protocol`, port.protocol, PROTOCOLS);
  checkPortNumberOrName(errors, `${path}.targetPort`, port.targetPort);
  if (port.appProtocol !== undefined) checkQualifiedName(errors, `${path}.appProtocol`, port.appProtocol);
}

function validateAffinity(spec: Spec, errors: Errors): void {
  checkRequiredOneOf(errors, "spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"]);
  const config = spec.sessionAffinityConfig;
  const path = "spec.sessionAffinityConfig";
  if (spec.sessionAffinity === "None" && config) errors.push(field.forbidden(path, "must not be set when session affinity is None"));
  if (spec.sessionAffinity !== "ClientIP") return;
  const detail = "when session affinity type is ClientIP";
  const seconds = config?.clientIP?.timeoutSeconds;
  if (!config) errors.push(field.required(path, detail));
  else if (!config.clientIP) errors.push(field.required(`${path}.clientIP`, detail));
  else if (seconds === undefined) errors.push(field.required(`${path}.clientIP.timeoutSeconds`, detail));
  else if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) {
    const text = `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`;
    errors.push(field.invalid(`${path}.clientIP.timeoutSeconds`, seconds, text));
  }
}

function validateUniquePorts(spec: Spec, errors: Errors): void {
  const nodePorts = new Set<string>();
  const ports = new Set<string>();
  for (const [index, { protocol, port, nodePort }] of (spec.ports ?? []).entries()) {
    const path = `spec.ports[${index}]`;
    if (nodePort) {
      if (spec.type === "ClusterIP") errors.push(field.forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
      if (nodePorts.has(`${protocol}/${nodePort}`)) errors.push(field.duplicate(`${path}.nodePort`, nodePort));
      nodePorts.add(`${protocol}/${nodePort}`);
    }
    if (ports.has(`${protocol}/${port}`)) errors.push(field.duplicate(path, { protocol, port }));
    ports.add(`${protocol}/${port}`);
  }
}

function validateLoadBalancer(next: DeepReadonly<Service>, previous: DeepReadonly<Service> | undefined, spec: Spec, errors: Errors): void {
  const isBalancer = spec.type === "LoadBalancer";
  const annotation = next.metadata?.annotations?.[LB_RANGES];
  if (spec.loadBalancerSourceRanges?.length) {
    const path = "spec.LoadBalancerSourceRanges";
    if (!isBalancer) errors.push(field.forbidden(path, ONLY_LB));
    const known = (previous?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    for (const [index, range] of spec.loadBalancerSourceRanges.entries())
      errors.push(...validateCidr(`${path}[${index}]`, range.trim(), known));
  } else if (annotation !== undefined) {
    const path = `metadata.annotations[${LB_RANGES}]`;
    if (!isBalancer) errors.push(field.forbidden(path, ONLY_LB));
    if (previous?.metadata?.annotations?.[LB_RANGES] !== annotation && annotation.trim() !== "") {
      for (const range of annotation.split(",")) errors.push(...validateCidr(path, range.trim()));
    }
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalancer) {
    errors.push(field.forbidden("spec.allocateLoadBalancerNodePorts", ONLY_LB));
  }
  if (isBalancer && spec.allocateLoadBalancerNodePorts === undefined) errors.push(field.required("allocateLoadBalancerNodePorts"));
  if (spec.loadBalancerClass === undefined) return;
  if (isBalancer) checkQualifiedName(errors, "spec.loadBalancerClass", spec.loadBalancerClass);
  else errors.push(field.forbidden("spec.loadBalancerClass", ONLY_LB));
}

function validateTrafficPolicies(next: DeepReadonly<Service>, spec: Spec, errors: Errors): void {
  const external = spec.externalTrafficPolicy;
  const path = "spec.externalTrafficPolicy";
  if (isExternallyAccessible(next)) checkRequiredOneOf(errors, path, external, ["Cluster", "Local"]);
  else if (external) errors.push(field.invalid(path, external, "may only be set for externally-accessible services"));
  // Upstream requires a port here; ours is given after validation, by the allocator.
  const healthPort = spec.healthCheckNodePort;
  if (healthPort && !needsHealthCheckNodePort(spec)) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(field.invalid("spec.healthCheckNodePort", healthPort, detail));
  } else if (healthPort) checkPortNumber(errors, "spec.healthCheckNodePort", healthPort);
  if (spec.internalTrafficPolicy === undefined) {
    if (spec.type !== "ExternalName") errors.push(field.required("spec.internalTrafficPolicy"));
  } else checkOneOf(errors, "spec.internalTrafficPolicy", spec.internalTrafficPolicy, ["Cluster", "Local"]);
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined && !DISTRIBUTIONS.includes(distribution)) {
    errors.push(field.notSupported("spec.trafficDistribution", distribution, DISTRIBUTIONS, "given"));
  }
}

function validateChange(spec: Spec, before: Spec, errors: Errors): void {
  validateFamilyChanges(spec, before, errors);
  if (before.type === "LoadBalancer" && spec.type === "LoadBalancer" && before.loadBalancerClass !== spec.loadBalancerClass) {
    errors.push(field.invalid("spec.loadBalancerClass", spec.loadBalancerClass, "may not change once set"));
  }
  if (needsHealthCheckNodePort(before) && needsHealthCheckNodePort(spec) && before.healthCheckNodePort !== spec.healthCheckNodePort) {
    errors.push(field.forbidden("spec.healthCheckNodePort", "field is immutable"));
  }
}

function validateStatus(status: DeepReadonly<ServiceStatus> | undefined, spec: Spec, errors: Errors): void {
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (spec.type !== "LoadBalancer") {
    if (ingress.length > 0)
      errors.push(field.forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'"));
    return;
  }
  for (const [index, each] of ingress.entries()) {
    const path = `status.loadBalancer.ingress[${index}]`;
    if (each.ip) errors.push(...validateIp(`${path}.ip`, each.ip));
    if (each.ip && each.ipMode === undefined) errors.push(field.required(`${path}.ipMode`, "must be specified when `ip` is set"));
    else if (!each.ip && each.ipMode !== undefined)
      errors.push(field.forbidden(`${path}.ipMode`, "may not be specified when `ip` is not set"));
    else if (each.ipMode !== undefined) checkOneOf(errors, `${path}.ipMode`, each.ipMode, ["VIP", "Proxy"]);
    if (!each.hostname) continue;
    checkSubdomain(errors, `${path}.hostname`, each.hostname);
    if (parseIp(each.hostname)) errors.push(field.invalid(`${path}.hostname`, each.hostname, "must be a DNS name, not an IP address"));
  }
}
