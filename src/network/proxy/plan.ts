// Which addresses the proxy listens on and where each leads: a pure function of Services and EndpointSlices.
// Rules are kube-proxy's (pkg/proxy in Kubernetes): ready endpoints; if a Service has none, those that still serve
// while they terminate.

import type { Service, ServicePort } from "#kinds/api/core-v1.gen.ts";
import type { Endpoint, EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { type DeepReadonly, keyOf } from "#meta/object.ts";

export interface Backend {
  readonly ip: string;
  readonly port: number;
}

/** One address to listen on. */
export interface Listener {
  /** `TCP/127.77.0.5:80` */
  readonly id: string;
  readonly protocol: "TCP" | "UDP";
  readonly ip: string;
  readonly port: number;
  /** Where connections go; empty: they are refused. */
  readonly backends: readonly Backend[];
  /** Milliseconds a client stays with its backend (sessionAffinity ClientIP); 0: not at all. */
  readonly affinityMs: number;
  /** Whose listener it is, for events and logs: the Service's key. */
  readonly service: string;
}

export interface PlanOptions {
  /** Addresses that node ports are served on. */
  readonly nodeAddresses: readonly string[];
}

/** The label that ties an EndpointSlice to its Service. */
export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

/** Proxies that a Service names itself (upstream's label) are not ours. */
const OTHER_PROXY_LABEL = "service.kubernetes.io/service-proxy-name";

/** `ip:port` */
export function backendName(backend: Backend): string {
  return `${backend.ip}:${backend.port}`;
}

/** What one Service asks to be listened on. */
export function planService(
  service: DeepReadonly<Service>,
  slices: readonly DeepReadonly<EndpointSlice>[],
  options: PlanOptions,
): Listener[] {
  return [...listenersOf(service, slices, options)];
}

function* listenersOf(
  service: DeepReadonly<Service>,
  slices: readonly DeepReadonly<EndpointSlice>[],
  options: PlanOptions,
): Generator<Listener> {
  const spec = service.spec;
  if (!spec || spec.type === "ExternalName" || service.metadata?.labels?.[OTHER_PROXY_LABEL] !== undefined) return;
  const clusterIps = (spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : [])).filter((ip) => ip !== "" && ip !== "None");
  if (clusterIps.length === 0) return;
  const affinityMs = spec.sessionAffinity === "ClientIP" ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) * 1000 : 0;
  for (const port of spec.ports ?? []) {
    const protocol = port.protocol ?? "TCP";
    if (protocol !== "TCP" && protocol !== "UDP") continue;
    const backends = backendsOf(port, slices);
    const listener = (ip: string, number: number): Listener => ({
      id: `${protocol}/${ip}:${number}`,
      protocol,
      ip,
      port: number,
      backends,
      affinityMs,
      service: keyOf(service),
    });
    for (const ip of clusterIps) yield listener(ip, port.port);
    for (const ip of spec.externalIPs ?? []) if (isLoopback(ip)) yield listener(ip, port.port);
    if (port.nodePort) for (const ip of options.nodeAddresses) yield listener(ip, port.nodePort);
  }
}

/** Only loopback external addresses can be listened on without taking an address of the machine away from others. */
function isLoopback(ip: string): boolean {
  return ip.startsWith("127.");
}

/** The endpoints a Service port leads to now. */
export function backendsOf(port: DeepReadonly<ServicePort>, slices: readonly DeepReadonly<EndpointSlice>[]): Backend[] {
  const ready = new Map<string, Backend>();
  const terminating = new Map<string, Backend>();
  for (const slice of slices) {
    if (slice.addressType === "FQDN") continue;
    const target = slice.ports?.find(
      (candidate) => (candidate.name ?? "") === (port.name ?? "") && (candidate.protocol ?? "TCP") === (port.protocol ?? "TCP"),
    );
    if (target?.port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const into = isReady(endpoint) ? ready : isServingWhileTerminating(endpoint) ? terminating : undefined;
      for (const ip of into ? endpoint.addresses : []) into?.set(`${ip}:${target.port}`, { ip, port: target.port });
    }
  }
  return [...(ready.size > 0 ? ready : terminating).values()];
}

/** Absent means ready (discovery/v1 EndpointConditions). */
function isReady(endpoint: DeepReadonly<Endpoint>): boolean {
  return endpoint.conditions?.ready !== false;
}

function isServingWhileTerminating(endpoint: DeepReadonly<Endpoint>): boolean {
  return endpoint.conditions?.terminating === true && endpoint.conditions.serving === true;
}

/** Whether someone may be waiting for the proxies to let go of an endpoint: some endpoint is terminating. */
export function hasTerminating(slice: DeepReadonly<EndpointSlice>): boolean {
  return slice.endpoints?.some((endpoint) => endpoint.conditions?.terminating === true) === true;
}
