// Pod affinity terms made ready for matching. Pure. Rules: kube-scheduler framework/types.go (AffinityTerm).

import type { PodAffinityTerm } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { type LabelMatcher, labelSelectorMatcher } from "#meta/selectors.ts";
import type { AnyPod, Snapshot } from "./framework.ts";

export interface AffinityTerm {
  readonly topologyKey: string;
  readonly weight: number;
  matches(pod: AnyPod): boolean;
}

/** A term of `owner`. With neither namespaces nor namespaceSelector it looks at the owner's own namespace. */
export function affinityTerm(owner: AnyPod, term: DeepReadonly<PodAffinityTerm>, snapshot: Snapshot, weight = 0): AffinityTerm {
  const selector = labelSelectorMatcher(withLabelKeys(owner, term));
  const namespaces = new Set(term.namespaces ?? []);
  const byLabels: LabelMatcher | undefined =
    term.namespaceSelector === undefined ? undefined : labelSelectorMatcher(term.namespaceSelector);
  if (namespaces.size === 0 && byLabels === undefined) namespaces.add(owner.metadata?.namespace ?? "");
  return {
    topologyKey: term.topologyKey,
    weight,
    matches(pod) {
      const namespace = pod.metadata?.namespace ?? "";
      const inScope = namespaces.has(namespace) || (byLabels?.matches(snapshot.namespaceLabels(namespace) ?? {}) ?? false);
      return inScope && selector.matches(pod.metadata?.labels);
    },
  };
}

/** matchLabelKeys and mismatchLabelKeys: the owner's own values of these labels join the selector. */
function withLabelKeys(owner: AnyPod, term: DeepReadonly<PodAffinityTerm>): DeepReadonly<LabelSelector> | undefined {
  const extra = [
    ...(term.matchLabelKeys ?? []).map((key) => ({ key, operator: "In" })),
    ...(term.mismatchLabelKeys ?? []).map((key) => ({ key, operator: "NotIn" })),
  ].flatMap(({ key, operator }) => {
    const value = owner.metadata?.labels?.[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
  if (extra.length === 0 || term.labelSelector === undefined) return term.labelSelector;
  return { ...term.labelSelector, matchExpressions: [...(term.labelSelector.matchExpressions ?? []), ...extra] };
}

export function requiredTerms(pod: AnyPod, kind: "podAffinity" | "podAntiAffinity"): readonly DeepReadonly<PodAffinityTerm>[] {
  return pod.spec?.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

export function preferredTerms(pod: AnyPod, kind: "podAffinity" | "podAntiAffinity") {
  return pod.spec?.affinity?.[kind]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}
