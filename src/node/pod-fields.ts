// What fieldRef and resourceFieldRef stand for, in environment variables and downward API volumes. Pure.

import type { ObjectFieldSelector, ResourceFieldSelector } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { milliValue, quantityValue } from "#meta/quantity.ts";
import type { ContainerObject, PodObject } from "./pod/pod-view.ts";

export interface FieldSources {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  /** What stands for a limit that is not set. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** The field's text; undefined if there is no such field. */
export function podField(pod: PodObject, selector: DeepReadonly<ObjectFieldSelector>, sources: FieldSources): string | undefined {
  const { metadata, spec } = pod;
  const entry = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(selector.fieldPath);
  if (entry !== null) return metadata?.[entry[1] as "labels" | "annotations"]?.[entry[2] ?? ""] ?? ""; // the pattern allows no other
  switch (selector.fieldPath) {
    case "metadata.name":
      return metadata?.name ?? "";
    case "metadata.namespace":
      return metadata?.namespace ?? "";
    case "metadata.uid":
      return metadata?.uid ?? "";
    case "metadata.labels":
      return formatMap(metadata?.labels);
    case "metadata.annotations":
      return formatMap(metadata?.annotations);
    case "spec.nodeName":
      return spec?.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec?.serviceAccountName ?? "";
    case "status.hostIP":
      return sources.hostIps[0] ?? "";
    case "status.hostIPs":
      return sources.hostIps.join(",");
    case "status.podIP":
      return sources.podIps[0] ?? "";
    case "status.podIPs":
      return sources.podIps.join(",");
    default:
      return undefined;
  }
}

/** `key="value"` lines in order of keys. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}

/** The amount in units of the divisor, rounded up; undefined if there is no such resource. */
export function resourceField(
  container: ContainerObject,
  selector: DeepReadonly<ResourceFieldSelector>,
  allocatable: Readonly<Record<string, string>>,
): string | undefined {
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(selector.resource);
  const [, list, name = ""] = match ?? [];
  if (list === undefined) return undefined;
  const resources = container.resources;
  // A limit that is not set is the node; a request that is not set is nothing.
  const amount = list === "limits" ? (resources?.limits?.[name] ?? allocatable[name]) : resources?.requests?.[name];
  const divisor = selector.divisor === undefined || quantityValue(selector.divisor) === 0 ? "1" : selector.divisor;
  if (name === "cpu") return String(Math.ceil(milliValue(amount ?? "0") / milliValue(divisor)));
  return String(Math.ceil(quantityValue(amount ?? "0") / quantityValue(divisor)));
}
