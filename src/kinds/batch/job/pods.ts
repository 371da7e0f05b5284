// A Job's pods: what their marks say, and what a new one looks like. Pure.

import { type Job } from "#kinds/api/batch-v1.gen.ts";
import type { Container, Pod } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { isCounted } from "./policies.ts";

export type AnyJob = DeepReadonly<Job>;
export type AnyPod = DeepReadonly<Pod>;

/** Keeps a pod from vanishing before the Job has counted it. */
export const TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking";
const COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index";
const FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count";
const IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count";
const INDEX_VARIABLE = "JOB_COMPLETION_INDEX";
/** What the server leaves of generateName before it adds five characters. */
const MAX_PREFIX = 58;
const MAX_INT32 = 2 ** 31 - 1;

export function isTracked(pod: AnyPod): boolean {
  return pod.metadata?.finalizers?.includes(TRACKING_FINALIZER) ?? false;
}

export function isIndexed(job: AnyJob): boolean {
  return job.spec?.completionMode === "Indexed";
}

export function isSuspended(job: AnyJob): boolean {
  return job.spec?.suspend === true;
}

/** Pods that are being deleted are not replaced before they ended. */
export function replacesOnlyFailed(job: AnyJob): boolean {
  return job.spec?.podReplacementPolicy === "Failed" || job.spec?.podFailurePolicy !== undefined;
}

/** A deleted pod counts as failed at once, for it may never get to say so; unless the Job waits for that. */
export function isFailed(pod: AnyPod, job: AnyJob): boolean {
  if (pod.status?.phase === "Failed") return true;
  return !replacesOnlyFailed(job) && pod.metadata?.deletionTimestamp !== undefined && pod.status?.phase !== "Succeeded";
}

/** The pod's completion index; undefined if it has none, or none that means anything. */
export function indexOf(pod: AnyPod): number | undefined {
  const text = pod.metadata?.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^[+]?\d+$/.test(text) ? Number(text) : undefined;
}

/** The pod's completion index if it is one of the Job's. */
export function validIndexOf(pod: AnyPod, job: AnyJob): number | undefined {
  const index = indexOf(pod);
  return index !== undefined && index < (job.spec?.completions ?? 0) ? index : undefined;
}

function countIn(pod: AnyPod, annotation: string): number {
  const text = pod.metadata?.annotations?.[annotation] ?? "";
  const count = /^[+]?\d+$/.test(text) ? Number(text) : 0;
  return count <= MAX_INT32 ? count : 0;
}

/** Failures of the pod's index before it that count towards the limit. */
export function indexFailures(pod: AnyPod): number {
  return countIn(pod, FAILURE_COUNT);
}

/** All failures of the pod's index before it. */
export function allIndexFailures(pod: AnyPod): number {
  return countIn(pod, FAILURE_COUNT) + countIn(pod, IGNORED_FAILURE_COUNT);
}

/** `pod` (made from the Job's template) as one that the Job tracks. */
export function tracked(pod: Pod): Pod {
  const finalizers = pod.metadata?.finalizers ?? [];
  if (finalizers.includes(TRACKING_FINALIZER)) return pod;
  return { ...pod, metadata: { ...pod.metadata, finalizers: [...finalizers, TRACKING_FINALIZER] } };
}

/** `pod` for one completion index. `replaced` is the index's last failed pod, where failures are counted by index. */
export function forIndex(pod: Pod, job: AnyJob, index: number, replaced: AnyPod | undefined): Pod {
  const { name = "" } = job.metadata ?? {};
  const suffix = `-${index}-`;
  const spec = pod.spec;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: name.slice(0, MAX_PREFIX - suffix.length) + suffix,
      labels: { ...pod.metadata?.labels, [COMPLETION_INDEX]: String(index) },
      annotations: {
        ...pod.metadata?.annotations,
        [COMPLETION_INDEX]: String(index),
        ...(job.spec?.backoffLimitPerIndex === undefined ? {} : failureCounts(job, replaced)),
      },
    },
    ...(spec
      ? {
          spec: {
            ...spec,
            hostname: `${name}-${index}`,
            containers: spec.containers.map(withIndexVariable),
            ...(spec.initContainers ? { initContainers: spec.initContainers.map(withIndexVariable) } : {}),
          },
        }
      : {}),
  };
}

function failureCounts(job: AnyJob, replaced: AnyPod | undefined): Record<string, string> {
  if (!replaced) return { [FAILURE_COUNT]: "0" };
  const counted = isCounted(job.spec, replaced);
  const ignored = countIn(replaced, IGNORED_FAILURE_COUNT) + (counted ? 0 : 1);
  return {
    [FAILURE_COUNT]: String(indexFailures(replaced) + (counted ? 1 : 0)),
    ...(ignored > 0 ? { [IGNORED_FAILURE_COUNT]: String(ignored) } : {}),
  };
}

function withIndexVariable(container: Container): Container {
  if (container.env?.some(({ name }) => name === INDEX_VARIABLE)) return container;
  const variable = { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } } };
  return { ...container, env: [...(container.env ?? []), variable] };
}
