// What an update of a Service keeps and drops of what the server once gave it.

import type { Service } from "#kinds/api/core-v1.gen.ts";
import { equal } from "#lib/equal.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { isExternallyAccessible } from "./defaults.ts";

type Spec = NonNullable<Service["spec"]>;

const needsClusterIp = (spec: DeepReadonly<Spec>): boolean => spec.type !== "ExternalName";
const needsNodePort = (spec: DeepReadonly<Spec>): boolean =>
  spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
export const needsHealthCheckNodePort = (spec: DeepReadonly<Spec>): boolean =>
  spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";

/** A writer that names no address or node ports (kubectl replace of the original file) keeps those there are. */
export function keepAllocated(next: Service, previous: DeepReadonly<Service>): void {
  const [spec, before] = [next.spec, previous.spec];
  if (!spec || !before) return;
  if (needsClusterIp(spec) && needsClusterIp(before) && !spec.clusterIP && !spec.clusterIPs?.length && before.clusterIP) {
    spec.clusterIP = before.clusterIP;
    if (before.clusterIPs) spec.clusterIPs = [...before.clusterIPs];
  }
  if (needsNodePort(spec) && needsNodePort(before)) {
    const used = new Set((spec.ports ?? []).map((port) => port.nodePort).filter((port) => port));
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue;
      const same = before.ports?.find((old) => old.port === port.port && old.protocol === port.protocol && old.nodePort);
      if (same?.nodePort && !used.has(same.nodePort)) {
        port.nodePort = same.nodePort;
        used.add(same.nodePort);
      }
    }
  }
  if (needsHealthCheckNodePort(spec) && needsHealthCheckNodePort(before) && !spec.healthCheckNodePort && before.healthCheckNodePort) {
    spec.healthCheckNodePort = before.healthCheckNodePort;
  }
}

/** Drops what the old type needed, the new one does not, and the writer did not change. */
export function dropTypeDependentFields(next: Service, previous: DeepReadonly<Service>): void {
  const [spec, before] = [next.spec, previous.spec];
  if (!spec || !before) return;
  if (needsClusterIp(before) && !needsClusterIp(spec)) {
    if (spec.clusterIP === before.clusterIP && equal(spec.clusterIPs, before.clusterIPs)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (equal(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  }
  const hadNodePorts = before.type === "NodePort" || before.type === "LoadBalancer";
  const hasNodePorts = spec.type === "NodePort" || spec.type === "LoadBalancer";
  if (hadNodePorts && !hasNodePorts && sameNodePorts(spec, before)) for (const port of spec.ports ?? []) delete port.nodePort;
  if (needsHealthCheckNodePort(before) && !needsHealthCheckNodePort(spec) && spec.healthCheckNodePort === before.healthCheckNodePort) {
    delete spec.healthCheckNodePort;
  }
  if (before.type === "LoadBalancer" && spec.type !== "LoadBalancer") {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (isExternallyAccessible(previous) && !isExternallyAccessible(next) && spec.externalTrafficPolicy === before.externalTrafficPolicy) {
    delete spec.externalTrafficPolicy;
  }
  if (spec.type !== "LoadBalancer") next.status = { ...next.status, loadBalancer: {} };
}

/** Whether all node ports that are set were there before. */
function sameNodePorts(spec: DeepReadonly<Spec>, before: DeepReadonly<Spec>): boolean {
  const of = (each: DeepReadonly<Spec>) => new Set((each.ports ?? []).map((port) => port.nodePort ?? 0).filter((port) => port !== 0));
  return of(spec).symmetricDifference(of(before)).size === 0;
}
