// Ports of a pod's containers that are in one another's way.

import type { ContainerPort } from "#kinds/api/core-v1.gen.ts";
import { quote } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Port = DeepReadonly<ContainerPort>;

interface Place {
  readonly at: string;
  readonly port: Port;
}

export function portWarnings(
  containers: readonly { readonly at: string; readonly container: { readonly ports?: readonly Port[] | undefined } }[],
): string[] {
  const places: Place[] = containers.flatMap(({ at, container }) =>
    (container.ports ?? []).map((port, index) => ({ at: `${at}.ports[${index}]`, port })),
  );
  const warnings: string[] = [];
  const byNumber = new Map<string, Place[]>();
  for (const place of places) {
    const { at, port } = place;
    if (port.hostIP && !port.hostPort) warnings.push(`${at}: hostIP set without hostPort: ${show(port)}`);
    const key = `${port.containerPort ?? 0}/${port.protocol}`;
    const others = byNumber.get(key) ?? [];
    for (const other of others) {
      const kind = clash(port, other.port);
      if (kind !== undefined) warnings.push(`${at}: ${kind} port definition with ${other.at}`);
    }
    byNumber.set(key, [...others, place]);
  }
  const byName = new Map<string, string>();
  for (const { at, port } of places) {
    if (!port.name) continue;
    const other = byName.get(port.name);
    if (other === undefined) byName.set(port.name, at);
    else {
      const text = `duplicate port name ${quote(port.name)} with ${other}, services and probes that select ports by name will use ${other}`;
      warnings.push(`${at}: ${text}`);
    }
  }
  return warnings;
}

function clash(a: Port, b: Port): string | undefined {
  const [ip, otherIp] = [a.hostIP ?? "", b.hostIP ?? ""];
  const [host, otherHost] = [a.hostPort ?? 0, b.hostPort ?? 0];
  if (ip === otherIp && host === otherHost) return "duplicate";
  if (host === 0 || otherHost === 0) return "overlapping";
  return host === otherHost && (ip === "") !== (otherIp === "") ? "dangerously ambiguous" : undefined;
}

/** As Go prints the structure. */
function show({ name = "", hostPort = 0, containerPort, protocol = "", hostIP = "" }: Port): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort ?? 0} Protocol:${protocol} HostIP:${hostIP}}`;
}
