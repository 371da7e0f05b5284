// Pods: what the server does to them before they are stored.

import type { Pod, PodAffinityTerm } from "#kinds/api/core-v1.gen.ts";
import { preserveObservedGeneration, schedulingGated } from "./status.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { podColumns } from "./columns.ts";
import { defaultPod } from "./defaults.ts";
import { throughEphemeralContainers, throughResize } from "./doors.ts";
import { qosClass } from "./qos.ts";
import { validatePod } from "./validate.ts";
import { podWarnings } from "./warnings.ts";

function prepare(next: Pod, previous: DeepReadonly<Pod> | undefined, subresource: string): void {
  if (previous === undefined) {
    next.status = { phase: "Pending", qosClass: qosClass(next) };
    if (next.spec?.schedulingGates?.length) next.status.conditions = [schedulingGated()];
    addLabelKeysToSelectors(next);
  } else if (subresource === "status" && next.status) {
    if (!next.status.qosClass && previous.status?.qosClass) next.status.qosClass = previous.status.qosClass;
    preserveObservedGeneration(next, previous);
  }
}

/** Turns matchLabelKeys and mismatchLabelKeys into requirements on the values that this pod has for them. */
function addLabelKeysToSelectors(pod: Pod): void {
  const labels = pod.metadata?.labels ?? {};
  const apply = (selector: LabelSelector | undefined, keys: readonly string[] | undefined, operator: string) => {
    for (const key of keys ?? []) {
      const value = labels[key];
      if (selector && value !== undefined) (selector.matchExpressions ??= []).push({ key, operator, values: [value] });
    }
  };
  const term = (each: PodAffinityTerm) => {
    apply(each.labelSelector, each.matchLabelKeys, "In");
    apply(each.labelSelector, each.mismatchLabelKeys, "NotIn");
  };
  for (const affinity of [pod.spec?.affinity?.podAffinity, pod.spec?.affinity?.podAntiAffinity]) {
    for (const preferred of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) term(preferred.podAffinityTerm);
    for (const required of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) term(required);
  }
  for (const constraint of pod.spec?.topologySpreadConstraints ?? []) apply(constraint.labelSelector, constraint.matchLabelKeys, "In");
}

/** Pods on no node, and those that have ended, have nobody to wait for. */
export function podGracePeriodSeconds(pod: DeepReadonly<Pod>, requested: number | undefined): number {
  const phase = pod.status?.phase;
  if (!pod.spec?.nodeName || phase === "Failed" || phase === "Succeeded") return 0;
  const period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0;
  return period < 0 ? 1 : period;
}

export const podHooks: KindHooks<Pod> = {
  returnsDeleted: true,
  default: defaultPod,
  prepare: (next, previous, context) => prepare(next, previous, context.subresource),
  validate: (next, previous, context) => validatePod(next, previous, context.subresource),
  doors: { ephemeralcontainers: throughEphemeralContainers, resize: throughResize },
  statusKeepsMetadata: ["ownerReferences"],
  warnings: podWarnings,
  columns: podColumns,
  selectableFields: (pod) => ({
    "spec.nodeName": pod.spec?.nodeName ?? "",
    "spec.restartPolicy": pod.spec?.restartPolicy ?? "",
    "spec.schedulerName": pod.spec?.schedulerName ?? "",
    "spec.serviceAccountName": pod.spec?.serviceAccountName ?? "",
    "spec.hostNetwork": String(pod.spec?.hostNetwork ?? false),
    "status.phase": pod.status?.phase ?? "",
    "status.podIP": pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? "",
    "status.nominatedNodeName": pod.status?.nominatedNodeName ?? "",
  }),
  selectableFieldNames: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  gracePeriodSeconds: podGracePeriodSeconds,
};
