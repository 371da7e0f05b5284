// What a Job's policies say of its pods: which failures count, and which successes are enough. Pure.
// Rules: pkg/controller/job/{pod_failure_policy,success_policy}.go.

import type { JobSpec, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern } from "#kinds/api/batch-v1.gen.ts";
import type { ContainerStatus, Pod, PodCondition, PodStatus } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { type Intervals, overlap, parseIntervals, sizeOf } from "./intervals.ts";

type Read<T> = DeepReadonly<T>;

export interface Judgement {
  /** The matching rule's action; undefined: no rule matches. */
  readonly action: string | undefined;
  /** Why the whole Job fails, if it does. */
  readonly failJob?: string;
}

/** What the first rule that matches makes of a failed pod. */
export function judgeFailure(spec: Read<JobSpec> | undefined, pod: Read<Pod>): Judgement {
  const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
  for (const [index, rule] of (spec?.podFailurePolicy?.rules ?? []).entries()) {
    const { action, onExitCodes, onPodConditions } = rule;
    const told = `matching ${action} rule at index ${index}`;
    if (onExitCodes) {
      const container = failedContainer(pod.status, onExitCodes);
      if (!container) continue;
      if (action !== "FailJob") return { action };
      const code = container.state?.terminated?.exitCode;
      return { action, failJob: `Container ${container.name} for pod ${name} failed with exit code ${code} ${told}` };
    }
    const condition = matchingCondition(pod.status?.conditions ?? [], onPodConditions ?? []);
    if (!condition) continue;
    if (action !== "FailJob") return { action };
    return { action, failJob: `Pod ${name} has condition ${condition.type} ${told}` };
  }
  return { action: undefined };
}

/** Whether a failed pod counts towards the Job's limits. */
export function isCounted(spec: Read<JobSpec> | undefined, pod: Read<Pod>): boolean {
  return judgeFailure(spec, pod).action !== "Ignore";
}

function failedContainer(
  status: Read<PodStatus> | undefined,
  { containerName, operator, values }: Read<PodFailurePolicyOnExitCodesRequirement>,
): Read<ContainerStatus> | undefined {
  return [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(({ name, state }) => {
    const code = state?.terminated?.exitCode ?? 0;
    if (code === 0 || (containerName !== undefined && containerName !== name)) return false;
    return (operator === "In" && values.includes(code)) || (operator === "NotIn" && !values.includes(code));
  });
}

function matchingCondition(
  conditions: readonly Read<PodCondition>[],
  patterns: readonly Read<PodFailurePolicyOnPodConditionsPattern>[],
): Read<PodCondition> | undefined {
  return conditions.find((condition) => patterns.some(({ type, status }) => type === condition.type && status === condition.status));
}

/** Which rule of the success policy is met, in upstream's words. */
export function metSuccessRule(spec: Read<JobSpec> | undefined, succeeded: Intervals): string | undefined {
  if (succeeded.length === 0) return undefined;
  const rules = spec?.successPolicy?.rules ?? [];
  const index = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && sizeOf(succeeded) >= succeededCount;
    const wanted = parseIntervals(succeededIndexes, spec?.completions ?? 0);
    if (wanted.length === 0) return false;
    const met = overlap(wanted, succeeded);
    return met === sizeOf(wanted) || (succeededCount !== undefined && met >= succeededCount);
  });
  return index < 0 ? undefined : `Matched rules at index ${index}`;
}
