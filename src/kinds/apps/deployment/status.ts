// The status of a Deployment: counts, and the conditions Available, Progressing and ReplicaFailure. Pure.
// Rules and wording: pkg/controller/deployment/{progress,sync}.go.

import type { Deployment, DeploymentCondition, DeploymentStatus } from "#kinds/api/apps-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import { type AnyDeployment, type AnySet, bounds, replicasOf, sumAvailable, sumReplicas } from "./replica-sets.ts";

/** A progressDeadlineSeconds of this value means none (MaxInt32). */
const NO_DEADLINE = 2_147_483_647;

type Conditions = readonly DeploymentCondition[];

export function deadlineMs(deployment: AnyDeployment): number | undefined {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === NO_DEADLINE ? undefined : seconds * 1000;
}

/** Sets a condition; one with the same status and reason stays untouched, as upstream's SetDeploymentCondition. */
export function withCondition(
  conditions: Conditions,
  next: Omit<DeploymentCondition, "lastUpdateTime" | "lastTransitionTime">,
  nowMs: number,
): Conditions {
  const present = getCondition(conditions, next.type);
  if (present && present.status === next.status && present.reason === next.reason) return conditions;
  const now = timestamp(nowMs);
  const lastTransitionTime = present?.status === next.status ? (present.lastTransitionTime ?? now) : now;
  return [...conditions.filter((condition) => condition.type !== next.type), { ...next, lastUpdateTime: now, lastTransitionTime }];
}

function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The counts and the Available condition; other conditions as they are. */
export function countStatus(
  deployment: AnyDeployment,
  newSet: AnySet | undefined,
  all: readonly AnySet[],
  nowMs: number,
): DeploymentStatus {
  const available = sumAvailable(all);
  const count = (field: "replicas" | "readyReplicas" | "terminatingReplicas") =>
    all.reduce((sum, set) => sum + (set.status?.[field] ?? 0), 0);
  // A set that was looked at and does not say how many of its pods are leaving leaves the sum unknown.
  const uncounted = all.some(({ status }) => (status?.observedGeneration ?? 0) > 0 && status?.terminatingReplicas === undefined);
  const enough = available >= replicasOf(deployment) - bounds(deployment).maxUnavailable;
  const conditions = withCondition(
    (deployment.status?.conditions ?? []) as DeploymentCondition[], // copied, never changed
    enough
      ? { type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: "Deployment has minimum availability." }
      : {
          type: "Available",
          status: "False",
          reason: "MinimumReplicasUnavailable",
          message: "Deployment does not have minimum availability.",
        },
    nowMs,
  );
  const collisionCount = deployment.status?.collisionCount;
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata?.generation ?? 0,
    ...(uncounted ? {} : { terminatingReplicas: count("terminatingReplicas") }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: [...conditions],
  };
  const counts = {
    replicas: count("replicas"),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: count("readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sumReplicas(all) - available),
  };
  // Upstream leaves zeros out (omitempty), and scripts test for that.
  for (const [field, value] of Object.entries(counts)) if (value > 0) status[field as keyof typeof counts] = value;
  return status;
}

/** All the status there is while a rollout is under way or done. */
export function rolloutStatus(
  deployment: AnyDeployment,
  newSet: AnySet | undefined,
  all: readonly AnySet[],
  nowMs: number,
): DeploymentStatus {
  const status = countStatus(deployment, newSet, all, nowMs);
  let conditions: Conditions = status.conditions ?? [];
  const deadline = deadlineMs(deployment);
  const progressing = getCondition(conditions, "Progressing");
  if (deadline === undefined) conditions = conditions.filter((condition) => condition.type !== "Progressing");
  const settled = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && progressing?.reason === "NewReplicaSetAvailable";
  if (deadline !== undefined && !settled) {
    const subject = newSet ? `ReplicaSet "${newSet.metadata?.name}"` : `Deployment "${deployment.metadata?.name}"`;
    if (isComplete(deployment, status)) {
      const message = `${subject} has successfully progressed.`;
      conditions = withCondition(conditions, { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message }, nowMs);
    } else if (hasProgressed(deployment, status)) {
      // Each step forward restarts the deadline, so lastUpdateTime moves even if the reason stays.
      const since = progressing?.status === "True" ? progressing.lastTransitionTime : undefined;
      const now = timestamp(nowMs);
      conditions = [
        ...conditions.filter((condition) => condition.type !== "Progressing"),
        {
          type: "Progressing",
          status: "True",
          reason: "ReplicaSetUpdated",
          message: `${subject} is progressing.`,
          lastUpdateTime: now,
          lastTransitionTime: since ?? now,
        },
      ];
    } else if (progressing && hasTimedOut(progressing, deadline, nowMs)) {
      const message = `${subject} has timed out progressing.`;
      conditions = withCondition(conditions, { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message }, nowMs);
    }
  }
  return { ...status, conditions: withReplicaFailure(conditions, newSet, all) };
}

/** The sets' failure to make pods, the new set's first, with the time it began at. */
function withReplicaFailure(conditions: Conditions, newSet: AnySet | undefined, all: readonly AnySet[]): DeploymentCondition[] {
  const others = conditions.filter((condition) => condition.type !== "ReplicaFailure");
  const failure = [...(newSet ? [newSet] : []), ...all]
    .map((set) => getCondition(set.status?.conditions, "ReplicaFailure"))
    .find((condition) => condition !== undefined);
  if (!failure) return others;
  const present = getCondition(conditions, "ReplicaFailure");
  if (present?.status === failure.status && present.reason === failure.reason) return [...conditions];
  const at = failure.lastTransitionTime;
  return [...others, { ...failure, ...(at === undefined ? {} : { lastUpdateTime: at, lastTransitionTime: at }) }];
}

export function isComplete(deployment: AnyDeployment, status: DeploymentStatus): boolean {
  const wanted = replicasOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

function hasProgressed(deployment: AnyDeployment, next: DeploymentStatus): boolean {
  const before: Deployment["status"] = (deployment.status ?? {}) as DeploymentStatus; // read only
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (next.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(next) < old(before) ||
    (next.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(progressing: DeploymentCondition, deadline: number, nowMs: number): boolean {
  if (progressing.reason === "NewReplicaSetAvailable") return false;
  if (progressing.reason === "ProgressDeadlineExceeded") return true;
  return Date.parse(progressing.lastUpdateTime ?? "") + deadline < nowMs;
}

/** When the progress deadline should be looked at again; undefined if it cannot pass. */
export function deadlineCheckMs(deployment: AnyDeployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const deadline = deadlineMs(deployment);
  const progressing = getCondition(status.conditions, "Progressing");
  if (deadline === undefined || !progressing || deployment.spec?.paused === true || isComplete(deployment, status)) return undefined;
  if (progressing.reason === "ProgressDeadlineExceeded" || progressing.reason === "NewReplicaSetAvailable") return undefined;
  return Math.max(0, Date.parse(progressing.lastUpdateTime ?? "") + deadline - nowMs) + 1000;
}
