import type { Service } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

const AFFINITY_SECONDS = 10800;

/** Whether a Service takes traffic from outside of the cluster. */
export function isExternallyAccessible({ spec }: DeepReadonly<Service>): boolean {
  return spec?.type === "LoadBalancer" || spec?.type === "NodePort" || (spec?.type === "ClusterIP" && (spec.externalIPs?.length ?? 0) > 0);
}

export function defaultService(service: Service): void {
  const spec = (service.spec ??= {});
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_SECONDS } };
  }
  spec.type ||= "ClusterIP";
  for (const port of spec.ports ?? []) {
    port.protocol ||= "TCP";
    port.targetPort ||= port.port;
  }
  if (isExternallyAccessible(service)) spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type === "LoadBalancer") {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= "VIP";
  }
}

/** clusterIP and clusterIPs[0] are one fact in two places: old clients write only the first. */
export function normalizeClusterIps(next: Service, previous: DeepReadonly<Service> | undefined): void {
  const spec = next.spec;
  if (!spec) return;
  if (previous === undefined) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const before = previous.spec;
  const sameSingle = (spec.clusterIP ?? "") === (before?.clusterIP ?? "");
  const sameList = (spec.clusterIPs ?? []).join() === (before?.clusterIPs ?? []).join();
  if (!sameSingle && sameList) {
    // Only the old field was changed: the list follows.
    if (!spec.clusterIP) delete spec.clusterIPs;
    else spec.clusterIPs = [spec.clusterIP];
  } else if (sameSingle && !spec.clusterIP && spec.clusterIPs?.[0]) {
    spec.clusterIP = spec.clusterIPs[0];
  }
}
