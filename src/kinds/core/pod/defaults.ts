// What pods get beyond the defaults of their spec, which templates share.

import type { Pod, PodSpec } from "#kinds/api/core-v1.gen.ts";
import { addMissing, canonicalize, type ResourceList } from "#kinds/shared/quantities.ts";
import { aggregateResources } from "./pod-spec/aggregate.ts";
import { defaultPodSpec } from "./pod-spec/defaults.ts";

export function defaultPod(pod: Pod): void {
  const spec = (pod.spec ??= {} as PodSpec); // what it misses is refused
  defaultPodSpec(spec);
  // A negative period of old clients means "at once".
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    if (!container.resources?.limits) continue;
    container.resources.requests ??= {};
    addMissing(container.resources.requests, container.resources.limits);
  }
  if (spec.resources) defaultPodLevelResources(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) {
    for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
      for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
    }
  }
  defaultPodStatus(pod);
}

function defaultPodStatus(pod: Pod): void {
  const status = pod.status;
  if (!status) return;
  // The single address and the list are two spellings of one fact; the single one wins.
  if (status.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
  else if (!status.podIP && status.podIPs?.[0]?.ip) status.podIP = status.podIPs[0].ip;
  for (const list of [status.initContainerStatuses, status.containerStatuses, status.ephemeralContainerStatuses]) {
    for (const container of list ?? []) {
      canonicalize(container.allocatedResources);
      canonicalize(container.resources?.limits);
      canonicalize(container.resources?.requests);
    }
  }
}

const isHugePages = (name: string): boolean => name.startsWith("hugepages-");
const isPodLevel = (name: string): boolean => name === "cpu" || name === "memory" || isHugePages(name);

/** Pod-level limits of huge pages and requests follow from the containers' unless they are given. */
function defaultPodLevelResources(spec: PodSpec): void {
  const resources = spec.resources;
  if (!resources) return;
  if (count(resources.limits) + count(resources.requests) > 0) {
    const limits: ResourceList = { ...resources.limits };
    for (const [name, value] of Object.entries(aggregateResources(spec, "limits"))) {
      if (isHugePages(name) && resources.requests?.[name] === undefined) limits[name] ??= value;
    }
    if (count(limits) > 0) resources.limits = limits;
  }
  if (count(resources.limits) === 0) return;
  const requests: ResourceList = { ...resources.requests };
  for (const [name, value] of Object.entries(aggregateResources(spec, "requests"))) {
    if (isPodLevel(name) && !isHugePages(name)) requests[name] ??= value;
  }
  for (const [name, value] of Object.entries(resources.limits ?? {})) if (isPodLevel(name)) requests[name] ??= value;
  if (count(requests) > 0) resources.requests = requests;
}

const count = (list: ResourceList | undefined): number => Object.keys(list ?? {}).length;
