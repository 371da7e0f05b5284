// Gives a Service its cluster addresses and node ports. All steps of one allocation run without a pause, so that two
// writes never get the same one; what an attempt took is given back when the write fails.

import type { Service } from "#kinds/api/core-v1.gen.ts";
import { parseIp } from "#kinds/shared/ip.ts";
import { field, internalError, invalid, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { normalizeClusterIps } from "./defaults.ts";
import { needsHealthCheckNodePort } from "./prepare.ts";
import type { AddressPool, PortPool } from "./pools.ts";

type Spec = NonNullable<Service["spec"]>;

const SERVICE = { group: "", kind: "Service" };
const HEADLESS = "None";

export interface Pools {
  /** The first is the cluster's own family. */
  readonly addresses: readonly [AddressPool, ...AddressPool[]];
  readonly ports: PortPool;
}

interface Held {
  readonly ips: ReadonlySet<string>;
  readonly ports: ReadonlySet<number>;
}

/** What a stored Service holds. */
export function heldBy(service: DeepReadonly<Service> | undefined): Held {
  const spec = service?.spec;
  const ips = spec?.type === "ExternalName" ? [] : (spec?.clusterIPs ?? []).filter((ip) => ip !== HEADLESS && ip !== "");
  const ports = (spec?.ports ?? []).map((port) => port.nodePort ?? 0);
  return { ips: new Set(ips), ports: new Set([...ports, spec?.healthCheckNodePort ?? 0].filter((port) => port > 0)) };
}

export function mark(pools: Pools, held: Held): void {
  for (const ip of held.ips) withPool(pools, ip, (pool, parsed) => pool.mark(parsed));
  for (const port of held.ports) pools.ports.mark(port);
}

export function give(pools: Pools, held: Held): void {
  for (const ip of held.ips) withPool(pools, ip, (pool, parsed) => pool.give(parsed));
  for (const port of held.ports) pools.ports.give(port);
}

function withPool(pools: Pools, text: string, use: (pool: AddressPool, ip: NonNullable<ReturnType<typeof parseIp>>) => void): void {
  const ip = parseIp(text);
  const pool = ip && pools.addresses.find((each) => each.covers(ip));
  if (ip && pool) use(pool, ip);
}

/** Fills `next` in and takes what it needs; throws 422 in upstream's words, having given back what it took. */
export function allocateService(
  pools: Pools,
  next: Service,
  previous: DeepReadonly<Service> | undefined,
): { readonly commit: () => void; readonly rollback: () => void } {
  const before = heldBy(previous);
  const taken = { ips: new Set<string>(), ports: new Set<number>() };
  try {
    if (next.spec) {
      fillFamilies(pools, next, next.spec);
      takeAddresses(pools, next, next.spec, before, taken.ips);
      takePorts(pools, next, next.spec, before, taken.ports);
    }
  } catch (error) {
    give(pools, taken);
    throw error;
  }
  const after = heldBy(next);
  return {
    commit: () => give(pools, { ips: before.ips.difference(after.ips), ports: before.ports.difference(after.ports) }),
    rollback: () => give(pools, taken),
  };
}

function refuse(service: Service, ...errors: FieldError[]): never {
  throw invalid(SERVICE, service.metadata?.name ?? "", errors);
}

function fillFamilies(pools: Pools, service: Service, spec: Spec): void {
  if (spec.type === "ExternalName") return;
  normalizeClusterIps(service, undefined);
  const detached = spec.clusterIP === HEADLESS && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= detached ? "RequireDualStack" : "SingleStack";
  const configured = pools.addresses.map((pool) => `IPv${pool.family}`);
  if (spec.ipFamilyPolicy === "SingleStack") {
    const multiple = (what: string) =>
      field.invalid(
        "spec.ipFamilyPolicy",
        spec.ipFamilyPolicy,
        `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
      );
    if (spec.clusterIPs?.length === 2) refuse(service, multiple("cluster IPs"));
    if (spec.ipFamilies?.length === 2) refuse(service, multiple("IP families"));
  }
  const families = [...(spec.ipFamilies ?? [])];
  for (const [index, ip] of (spec.clusterIPs ?? []).entries()) {
    const parsed = parseIp(ip);
    if (!parsed || index < families.length) continue;
    const family = `IPv${parsed.family}`;
    if (!configured.includes(family)) {
      refuse(service, field.invalid(`spec.clusterIPs[${index}]`, spec.clusterIPs, `${family} is not configured on this cluster`));
    }
    families.push(family);
  }
  if (families.length === 0) families.push(configured[0] ?? "IPv4");
  const other = families[0] === "IPv4" ? "IPv6" : "IPv4";
  if (detached) {
    // Nobody knows which addresses the endpoints of such a Service will have.
    if (families.length < 2 && spec.ipFamilyPolicy !== "SingleStack") families.push(other);
  } else {
    if (spec.ipFamilyPolicy === "RequireDualStack" && configured.length < 2) {
      const detail = "this cluster is not configured for dual-stack services";
      refuse(service, field.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, detail));
    }
    for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
      if (!configured.includes(family))
        refuse(service, field.invalid(`spec.ipFamilies[${index}]`, family, "not configured on this cluster"));
    }
    if (spec.ipFamilyPolicy !== "SingleStack" && families.length === 1 && configured.length === 2) families.push(other);
  }
  spec.ipFamilies = families;
}

function takeAddresses(pools: Pools, service: Service, spec: Spec, before: Held, taken: Set<string>): void {
  if (spec.type === "ExternalName" || spec.clusterIP === HEADLESS) return;
  const ips = [...(spec.clusterIPs ?? [])];
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const wanted = ips[index];
    const pool = pools.addresses.find((each) => `IPv${each.family}` === family);
    if (wanted !== undefined && before.ips.has(wanted)) continue;
    if (wanted === undefined || wanted === "") {
      const ip = pool?.takeAny();
      if (ip === undefined)
        throw internalError(
          new Error(`failed to allocate a serviceIP for Service ${JSON.stringify(service.metadata?.name ?? "")}: range is full`),
        );
      ips[index] = ip;
      taken.add(ip);
      continue;
    }
    const parsed = parseIp(wanted);
    // What is no address is left to validation.
    const wrong = parsed && pool?.take(parsed);
    if (wrong) refuse(service, field.invalid("spec.clusterIPs", ips, `failed to allocate IP ${wanted}: ${wrong}`));
    if (parsed) taken.add(wanted);
  }
  spec.clusterIPs = ips;
  if (ips[0] !== undefined) spec.clusterIP ||= ips[0];
}

function takePorts(pools: Pools, service: Service, spec: Spec, before: Held, taken: Set<number>): void {
  const held = (port: number) => before.ports.has(port) || taken.has(port);
  const any = (): number => {
    const port = pools.ports.takeAny();
    if (port === undefined) throw internalError(new Error("failed to allocate a nodePort: range is full"));
    taken.add(port);
    return port;
  };
  const take = (port: number, path: string): void => {
    if (held(port)) return;
    const wrong = pools.ports.take(port);
    if (wrong !== undefined) refuse(service, field.invalid(path, port, wrong));
    taken.add(port);
  };
  if (spec.type === "NodePort" || spec.type === "LoadBalancer") {
    const automatic = spec.type === "NodePort" || spec.allocateLoadBalancerNodePorts !== false;
    // Entries of one port with several protocols share a node port.
    const byPort = new Map<number, number>();
    for (const [index, { nodePort, port }] of (spec.ports ?? []).entries()) {
      if (!nodePort) continue;
      take(nodePort, `spec.ports[${index}].nodePort`);
      if (!byPort.has(port)) byPort.set(port, nodePort);
    }
    for (const port of spec.ports ?? []) {
      if (port.nodePort || !automatic) continue;
      port.nodePort = byPort.get(port.port) ?? any();
      byPort.set(port.port, port.nodePort);
    }
  }
  if (!needsHealthCheckNodePort(spec)) return;
  if (spec.healthCheckNodePort) take(spec.healthCheckNodePort, "spec.healthCheckNodePort");
  else spec.healthCheckNodePort = any();
}
