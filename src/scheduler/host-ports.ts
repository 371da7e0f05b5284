// Host ports as `protocol/ip/port`. Pure. An address of 0.0.0.0 takes the port on all addresses.

import type { AnyPod } from "./framework.ts";

const ANY = "0.0.0.0";
const none: readonly string[] = [];

export function hostPortsOf(pod: AnyPod): readonly string[] {
  let ports: string[] | undefined;
  const sidecars = pod.spec?.initContainers?.filter((container) => container.restartPolicy === "Always") ?? [];
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const port of container.ports ?? []) {
      if (port.hostPort) (ports ??= []).push(`${port.protocol ?? "TCP"}/${port.hostIP || ANY}/${port.hostPort}`);
    }
  }
  return ports ?? none;
}

export function portsClash(wanted: string, used: ReadonlyMap<string, number>): boolean {
  if (used.has(wanted)) return true;
  const [protocol = "", ip = "", port = ""] = wanted.split("/");
  if (ip !== ANY) return used.has(`${protocol}/${ANY}/${port}`);
  for (const other of used.keys()) if (other.startsWith(`${protocol}/`) && other.endsWith(`/${port}`)) return true;
  return false;
}
