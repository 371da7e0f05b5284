// Who a pod of a StatefulSet is: its number, its name, its labels, its claims, and the pod that is made for a number. Pure.
// Rules: pkg/controller/statefulset/stateful_set_utils.go.

import { StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import type { PersistentVolumeClaim, Pod, PodSpec, PodTemplateSpec, Volume } from "#kinds/api/core-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import type { DeepReadonly, OwnerReference } from "#meta/object.ts";
import { REVISION_LABEL } from "../revisions.ts";

export type AnyStatefulSet = DeepReadonly<StatefulSet>;
export type AnyPod = DeepReadonly<Pod>;
export type AnyClaim = DeepReadonly<PersistentVolumeClaim>;

const POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name";
const POD_INDEX_LABEL = "apps.kubernetes.io/pod-index";

export function replicasOf(set: AnyStatefulSet): number {
  return set.spec?.replicas ?? 1;
}

/** The number of the first pod. */
export function startOf(set: AnyStatefulSet): number {
  return set.spec?.ordinals?.start ?? 0;
}

/** The set's name and the number, as the pod's name has them; undefined if it has not this form. */
export function parentOf(podName: string): { readonly set: string; readonly ordinal: number } | undefined {
  const [, set, digits] = /^(.*)-([0-9]+)$/s.exec(podName) ?? [];
  if (set === undefined || digits === undefined || Number(digits) > 2_147_483_647) return undefined;
  return { set, ordinal: Number(digits) };
}

export function isMember(set: AnyStatefulSet, pod: AnyPod): boolean {
  return parentOf(pod.metadata?.name ?? "")?.set === set.metadata?.name;
}

export function ordinalOf(pod: AnyPod): number {
  return parentOf(pod.metadata?.name ?? "")?.ordinal ?? -1;
}

/** The number is one that the set has a pod for. */
export function isInRange(set: AnyStatefulSet, ordinal: number): boolean {
  return ordinal >= startOf(set) && ordinal < startOf(set) + replicasOf(set);
}

export function podNameOf(set: AnyStatefulSet, ordinal: number): string {
  return `${set.metadata?.name ?? ""}-${ordinal}`;
}

export function revisionOfPod(pod: AnyPod): string {
  return pod.metadata?.labels?.[REVISION_LABEL] ?? "";
}

function claimNameOf(set: AnyStatefulSet, template: AnyClaim, ordinal: number): string {
  return `${template.metadata?.name ?? ""}-${podNameOf(set, ordinal)}`;
}

/** Names of the claims of the pod with this number, in the order of the set's templates. */
export function claimNames(set: AnyStatefulSet, ordinal: number): string[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => claimNameOf(set, template, ordinal));
}

/** The claims of the pod with this number, as they are made. `owners` are those that it is born with. */
export function claimsFor(set: AnyStatefulSet, ordinal: number, owners: readonly OwnerReference[]): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const { status: _, ...claim } = clone(template) as PersistentVolumeClaim; // a copy of our own
    return {
      ...claim,
      metadata: {
        ...claim.metadata,
        name: claimNameOf(set, template, ordinal),
        namespace: set.metadata?.namespace ?? "",
        labels: { ...claim.metadata?.labels, ...set.spec?.selector.matchLabels },
        ...(owners.length > 0 ? { ownerReferences: [...owners] } : {}),
      },
    };
  });
}

/** The pod with this number, made from `template`, which is that of `revision`. */
export function makePod(set: AnyStatefulSet, template: PodTemplateSpec, revision: string, ordinal: number): Pod {
  const name = podNameOf(set, ordinal);
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const spec = clone(template.spec ?? { containers: [] }) as PodSpec; // a copy of our own
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      generateName: `${set.metadata?.name ?? ""}-`,
      namespace: set.metadata?.namespace ?? "",
      labels: { ...labels, ...identityLabels(name, ordinal), [REVISION_LABEL]: revision },
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [setReference(set)],
    },
    spec: {
      ...spec,
      hostname: name,
      ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
      volumes: volumesOf(set, spec.volumes ?? [], ordinal),
    },
  };
}

export function setReference(set: AnyStatefulSet): OwnerReference {
  return controllerReference(StatefulSet, set);
}

function identityLabels(name: string, ordinal: number): Record<string, string> {
  return { [POD_NAME_LABEL]: name, [POD_INDEX_LABEL]: String(ordinal) };
}

/** The pod's volumes, with those of the set's claims in place of others with their names. */
function volumesOf(set: AnyStatefulSet, volumes: readonly Volume[], ordinal: number): Volume[] {
  const templates = set.spec?.volumeClaimTemplates ?? [];
  const names = new Set(templates.map((template) => template.metadata?.name));
  return [
    ...templates.map((template) => ({
      name: template.metadata?.name ?? "",
      persistentVolumeClaim: { claimName: claimNameOf(set, template, ordinal) },
    })),
    ...volumes.filter(({ name }) => !names.has(name)),
  ];
}

/** A member (see isMember) has the label with its name. */
export function identityMatches(pod: AnyPod): boolean {
  return pod.metadata?.labels?.[POD_NAME_LABEL] === pod.metadata?.name;
}

/** The pod mounts the claims that are its own. */
export function storageMatches(set: AnyStatefulSet, pod: AnyPod): boolean {
  const ordinal = ordinalOf(pod);
  return (set.spec?.volumeClaimTemplates ?? []).every((template) => {
    const volume = pod.spec?.volumes?.find(({ name }) => name === template.metadata?.name);
    return volume?.persistentVolumeClaim?.claimName === claimNameOf(set, template, ordinal);
  });
}

/** The pod with labels and volumes put right. */
export function repairedPod(set: AnyStatefulSet, pod: AnyPod): Pod {
  const next = clone(pod) as Pod; // a copy of our own
  const ordinal = ordinalOf(pod);
  if (!identityMatches(pod)) {
    next.metadata = { ...next.metadata, labels: { ...next.metadata?.labels, ...identityLabels(podNameOf(set, ordinal), ordinal) } };
  }
  if (next.spec && !storageMatches(set, pod)) next.spec.volumes = volumesOf(set, next.spec.volumes ?? [], ordinal);
  return next;
}
