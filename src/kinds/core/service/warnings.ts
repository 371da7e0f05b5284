import type { Service } from "#kinds/api/core-v1.gen.ts";
import { warningsForCidr, warningsForIp } from "#kinds/shared/ip-warnings.ts";
import type { DeepReadonly } from "#meta/object.ts";

const HINTS = "service.kubernetes.io/topology-aware-hints";
const MODE = "service.kubernetes.io/topology-mode";

export function serviceWarnings(
  { metadata, spec = {} }: DeepReadonly<Service>,
  _previous: DeepReadonly<Service> | undefined,
  { subresource }: { readonly subresource: string },
): string[] {
  if (subresource !== "") return [];
  const warnings: string[] = [];
  if (metadata?.annotations?.[HINTS] !== undefined) warnings.push(`annotation ${HINTS} is deprecated, please use ${MODE} instead`);
  const headless = spec.type === "ClusterIP" && spec.clusterIP === "None";
  const external = spec.externalIPs ?? [];
  if (spec.clusterIP !== "None") {
    for (const [index, ip] of (spec.clusterIPs ?? []).entries()) warnings.push(...warningsForIp(`spec.clusterIPs[${index}]`, ip));
  }
  if (headless) {
    if (spec.loadBalancerIP) warnings.push("spec.loadBalancerIP is ignored for headless services");
    if (external.length > 0) warnings.push("spec.externalIPs is ignored for headless services");
    if (spec.sessionAffinity !== "None") warnings.push("spec.SessionAffinity is ignored for headless services");
  }
  for (const [index, ip] of external.entries()) warnings.push(...warningsForIp(`spec.externalIPs[${index}]`, ip));
  if (external.length > 0 && !headless && spec.type !== "ExternalName") {
    warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  }
  if (spec.loadBalancerIP) warnings.push(...warningsForIp("spec.loadBalancerIP", spec.loadBalancerIP));
  for (const [index, cidr] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    warnings.push(...warningsForCidr(`spec.loadBalancerSourceRanges[${index}]`, cidr));
  }
  if (spec.type === "ExternalName" && external.length > 0) warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec.type !== "ExternalName" && spec.externalName) warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === "PreferClose") {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}
