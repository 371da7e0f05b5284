// Affinity terms and selectors made ready for matching, each once. Pure. Rules: kube-scheduler framework/types.go (AffinityTerm).

import type { PodAffinityTerm } from "#kinds/api/core-v1.gen.ts";
import { createLru } from "#lib/lru.ts";
import type { DeepReadonly, LabelSelector } from "#meta/object.ts";
import { type LabelMatcher, labelSelectorMatcher } from "#meta/selectors.ts";
import type { AnyPod } from "./framework.ts";

/** What a selection looks at. */
export interface Selectable {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Being deleted. */
  readonly deleting: boolean;
}

/** A choice of pods. Two with the same id choose the same pods. */
export interface Selection {
  readonly id: string;
  /** Undefined: of any namespace. */
  readonly namespaces: ReadonlySet<string> | undefined;
  matches(pod: Selectable): boolean;
}

export interface AffinityTerm {
  readonly topologyKey: string;
  readonly selection: Selection;
}

export interface WeightedTerm extends AffinityTerm {
  /** Negative: to be kept away from. */
  readonly weight: number;
}

/** Compiles terms; the same terms of many pods are compiled once. */
export interface TermCompiler {
  /** With neither namespaces nor namespaceSelector a term looks at its owner's own namespace. */
  term(owner: AnyPod, term: DeepReadonly<PodAffinityTerm>): AffinityTerm;
  selector(selector: DeepReadonly<LabelSelector> | undefined): LabelMatcher;
}

const CACHE_SIZE = 4096;

export function createTermCompiler(namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined): TermCompiler {
  const selections = createLru<string, Selection>(CACHE_SIZE);
  const selectors = createLru<string, LabelMatcher>(CACHE_SIZE);
  const compiler: TermCompiler = {
    term(owner, term) {
      const selector = withLabelKeys(owner, term.labelSelector, term.matchLabelKeys, term.mismatchLabelKeys);
      const own = !term.namespaces?.length && term.namespaceSelector === undefined;
      const names = own ? [owner.metadata?.namespace ?? ""] : (term.namespaces ?? []);
      const id = JSON.stringify([names, term.namespaceSelector, selector]);
      let selection = selections.get(id);
      if (!selection) {
        const matcher = compiler.selector(selector);
        const namespaces = new Set(names);
        const byLabels = term.namespaceSelector === undefined ? undefined : labelSelectorMatcher(term.namespaceSelector);
        selection = {
          id,
          namespaces: byLabels === undefined ? namespaces : undefined,
          matches: ({ namespace, labels }) =>
            matcher.matches(labels) &&
            (namespaces.has(namespace) || (byLabels !== undefined && byLabels.matches(namespaceLabels(namespace) ?? {}))),
        };
        selections.set(id, selection);
      }
      return { topologyKey: term.topologyKey, selection };
    },
    selector(selector) {
      const id = JSON.stringify(selector) ?? "";
      let matcher = selectors.get(id);
      if (!matcher) selectors.set(id, (matcher = labelSelectorMatcher(selector)));
      return matcher;
    },
  };
  return compiler;
}

/** matchLabelKeys and mismatchLabelKeys: the owner's own values of these labels join the selector. */
export function withLabelKeys(
  owner: AnyPod,
  selector: DeepReadonly<LabelSelector> | undefined,
  matching: readonly string[] | undefined,
  mismatching?: readonly string[],
): DeepReadonly<LabelSelector> | undefined {
  if (selector === undefined || (!matching?.length && !mismatching?.length)) return selector;
  const extra = [
    ...(matching ?? []).map((key) => ({ key, operator: "In" })),
    ...(mismatching ?? []).map((key) => ({ key, operator: "NotIn" })),
  ].flatMap(({ key, operator }) => {
    const value = owner.metadata?.labels?.[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
  return extra.length === 0 ? selector : { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...extra] };
}

/** Pods that all terms match; undefined: there are no terms. */
export function allOf(terms: readonly AffinityTerm[]): Selection | undefined {
  const [first] = terms;
  if (!first || terms.length === 1) return first?.selection;
  return {
    id: JSON.stringify(terms.map(({ selection }) => selection.id)),
    namespaces: first.selection.namespaces,
    matches: (pod) => terms.every(({ selection }) => selection.matches(pod)),
  };
}

export function requiredTerms(pod: AnyPod, kind: "podAffinity" | "podAntiAffinity"): readonly DeepReadonly<PodAffinityTerm>[] {
  return pod.spec?.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

export function preferredTerms(pod: AnyPod, kind: "podAffinity" | "podAntiAffinity") {
  return pod.spec?.affinity?.[kind]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}
