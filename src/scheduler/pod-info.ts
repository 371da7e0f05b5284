// A pod with all that decisions need of it, worked out once.

import { type Key, keyOf } from "#meta/object.ts";
import {
  type AffinityTerm,
  preferredTerms,
  requiredTerms,
  type Selectable,
  type TermCompiler,
  type WeightedTerm,
} from "./affinity-terms.ts";
import type { AnyPod } from "./framework.ts";
import { hostPortsOf } from "./host-ports.ts";
import { podRequests, podRequestsNonZero, type Resources } from "./resources.ts";

export interface PodInfo extends Selectable {
  readonly key: Key;
  readonly pod: AnyPod;
  readonly uid: string;
  readonly priority: number;
  readonly requests: Resources;
  /** With stand-ins for what is not asked for; for scores. */
  readonly nonZero: { readonly cpu: number; readonly memory: number };
  /** `protocol/ip/port` */
  readonly hostPorts: readonly string[];
  readonly affinity: readonly AffinityTerm[];
  readonly antiAffinity: readonly AffinityTerm[];
  /** Preferred affinity and, with negative weights, anti-affinity. */
  readonly preferred: readonly WeightedTerm[];
  /** Names of the claims its volumes refer to. Those of ephemeral volumes are not among them. */
  readonly claims: readonly string[];
}

const none: readonly never[] = [];

export function podInfo(pod: AnyPod, compiler: TermCompiler): PodInfo {
  const metadata = pod.metadata;
  const social = pod.spec?.affinity?.podAffinity !== undefined || pod.spec?.affinity?.podAntiAffinity !== undefined;
  const claims = pod.spec?.volumes?.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  return {
    key: keyOf(pod),
    pod,
    uid: metadata?.uid ?? "",
    namespace: metadata?.namespace ?? "",
    labels: metadata?.labels,
    deleting: metadata?.deletionTimestamp !== undefined,
    priority: pod.spec?.priority ?? 0,
    requests: podRequests(pod),
    nonZero: podRequestsNonZero(pod),
    hostPorts: hostPortsOf(pod),
    affinity: social ? requiredTerms(pod, "podAffinity").map((term) => compiler.term(pod, term)) : none,
    antiAffinity: social ? requiredTerms(pod, "podAntiAffinity").map((term) => compiler.term(pod, term)) : none,
    preferred: social ? preferred(pod, compiler) : none,
    claims: claims?.length ? claims : none,
  };
}

function preferred(pod: AnyPod, compiler: TermCompiler): WeightedTerm[] {
  return [
    ...preferredTerms(pod, "podAffinity").map(({ podAffinityTerm, weight }) => ({ ...compiler.term(pod, podAffinityTerm), weight })),
    ...preferredTerms(pod, "podAntiAffinity").map(({ podAffinityTerm, weight }) => ({
      ...compiler.term(pod, podAffinityTerm),
      weight: -weight,
    })),
  ];
}
