// What a Deployment reads from and writes on its ReplicaSets: revisions, annotations, which is new and which are old. Pure.
// Names and rules: pkg/controller/deployment/util/deployment_util.go.

import { Deployment, type ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import type { PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import { intOrPercent } from "#meta/int-or-percent.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { templateHash } from "#meta/template-hash.ts";

export type AnyDeployment = DeepReadonly<Deployment>;
export type AnySet = DeepReadonly<ReplicaSet>;

export const HASH_LABEL = "pod-template-hash";
export const REVISION = "deployment.kubernetes.io/revision";
const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";

/** The revision to go back to, as clients of extensions/v1beta1 asked for it. */
export const ROLLBACK_TO = "deprecated.deployment.rollback.to";

/** Annotations of the Deployment that its sets do not get. */
export const NOT_COPIED: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  ROLLBACK_TO,
]);

/** Longest name of a set, which its Deployment's name is cut to. */
const MAX_NAME = 253;

/** Longest revision history kept on a set, in characters. */
const MAX_HISTORY = 2000;

export function replicasOf(object: AnyDeployment | AnySet): number {
  return object.spec?.replicas ?? 1;
}

export function sumReplicas(sets: readonly AnySet[]): number {
  return sets.reduce((sum, set) => sum + replicasOf(set), 0);
}

export function sumAvailable(sets: readonly AnySet[]): number {
  return sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
}

export function isRolling(deployment: AnyDeployment): boolean {
  return (deployment.spec?.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

/** maxSurge rounded up, maxUnavailable rounded down; if both come to 0, one may be unavailable, else nothing could move. */
export function bounds(deployment: AnyDeployment): { maxSurge: number; maxUnavailable: number } {
  const replicas = replicasOf(deployment);
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = intOrPercent(rolling?.maxSurge ?? "25%", replicas, true);
  let maxUnavailable = intOrPercent(rolling?.maxUnavailable ?? "25%", replicas, false);
  if (maxSurge === 0 && maxUnavailable === 0) maxUnavailable = 1;
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}

function createdAt(set: AnySet): string {
  return `${set.metadata?.creationTimestamp ?? ""} ${set.metadata?.name ?? ""}`;
}

export function oldestFirst(a: AnySet, b: AnySet): number {
  return createdAt(a) < createdAt(b) ? -1 : 1;
}

/** The set made from the Deployment's present template; the oldest, if there are several. */
export function findNewSet(deployment: AnyDeployment, sets: readonly AnySet[]): AnySet | undefined {
  const template = withoutHash(deployment.spec?.template);
  return sets.toSorted(oldestFirst).find((set) => equal(withoutHash(set.spec?.template), template));
}

/** Whether two templates are the same but for the hash that sets add. */
export function sameTemplate(a: DeepReadonly<PodTemplateSpec> | undefined, b: DeepReadonly<PodTemplateSpec> | undefined): boolean {
  return equal(withoutHash(a), withoutHash(b));
}

function withoutHash(template: DeepReadonly<PodTemplateSpec> | undefined): unknown {
  const { creationTimestamp: _, labels: all, annotations, ...rest } = template?.metadata ?? {};
  const labels = { ...all };
  delete labels[HASH_LABEL];
  return { metadata: { ...rest, labels, annotations: annotations ?? {} }, spec: template?.spec };
}

/** Any int64, so not a number; 0 if there is none or it is no number. */
export function revisionOf(object: AnyDeployment | AnySet): bigint {
  return revisionIn(object.metadata?.annotations?.[REVISION]);
}

function revisionIn(text: string | undefined): bigint {
  return text !== undefined && /^-?\d+$/.test(text) ? BigInt(text) : 0n;
}

export function maxRevision(sets: readonly AnySet[]): bigint {
  return sets.map(revisionOf).reduce(laterRevision, 0n);
}

export function laterRevision(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** The Deployment's replicas and surge together, as recorded on a set when it was sized. */
export function maxReplicas(deployment: AnyDeployment): number {
  return replicasOf(deployment) + bounds(deployment).maxSurge;
}

/** What `maxReplicas` was when the set was sized; undefined if it does not say. */
export function recordedMaxReplicas(set: AnySet): number | undefined {
  return integer(set.metadata?.annotations?.[MAX_REPLICAS]);
}

/** What the Deployment's replicas were when the set was sized; undefined if it does not say. */
export function recordedDesiredReplicas(set: AnySet): number | undefined {
  return integer(set.metadata?.annotations?.[DESIRED_REPLICAS]);
}

/** An int32 that is not negative, as upstream reads the annotations. */
function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= 2_147_483_647 ? Number(text) : undefined;
}

/** Whether the set was sized for another number of replicas than the Deployment has now. */
export function desiredReplicasChanged(deployment: AnyDeployment, set: AnySet): boolean {
  const recorded = recordedDesiredReplicas(set);
  return recorded !== undefined && recorded !== replicasOf(deployment);
}

export function sizeAnnotations(deployment: AnyDeployment): Record<string, string> {
  return { [DESIRED_REPLICAS]: String(replicasOf(deployment)), [MAX_REPLICAS]: String(maxReplicas(deployment)) };
}

/** Annotations the new set should have: the Deployment's own, its revision, and the revisions it had before. */
export function newSetAnnotations(deployment: AnyDeployment, set: AnySet | undefined, revision: bigint): Record<string, string> {
  const annotations: Record<string, string> = { ...set?.metadata?.annotations };
  for (const [name, value] of Object.entries(deployment.metadata?.annotations ?? {})) {
    if (!NOT_COPIED.has(name)) annotations[name] = value;
  }
  const before = annotations[REVISION];
  if (revisionIn(before) < revision) {
    annotations[REVISION] = String(revision);
    if (before !== undefined) {
      const history = [...(annotations[REVISION_HISTORY]?.split(",").filter((entry) => entry !== "") ?? []), before];
      while (history.join(",").length > MAX_HISTORY) history.shift();
      annotations[REVISION_HISTORY] = history.join(",");
    }
  }
  return set ? annotations : { ...annotations, ...sizeAnnotations(deployment) };
}

/** The ReplicaSet for the present template. Its name and labels carry a hash of the template, so that it is found again. */
export function makeNewSet(deployment: AnyDeployment, replicas: number, revision: bigint): ReplicaSet {
  const spec = clone(deployment.spec) as NonNullable<Deployment["spec"]>; // a copy of our own
  const hash = templateHash(deployment.spec?.template, deployment.status?.collisionCount ?? 0);
  const template = spec.template;
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [HASH_LABEL]: hash } };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${deployment.metadata?.name?.slice(0, MAX_NAME - 1 - hash.length)}-${hash}`,
      namespace: deployment.metadata?.namespace ?? "",
      labels: { ...template.metadata.labels },
      annotations: newSetAnnotations(deployment, undefined, revision),
      ownerReferences: [controllerReference(Deployment, deployment)],
    },
    spec: {
      replicas,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash } },
      template,
    },
  };
}
