// Which pods a Job that goes on should lose or get now. Pure. Rules: manageJob in pkg/controller/job/job_controller.go.

import { isTerminal } from "#kinds/core/pod/state.ts";
import { podsToDelete } from "#kinds/apps/replica-set/ranking.ts";
import { finishedAt, remainingMs } from "./backoff.ts";
import { firstMissing, merge, withIndexes } from "./intervals.ts";
import { allIndexFailures, type AnyPod, indexOf, isIndexed, isSuspended, replacesOnlyFailed, validIndexOf } from "./pods.ts";
import type { Situation } from "./situation.ts";

/** Upstream's bound on pods created or deleted in one run. */
const MAX_PODS = 500;

export interface Demand {
  readonly remove: readonly AnyPod[];
  /** An entry for each pod to create: its index, or undefined in a Job without indexes. Never together with `remove`. */
  readonly create: readonly (number | undefined)[];
  /** More pods are wanted, but not before this. */
  readonly waitMs?: number;
}

export function demandOf(situation: Situation): Demand {
  const { job, active, nowMs } = situation;
  if (isSuspended(job)) return { remove: active, create: [] };
  const wanted = wantedActive(situation);
  const remove = surplus(situation, Math.max(0, active.length - wanted)).slice(0, MAX_PODS);
  if (remove.length > 0) return { remove, create: [] };

  const leaving = replacesOnlyFailed(job) ? situation.terminating : 0;
  const missing = Math.min(wanted - leaving - active.length, MAX_PODS);
  if (missing <= 0) return { remove, create: [] };
  if (situation.backoffMs > 0) return { remove, create: [], waitMs: situation.backoffMs };
  if (!isIndexed(job)) return { remove, create: Array<undefined>(missing).fill(undefined) };

  const indexes = pendingIndexes(situation, missing);
  const waits = indexes.map((index) => {
    const failed = situation.awaitingSuccessor.get(index);
    return failed ? remainingMs(allIndexFailures(failed) + 1, finishedAt(failed), nowMs) : 0;
  });
  const create = indexes.filter((_, position) => waits[position] === 0);
  const later = waits.filter((wait) => wait > 0);
  return { remove, create, ...(later.length > 0 ? { waitMs: Math.min(...later) } : {}) };
}

/** How many pods should run: never more than are still to succeed. */
function wantedActive({ job, active, succeeded }: Situation): number {
  const { completions, parallelism = 1 } = job.spec ?? {};
  // Without a number of completions the first success ends the Job: those that run may finish.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

/** At least `atLeast` pods, those first that have no business in an indexed Job: without a valid index, or with one that another has. */
function surplus({ job, active, nowMs }: Situation, atLeast: number): AnyPod[] {
  const remove: AnyPod[] = [];
  let rest = active;
  if (isIndexed(job)) {
    const byIndex = Map.groupBy(active, (pod) => validIndexOf(pod, job));
    for (const [index, pods] of byIndex)
      remove.push(...(index === undefined ? pods : pods.length > 1 ? podsToDelete(pods, [], pods.length - 1, nowMs) : []));
    const removed = new Set(remove);
    rest = active.filter((pod) => !removed.has(pod));
  }
  if (remove.length < atLeast) remove.push(...podsToDelete(rest, [], atLeast - remove.length, nowMs));
  return remove;
}

/** The first indexes that neither succeeded nor failed nor have a pod. */
function pendingIndexes({ job, pods, active, succeededIndexes, failedIndexes = [] }: Situation, count: number): number[] {
  // A pod that is leaving keeps its index where only failed ones are replaced.
  const holders = replacesOnlyFailed(job) ? pods.filter((pod) => !isTerminal(pod)) : active;
  const held = holders.map(indexOf).filter((index) => index !== undefined);
  return firstMissing(merge(withIndexes(succeededIndexes, held), failedIndexes), count, job.spec?.completions ?? 0);
}
