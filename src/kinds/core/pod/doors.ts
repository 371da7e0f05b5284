// pods/ephemeralcontainers and pods/resize: the two doors through which parts of a running pod's spec change.

import type { Container, Pod } from "#kinds/api/core-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { keepMetadata } from "#meta/kept-metadata.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** Only the ephemeral containers of `next` count. */
export function throughEphemeralContainers(next: Pod, previous: DeepReadonly<Pod>): void {
  const containers = next.spec?.ephemeralContainers;
  keepAll(next, previous);
  if (!next.spec) return;
  if (containers?.length) next.spec.ephemeralContainers = containers;
  else delete next.spec.ephemeralContainers;
}

/** Only resources and resize policies of `next` count. A spec whose containers are others stays as it is for validation, which refuses it. */
export function throughResize(next: Pod, previous: DeepReadonly<Pod>): void {
  const { containers = [], initContainers = [], resources } = next.spec ?? {};
  const { containers: own = [], initContainers: ownInit = [] } = previous.spec ?? {};
  if (containers.length !== own.length || initContainers.length !== ownInit.length) return;
  keepAll(next, previous);
  const { spec } = next;
  if (!spec) return;
  if (resources) spec.resources = resources;
  else delete spec.resources;
  spec.containers = resized(spec.containers, containers);
  if (spec.initContainers) spec.initContainers = resized(spec.initContainers, initContainers);
}

function resized(own: Container[], wanted: Container[]): Container[] {
  if (own.some((container, index) => container.name !== wanted[index]?.name)) return wanted;
  return own.map((container, index) => {
    const { resources: _resources, resizePolicy: _policy, ...kept } = container;
    const { resources, resizePolicy } = wanted[index] ?? {};
    return { ...kept, ...(resources ? { resources } : {}), ...(resizePolicy ? { resizePolicy } : {}) };
  });
}

function keepAll(next: Pod, previous: DeepReadonly<Pod>): void {
  keepMetadata(next, previous);
  if (previous.spec) next.spec = clone(previous.spec);
  if (previous.status) next.status = clone(previous.status);
  else delete next.status;
}
