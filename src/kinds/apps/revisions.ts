// What StatefulSets and DaemonSets record of their templates: ControllerRevisions, whose data is a strategic merge patch that puts
// the template back, as `kubectl rollout undo` sends it. Pure. Rules: pkg/controller/history.

import type { ControllerRevision } from "#kinds/api/apps-v1.gen.ts";
import type { PodSpec, PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import type { DeepReadonly } from "#meta/object.ts";

export type AnyRevision = DeepReadonly<ControllerRevision>;
export type AnyTemplate = DeepReadonly<PodTemplateSpec>;

/** On a pod what it was made from; on a DaemonSet's revision the hash in its name. */
export const REVISION_LABEL = "controller-revision-hash";
/** Keeps names, with a dash and the hash, below 253 characters. */
const MAX_PREFIX = 223;

export function revisionName(owner: string, hash: string): string {
  return `${owner.slice(0, MAX_PREFIX)}-${hash}`;
}

/** The data of a revision of this template. */
export function templatePatch(template: AnyTemplate | undefined): object {
  const { metadata = {}, spec } = template ?? {};
  return { spec: { template: { ...template, metadata, ...(spec ? { spec: withResources(spec) } : {}), $patch: "replace" } } };
}

type Containers = readonly { readonly resources?: unknown }[];

/** Go writes these structures even if they are empty, and kubectl compares texts to tell whether a rollback would change anything. */
function withResources(spec: DeepReadonly<PodSpec>): object {
  const filled = (containers: Containers) => containers.map((container) => ({ ...container, resources: container.resources ?? {} }));
  const { containers, initContainers } = spec;
  return { ...spec, containers: filled(containers), ...(initContainers ? { initContainers: filled(initContainers) } : {}) };
}

/** The same data with its keys in order, as Go writes a map. */
export function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, item]) => [name, inOrder(item)]));
}

/** The template that a revision keeps, as a copy; undefined if it keeps none. */
export function templateOf(revision: AnyRevision): PodTemplateSpec | undefined {
  const { template } = (revision.data as { spec?: { template?: unknown } } | undefined)?.spec ?? {};
  if (typeof template !== "object" || template === null) return undefined;
  const { $patch: _, ...rest } = clone(template) as { $patch?: string };
  return rest as PodTemplateSpec; // who wrote the revision put a template there
}

export function sameData(revision: AnyRevision, data: unknown): boolean {
  return equal(revision.data, data);
}

/** Oldest first: by number, then by age. */
export function byRevision(a: AnyRevision, b: AnyRevision): number {
  return a.revision - b.revision || (age(a) < age(b) ? -1 : 1);
}

function age({ metadata }: AnyRevision): string {
  return `${metadata?.creationTimestamp ?? ""} ${metadata?.name ?? ""}`;
}

/** The number after the greatest. */
export function nextRevision(revisions: readonly AnyRevision[]): number {
  return Math.max(0, ...revisions.map(({ revision }) => revision)) + 1;
}
