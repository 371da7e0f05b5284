// Which of a pod's containers a client means.

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { badRequest } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** Throws if the name is wrong, or missing while there are several. */
export function chooseContainer(pod: DeepReadonly<Pod>, wanted: string): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const podName = pod.metadata?.name ?? "";
  const names = [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name);
  if (wanted !== "") {
    if (!names.includes(wanted)) throw badRequest(`container ${wanted} is not valid for pod ${podName}`);
    return wanted;
  }
  const [only] = containers;
  if (only === undefined) throw badRequest(`a container name must be specified for pod ${podName}`);
  if (containers.length > 1) throw badRequest(`a container name must be specified for pod ${podName}, choose one of: [${names.join(" ")}]`);
  return only.name;
}
