// The status of a ReplicaSet or ReplicationController, from its pods. Pure. Rules: pkg/controller/replicaset/replica_set_utils.go.

import type { ReplicaSetStatus } from "#kinds/api/apps-v1.gen.ts";
import type { Pod, PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { availableInMs, isActive, isPodReady, isTerminal } from "#kinds/core/pod/state.ts";
import { getCondition, removeCondition, setCondition } from "#meta/conditions.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { labelSetMatcher } from "#meta/selectors.ts";

/** What ReplicaSets and ReplicationControllers share. */
export interface Replicated extends KubeObject {
  spec?: { replicas?: number; minReadySeconds?: number; template?: PodTemplateSpec };
  status?: ReplicaSetStatus;
}

export interface Observation {
  readonly status: ReplicaSetStatus;
  /** When a ready pod will count as available; undefined if none waits. */
  readonly recheckInMs: number | undefined;
}

/** `failure` is what a create or delete of a pod failed with this time. `terminating`: whether the status counts pods that are leaving. */
export function observe(
  set: DeepReadonly<Replicated>,
  pods: readonly DeepReadonly<Pod>[],
  failure: { readonly creating: boolean; readonly message: string } | undefined,
  nowMs: number,
  terminating = true,
): Observation {
  const template = labelSetMatcher(set.spec?.template?.metadata?.labels);
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const active = pods.filter(isActive);
  let fullyLabeledReplicas = 0;
  let readyReplicas = 0;
  let availableReplicas = 0;
  let recheckInMs: number | undefined;
  for (const pod of active) {
    if (template.matches(pod.metadata?.labels)) fullyLabeledReplicas++;
    if (isPodReady(pod)) readyReplicas++;
    const waitMs = availableInMs(pod, minReadySeconds, nowMs);
    if (waitMs === 0) availableReplicas++;
    else if (waitMs !== undefined) recheckInMs = Math.min(recheckInMs ?? waitMs, waitMs);
  }
  const terminatingReplicas = pods.filter((pod) => pod.metadata?.deletionTimestamp !== undefined && !isTerminal(pod)).length;
  const old = set.status?.conditions as ReplicaSetStatus["conditions"];
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  let conditions = old ?? [];
  const failed = getCondition(conditions, "ReplicaFailure");
  if (failure && !failed) {
    const reason = failure.creating ? "FailedCreate" : "FailedDelete";
    conditions = setCondition(conditions, { type: "ReplicaFailure", status: "True", reason, message: failure.message }, now);
  } else if (!failure && failed) conditions = removeCondition(conditions, "ReplicaFailure");
  return {
    status: {
      replicas: active.length,
      // Upstream leaves zeros out (omitempty), and scripts test for that.
      ...(fullyLabeledReplicas > 0 ? { fullyLabeledReplicas } : {}),
      ...(readyReplicas > 0 ? { readyReplicas } : {}),
      ...(availableReplicas > 0 ? { availableReplicas } : {}),
      ...(terminating ? { terminatingReplicas } : {}),
      observedGeneration: set.metadata?.generation ?? 0,
      ...(conditions.length > 0 ? { conditions } : {}),
    },
    recheckInMs,
  };
}
