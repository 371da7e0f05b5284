// What the server makes of a pod before it is checked: what is not the writer's, and what follows from what was written.

import type { Pod, PodAffinityTerm } from "#kinds/api/core-v1.gen.ts";
import { equal } from "#lib/equal.ts";
import type { WriteContext } from "#meta/kind.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { APP_ARMOR_ANNOTATION, profileOfAnnotation } from "./pod-spec/app-armor.ts";
import { dropDisabledFields } from "./pod-spec/drop-disabled.ts";
import { qosClass } from "./qos.ts";
import { preserveObservedGeneration, schedulingGated } from "./status.ts";

export function preparePod(
  next: Pod,
  previous: DeepReadonly<Pod> | undefined,
  { subresource, warn, now }: Pick<WriteContext, "subresource" | "warn" | "now">,
): void {
  dropDisabledFields(next.spec, previous?.spec);
  if (previous === undefined) {
    next.status = { phase: "Pending", qosClass: qosClass(next) };
    if (next.spec?.schedulingGates?.length) next.status.conditions = [{ ...schedulingGated(), lastTransitionTime: now }];
    addLabelKeysToSelectors(next);
    takeAppArmorAnnotations(next, warn);
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

/** Old annotations become the field that took their place, and say so. */
function takeAppArmorAnnotations({ metadata, spec }: Pod, warn: ((text: string) => void) | undefined): void {
  if (!spec || spec.os?.name === "windows") return;
  const inherited = spec.securityContext?.appArmorProfile;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    const key = APP_ARMOR_ANNOTATION + container.name;
    const value = metadata?.annotations?.[key];
    if (value === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = profileOfAnnotation(value);
    const local = profile?.localhostProfile;
    const usable = profile !== undefined && (local === undefined || local.trim() === local);
    if (usable && equal(profile, inherited)) continue;
    if (usable) (container.securityContext ??= {}).appArmorProfile = profile;
    warn?.(`metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
  }
}
