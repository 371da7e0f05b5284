import type { NodeAffinity } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { type AnyPod, normalizeByMax, type Plugin, type PodRefusal, type Refusal } from "../framework.ts";
import { matchesNodeSelector, matchesTerm, podAllowsNode } from "../node-selection.ts";

const NO_MATCH: Refusal = { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true };
const NOT_ENFORCED: Refusal = { reasons: ["node(s) didn't match scheduler-enforced node affinity"], unresolvable: true };
const CONFLICT: PodRefusal = { refusal: { reasons: ["pod affinity terms conflict"], unresolvable: true } };

export interface NodeAffinityArgs {
  /** Joins what pods ask for themselves. */
  readonly addedAffinity?: DeepReadonly<NodeAffinity>;
}

/** nodeSelector and node affinity, required and preferred. */
export function nodeAffinity({ addedAffinity }: NodeAffinityArgs): Plugin {
  const enforced = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const addedPreferred = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return {
    name: "NodeAffinity",
    filter: ({ pod }) => {
      const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      if (pod.spec?.nodeSelector === undefined && required === undefined && enforced === undefined) return undefined;
      const nodeNames = namedNodes(pod);
      if (nodeNames?.size === 0) return CONFLICT;
      return {
        check: ({ node }) => {
          if (enforced && !matchesNodeSelector(enforced, node)) return NOT_ENFORCED;
          return podAllowsNode(pod, node) ? undefined : NO_MATCH;
        },
        ...(nodeNames ? { nodeNames } : {}),
      };
    },
    score: ({ pod }) => {
      const own = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      const preferred = [...addedPreferred, ...own];
      if (preferred.length === 0) return undefined;
      return {
        score: ({ node }) => preferred.reduce((sum, { preference, weight }) => sum + (matchesTerm(preference, node) ? weight : 0), 0),
        normalize: (scores) => normalizeByMax(scores, false),
      };
    },
    events: [
      {
        resource: "Node",
        actions: ["add", "labels"],
        helps: ({ pod }, before, after) => {
          if (!after || (enforced && !matchesNodeSelector(enforced, after))) return false;
          return podAllowsNode(pod, after) && (before === undefined || !podAllowsNode(pod, before));
        },
      },
    ],
  };
}

/** The nodes that all alternatives name, as pods of DaemonSets do; undefined: they do not. */
function namedNodes(pod: AnyPod): ReadonlySet<string> | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const { matchFields } of terms) {
    let ofTerm: Set<string> | undefined;
    for (const { key, operator, values } of matchFields ?? []) {
      if (key !== "metadata.name" || operator !== "In") continue;
      const some = new Set(values);
      ofTerm = ofTerm?.intersection(some) ?? some;
    }
    if (!ofTerm) return undefined;
    for (const name of ofTerm) names.add(name);
  }
  return names;
}
