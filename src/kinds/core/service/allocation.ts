// Gives a Service its cluster addresses and node ports; what an attempt took is given back when the write fails.

import type { Service } from "#kinds/api/core-v1.gen.ts";
import { parseIp } from "#kinds/shared/ip.ts";
import { equal } from "#lib/equal.ts";
import { field, internalError, invalid, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { normalizeClusterIps } from "./defaults.ts";
import { needsHealthCheckNodePort } from "./prepare.ts";
import type { Allocation, ClusterAddresses, PortPool } from "./pools.ts";
import { validateClusterIps } from "./validate-addresses.ts";

type Spec = NonNullable<Service["spec"]>;

const SERVICE = { group: "", kind: "Service" };
const HEADLESS = "None";

export interface Pools {
  readonly addresses: ClusterAddresses;
  readonly ports: PortPool;
}

/** What a Service holds. */
export interface Held {
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

/** Resolves when others can have what was given. */
export async function give({ addresses, ports }: Pools, held: Held, owner: string): Promise<void> {
  for (const port of held.ports) ports.give(port, owner);
  await Promise.all([...held.ips].map((ip) => addresses.give(ip)));
}

export const ownerOf = (service: DeepReadonly<Service>): string => service.metadata?.uid ?? "";

/** Fills `next` in and takes what it needs; throws 422 in upstream's words, having given back what it took. A dry run takes nothing. */
export async function allocateService(
  pools: Pools,
  next: Service,
  previous: DeepReadonly<Service> | undefined,
  dryRun = false,
): Promise<Allocation> {
  const before = heldBy(previous);
  const owner = ownerOf(next);
  const taken = { ips: new Set<string>(), ports: new Set<number>() };
  try {
    if (next.spec) {
      const unchanged = fillFamilies(pools.addresses, next, next.spec, previous?.spec);
      takePorts(pools.ports, next, next.spec, previous?.spec, before, taken.ports);
      if (!unchanged) await takeAddresses(pools.addresses, next, next.spec, before, taken.ips, dryRun);
    }
  } catch (error) {
    await give(pools, taken, owner);
    throw error;
  }
  const after = heldBy(next);
  const rollback = () => give(pools, taken, owner);
  if (dryRun) await rollback();
  return {
    commit: () => give(pools, { ips: before.ips.difference(after.ips), ports: before.ports.difference(after.ports) }, owner),
    rollback: dryRun ? () => {} : rollback,
  };
}

function refuse(service: Service, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(SERVICE, service.metadata?.name ?? "", errors);
}

/** Sets the policy and the families; true: a dual-stack Service that stays as it is, whatever the cluster has become. */
function fillFamilies(addresses: ClusterAddresses, service: Service, spec: Spec, before: DeepReadonly<Spec> | undefined): boolean {
  if (spec.type === "ExternalName") return false;
  if (!before) normalizeClusterIps(service, undefined);
  if (before && staysPreferred(spec, before)) return true;
  const detached = spec.clusterIP === HEADLESS && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= before?.ipFamilyPolicy ?? (detached ? "RequireDualStack" : "SingleStack");
  const wrong: FieldError[] = [];
  validateClusterIps(spec, before?.clusterIPs ?? [], wrong);
  refuse(service, wrong);

  const configured = addresses.families.map((family) => `IPv${family}`);
  const policy = (detail: string) => field.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, detail);
  const errors: FieldError[] = [];
  if (before) errors.push(...followPolicy(spec, before, policy));
  if (spec.ipFamilyPolicy === "SingleStack") {
    for (const [list, what] of [
      [spec.clusterIPs, "cluster IPs"],
      [spec.ipFamilies, "IP families"],
    ] as const) {
      if (list?.length === 2) errors.push(policy(`must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`));
    }
  }
  const families = [...(spec.ipFamilies ?? [])];
  for (const [index, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === HEADLESS) break;
    const parsed = parseIp(ip);
    if (!parsed || index < families.length) continue;
    const family = `IPv${parsed.family}`;
    if (configured.includes(family)) families.push(family);
    else errors.push(field.invalid(`spec.clusterIPs[${index}]`, spec.clusterIPs, `${family} is not configured on this cluster`));
  }
  refuse(service, errors);
  const isDual = spec.ipFamilyPolicy !== "SingleStack";
  if (!detached) refuse(service, unconfigured(spec, families, configured, policy));
  if (families.length === 0) families.push(configured[0] ?? "IPv4");
  // Nobody knows which addresses the endpoints of a detached Service will have.
  if (isDual && families.length === 1 && (detached || configured.length === 2)) families.push(families[0] === "IPv4" ? "IPv6" : "IPv4");
  spec.ipFamilies = families;
  return false;
}

function unconfigured(
  spec: Spec,
  families: readonly string[],
  configured: readonly string[],
  policy: (detail: string) => FieldError,
): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.ipFamilyPolicy === "RequireDualStack" && configured.length < 2) {
    errors.push(policy("this cluster is not configured for dual-stack services"));
  }
  for (const [index, family] of families.entries()) {
    if (!configured.includes(family)) errors.push(field.invalid(`spec.ipFamilies[${index}]`, family, "not configured on this cluster"));
  }
  return errors;
}

/** Services that prefer two families are not changed when the cluster's families do. */
function staysPreferred(spec: Spec, before: DeepReadonly<Spec>): boolean {
  return (
    spec.ipFamilyPolicy === "PreferDualStack" &&
    (before.ipFamilyPolicy ?? "PreferDualStack") === "PreferDualStack" &&
    spec.type === before.type &&
    equal(spec.clusterIPs ?? [], before.clusterIPs ?? []) &&
    equal(spec.ipFamilies ?? [], before.ipFamilies ?? [])
  );
}

/** A change to one family drops the second; nothing else may. */
function followPolicy(spec: Spec, before: DeepReadonly<Spec>, policy: (detail: string) => FieldError): FieldError[] {
  const { clusterIPs = [], ipFamilies = [] } = spec;
  const [oldIps, oldFamilies] = [before.clusterIPs ?? [], before.ipFamilies ?? []];
  if (spec.ipFamilyPolicy === "SingleStack") {
    if (clusterIPs.length > 1 && equal(clusterIPs, oldIps)) spec.clusterIPs = clusterIPs.slice(0, 1);
    if (ipFamilies.length > 1 && equal(ipFamilies, oldFamilies)) spec.ipFamilies = ipFamilies.slice(0, 1);
    return [];
  }
  const errors: FieldError[] = [];
  const reduced = (next: readonly string[], old: readonly string[]) => next.length > 0 && next.length < old.length;
  if (reduced(clusterIPs, oldIps)) errors.push(policy("must be 'SingleStack' to release the secondary cluster IP"));
  if (reduced(ipFamilies, oldFamilies)) errors.push(policy("must be 'SingleStack' to release the secondary IP family"));
  return errors;
}

async function takeAddresses(
  addresses: ClusterAddresses,
  service: Service,
  spec: Spec,
  before: Held,
  taken: Set<string>,
  dryRun: boolean,
): Promise<void> {
  if (spec.type === "ExternalName" || spec.clusterIPs?.[0] === HEADLESS) return;
  const name = service.metadata?.name ?? "";
  const reference = { namespace: service.metadata?.namespace ?? "", name };
  const ips = [...(spec.clusterIPs ?? [])];
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const wanted = ips[index];
    if (wanted && before.ips.has(wanted)) continue;
    if (!wanted) {
      const ip = await addresses.takeAny(reference, family === "IPv6" ? 6 : 4, dryRun);
      if (ip === undefined) {
        throw internalError(new Error(`failed to allocate a serviceIP for Service ${JSON.stringify(name)}: range is full`));
      }
      ips[index] = ip;
      if (!dryRun) taken.add(ip);
      continue;
    }
    const parsed = parseIp(wanted);
    // What is no address is left to validation.
    if (!parsed) continue;
    const wrong = await addresses.take(reference, parsed, dryRun);
    if (wrong !== undefined) refuse(service, [field.invalid("spec.clusterIPs", ips, `failed to allocate IP ${wanted}: ${wrong}`)]);
    else if (!dryRun) taken.add(wanted);
  }
  spec.clusterIPs = ips;
  if (ips[0] !== undefined) spec.clusterIP ||= ips[0];
}

function takePorts(
  pool: PortPool,
  service: Service,
  spec: Spec,
  previous: DeepReadonly<Spec> | undefined,
  before: Held,
  taken: Set<number>,
): void {
  const owner = ownerOf(service);
  const any = (what: string): number => {
    const port = pool.takeAny(owner);
    if (port === undefined) throw internalError(new Error(`failed to allocate a ${what}: range is full`));
    taken.add(port);
    return port;
  };
  const take = (port: number): string | undefined => {
    const wrong = pool.take(port, owner);
    if (wrong === undefined) taken.add(port);
    return wrong;
  };
  if (spec.type === "NodePort" || spec.type === "LoadBalancer") {
    const automatic = spec.type === "NodePort" || spec.allocateLoadBalancerNodePorts !== false;
    // Entries of one port with several protocols share a node port, whichever of them names it.
    const byPort = new Map<number, number>();
    for (const { nodePort, port } of spec.ports ?? []) if (nodePort && !byPort.has(port)) byPort.set(port, nodePort);
    const own = new Map<number, number>();
    for (const [index, { nodePort, port }] of (spec.ports ?? []).entries()) {
      if (!nodePort || before.ports.has(nodePort)) continue;
      // Two ports of a new Service cannot share one, those of a changed Service can: upstream looks at them differently.
      if (previous ? taken.has(nodePort) : own.get(port) === nodePort) continue;
      const wrong = take(nodePort);
      if (wrong !== undefined) refuse(service, [field.invalid(`spec.ports[${index}].nodePort`, nodePort, wrong)]);
      own.set(port, nodePort);
    }
    for (const port of spec.ports ?? []) {
      if (port.nodePort || !automatic) continue;
      port.nodePort = (previous ? undefined : byPort.get(port.port)) ?? any("nodePort");
      byPort.set(port.port, port.nodePort);
    }
  }
  if (!needsHealthCheckNodePort(spec)) return;
  const wanted = spec.healthCheckNodePort;
  if (!wanted) spec.healthCheckNodePort = any("HealthCheck NodePort 0");
  else if (!(previous && needsHealthCheckNodePort(previous))) {
    const wrong = take(wanted);
    if (wrong !== undefined) throw internalError(new Error(`failed to allocate requested HealthCheck NodePort ${wanted}: ${wrong}`));
  }
}
