// Names of resources (`cpu`, `hugepages-2Mi`, `example.com/gpu`): which are known, and what may be done with them.

import { qualifiedName } from "#meta/names.ts";

const CONTAINER = new Set(["cpu", "memory", "ephemeral-storage"]);
const OBJECT_COUNTS = [
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const QUOTA = new Set([
  "cpu",
  "memory",
  "ephemeral-storage",
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  ...OBJECT_COUNTS,
]);
const INTEGER = new Set(OBJECT_COUNTS);

export const isHugePages = (name: string): boolean => name.startsWith("hugepages-");
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith("requests.hugepages-");

/** Without a domain, or of a kubernetes.io domain. */
export const isNativeResource = (name: string): boolean => !name.includes("/") || name.includes("kubernetes.io/");

/** A resource that a device plugin offers. */
export function isExtendedResource(name: string): boolean {
  return !isNativeResource(name) && !name.startsWith("requests.") && qualifiedName(`requests.${name}`).length === 0;
}

export const isContainerResource = (name: string): boolean => CONTAINER.has(name) || isHugePages(name);
export const isQuotaResource = (name: string): boolean => QUOTA.has(name) || isQuotaHugePages(name);
export const isStandardResource = (name: string): boolean => isQuotaResource(name) || name === "storage";
/** Resources of which there are only whole ones. */
export const isIntegerResource = (name: string): boolean => INTEGER.has(name) || isExtendedResource(name);
/** Whether limits may be above requests. */
export const isOvercommitAllowed = (name: string): boolean => isNativeResource(name) && !isHugePages(name);
