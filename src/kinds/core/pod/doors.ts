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

/** Only resources and resize policies of `next` count; that containers are the same is left to validation. */
export function throughResize(next: Pod, previous: DeepReadonly<Pod>): void {
  const wanted = next.spec;
  keepAll(next, previous);
  const { spec } = next;
  if (!spec || !wanted) return;
  if (wanted.resources) spec.resources = wanted.resources;
  spec.containers = resized(spec.containers, wanted.containers ?? []);
  if (spec.initContainers || wanted.initContainers) spec.initContainers = resized(spec.initContainers ?? [], wanted.initContainers ?? []);
}

function resized(own: Container[], wanted: Container[]): Container[] {
  if (own.length !== wanted.length || own.some((container, index) => container.name !== wanted[index]?.name)) return wanted;
  return own.map((container, index) => {
    const { resources, resizePolicy } = wanted[index] ?? {};
    return { ...container, ...(resources ? { resources } : {}), ...(resizePolicy ? { resizePolicy } : {}) };
  });
}

function keepAll(next: Pod, previous: DeepReadonly<Pod>): void {
  keepMetadata(next, previous);
  if (previous.spec) next.spec = clone(previous.spec);
  if (previous.status) next.status = clone(previous.status);
  else delete next.status;
}
