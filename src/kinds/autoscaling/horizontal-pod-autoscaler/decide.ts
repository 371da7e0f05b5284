// What an autoscaler does about its target in one run, and how its status says so. Pure: the controller reads and writes.

import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
} from "#kinds/api/autoscaling-v2.gen.ts";
import { clone } from "#lib/clone.ts";
import { setCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";
import { newHistory, type ScalingHistory, withChange } from "./history.ts";
import { limitByRules, limitPlainly, rulesOf } from "./limits.ts";
import type { Verdict } from "./proposals.ts";

type AnyAutoscaler = DeepReadonly<HorizontalPodAutoscaler>;

/** An event to be told of. */
export interface Told {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** The status as a run goes on. Every change makes a new one. */
export interface Standing {
  readonly conditions: readonly HorizontalPodAutoscalerCondition[];
  readonly now: number;
}

export function standingOf({ status }: AnyAutoscaler, now: number): Standing {
  return { conditions: clone(status?.conditions ?? []), now };
}

export function withCondition(
  { conditions, now }: Standing,
  type: string,
  status: "True" | "False",
  reason: string,
  message: string,
): Standing {
  return { conditions: setCondition(conditions, { type, status, reason, message }, formatTime(now)), now };
}

/** What can be said of a target by its size alone. */
export type SizeRule =
  /** Whoever scaled to zero by hand does not want it scaled. */
  | { readonly kind: "disabled" }
  | { readonly kind: "fixed"; readonly replicas: number; readonly because: string }
  | { readonly kind: "measured" };

export function ruleBySize({ spec }: AnyAutoscaler, current: number): SizeRule {
  const { minReplicas = 1, maxReplicas } = spec;
  if (current === 0) return { kind: "disabled" };
  if (current > maxReplicas) return { kind: "fixed", replicas: maxReplicas, because: "Current number of replicas above Spec.MaxReplicas" };
  if (current < minReplicas) return { kind: "fixed", replicas: minReplicas, because: "Current number of replicas below Spec.MinReplicas" };
  return { kind: "measured" };
}

/** What is to be done. */
export interface Decision {
  readonly replicas: number;
  /** As the event has it. */
  readonly because: string;
  readonly standing: Standing;
  readonly history: ScalingHistory;
}

/** Nothing can be done on what the metrics say: how that stands. Undefined: something can. */
export function blind(verdict: Verdict, standing: Standing): Standing | undefined {
  const [first] = verdict.failures;
  if (verdict.replicas !== undefined || first === undefined) return undefined;
  return withCondition(
    standing,
    "ScalingActive",
    "False",
    first.reason,
    `the HPA was unable to compute the replica count: ${first.message}`,
  );
}

/** From what the metrics ask for to the size to set. */
export function decideByMetrics(
  { spec }: AnyAutoscaler,
  current: number,
  verdict: Pick<Verdict, "metric"> & { readonly replicas: number },
  standing: Standing,
  history: ScalingHistory,
): Decision {
  const { metric, replicas: desired } = verdict;
  const { now } = standing;
  const { minReplicas: min = 1, maxReplicas: max, behavior } = spec;
  const because = desired > current ? `${metric} above target` : desired < current ? "All metrics below target" : "";
  const wish = { current, desired, min, max, now };
  const limited = behavior ? limitByRules(wish, rulesOf(behavior), history) : limitPlainly(wish, history);
  const { ability, limit } = limited;
  const found = `the HPA was able to successfully calculate a replica count from ${metric}`;
  let next = withCondition(standing, "ScalingActive", "True", "ValidMetricFound", found);
  next = withCondition(next, "AbleToScale", "True", ability.reason, ability.message);
  next = withCondition(next, "ScalingLimited", limit.limited ? "True" : "False", limit.reason, limit.message);
  return { replicas: limited.replicas, because, standing: next, history: limited.history };
}

/** After the target was set to another size. */
export function rescaled(
  { spec }: AnyAutoscaler,
  from: number,
  { replicas, standing, history }: Decision,
): Pick<Decision, "standing" | "history"> {
  const message = `the HPA controller was able to update the target scale to ${replicas}`;
  return {
    standing: withCondition(standing, "AbleToScale", "True", "SucceededRescale", message),
    history: spec.behavior ? withChange(history, from, replicas, rulesOf(spec.behavior), standing.now) : history,
  };
}

/** The memory of a target seen for the first time. */
export function historyOf(known: ScalingHistory | undefined, current: number, now: number): ScalingHistory {
  return known ?? newHistory(current, now);
}

export function statusWith(
  { status }: AnyAutoscaler,
  { conditions, now }: Standing,
  sizes: { readonly current: number; readonly desired: number; readonly metrics: readonly MetricStatus[]; readonly rescaled: boolean },
): HorizontalPodAutoscalerStatus {
  const lastScaleTime = sizes.rescaled ? formatTime(now) : status?.lastScaleTime;
  return {
    ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
    currentReplicas: sizes.current,
    desiredReplicas: sizes.desired,
    currentMetrics: [...sizes.metrics],
    conditions: [...conditions],
  };
}

/** The status without a word on sizes: the target itself could not be had. */
export function statusOnly({ status }: AnyAutoscaler, { conditions }: Standing): HorizontalPodAutoscalerStatus {
  return { desiredReplicas: 0, ...clone(status ?? {}), conditions: [...conditions] };
}
