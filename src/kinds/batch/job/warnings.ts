// Warnings for Jobs and for what makes Jobs.

import type { Job, JobSpec } from "#kinds/api/batch-v1.gen.ts";
import { podTemplateWarnings } from "#kinds/core/pod/pod-spec/warnings.ts";
import { nameWarnings } from "#kinds/core/pod/name-warnings.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MANY_COMPLETIONS = 100_000;
const MANY_PODS = 10_000;

export function jobWarnings(next: DeepReadonly<Job>, previous: DeepReadonly<Job> | undefined): string[] {
  if (previous && next.metadata?.generation === previous.metadata?.generation) return [];
  return [...(previous ? [] : nameWarnings(next.metadata?.name)), ...jobSpecWarnings("spec", next.spec)];
}

export function jobSpecWarnings(path: string, spec: DeepReadonly<JobSpec> | undefined): string[] {
  const { completionMode, completions = 0, parallelism = 0, template } = spec ?? {};
  const warnings: string[] = [];
  if (completionMode === "Indexed" && completions > MANY_COMPLETIONS && parallelism > MANY_PODS) {
    warnings.push(
      `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
    );
  }
  return [...warnings, ...podTemplateWarnings(`${path}.template`, template)];
}
