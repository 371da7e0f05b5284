// After which changes a pod that its affinity kept waiting may be worth another try.

import type { PodAffinityTerm } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { type AffinityTerm, requiredTerms, withLabelKeys } from "../affinity-terms.ts";
import type { EventInterest } from "../cluster-events.ts";
import type { AnyNode, AnyPod, PodInfo } from "../framework.ts";

const hasNode = (pod: AnyPod | undefined) => pod === undefined || Boolean(pod.spec?.nodeName || pod.status?.nominatedNodeName);

const matchesAll = (terms: readonly AffinityTerm[], pod: AnyPod) => {
  const { namespace = "", labels, deletionTimestamp } = pod.metadata ?? {};
  const selectable = { namespace, labels, deleting: deletionTimestamp !== undefined };
  return terms.length > 0 && terms.every(({ selection }) => selection.matches(selectable));
};

function helpsAfterPodChange(pod: PodInfo, before: AnyPod | undefined, after: AnyPod | undefined): boolean {
  if (before && after && after.metadata?.uid === pod.uid) return true;
  if (!hasNode(before) || !hasNode(after)) return false;
  if (before && after) {
    return (
      (!matchesAll(pod.affinity, before) && matchesAll(pod.affinity, after)) ||
      (matchesAll(pod.antiAffinity, before) && !matchesAll(pod.antiAffinity, after))
    );
  }
  if (after) return matchesAll(pod.affinity, after);
  return before !== undefined && (matchesAll(pod.antiAffinity, before) || keptAway(before, pod));
}

/** The pod that left kept this one away. */
function keptAway(owner: AnyPod, pod: PodInfo): boolean {
  const terms = requiredTerms(owner, "podAntiAffinity");
  return terms.length > 0 && terms.every((term) => looksAt(owner, term, pod));
}

/** A namespaceSelector may select any namespace here: a try too many does no harm. */
function looksAt(owner: AnyPod, term: DeepReadonly<PodAffinityTerm>, pod: PodInfo): boolean {
  const names = term.namespaces?.length || term.namespaceSelector ? (term.namespaces ?? []) : [owner.metadata?.namespace ?? ""];
  const selector = withLabelKeys(owner, term.labelSelector, term.matchLabelKeys, term.mismatchLabelKeys);
  return (term.namespaceSelector !== undefined || names.includes(pod.namespace)) && labelSelectorMatcher(selector).matches(pod.labels);
}

function helpsAfterNodeChange(pod: PodInfo, before: AnyNode | undefined, after: AnyNode | undefined): boolean {
  const valueOf = (node: AnyNode | undefined, { topologyKey }: AffinityTerm) => node?.metadata?.labels?.[topologyKey];
  if (!before) return pod.antiAffinity.length > 0 || pod.affinity.some((term) => valueOf(after, term) !== undefined);
  return (
    pod.affinity.some((term) => valueOf(after, term) !== undefined && valueOf(before, term) !== valueOf(after, term)) ||
    pod.antiAffinity.some((term) => valueOf(before, term) !== undefined && valueOf(before, term) !== valueOf(after, term))
  );
}

export const interPodAffinityEvents: readonly EventInterest[] = [
  { resource: "Pod", actions: ["add", "labels", "delete"], helps: helpsAfterPodChange },
  { resource: "Node", actions: ["add", "labels"], helps: helpsAfterNodeChange },
];
