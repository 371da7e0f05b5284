// From the size that metrics ask for to the size that may be set now: stabilization, rates, bounds. Pure.

import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from "#kinds/api/autoscaling-v2.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { changedWithin, type ScalingHistory, withRecommendation } from "./history.ts";
import { defaultBehavior } from "./metrics.ts";

/** Upstream's default of --horizontal-pod-autoscaler-downscale-stabilization. */
const DOWNSCALE_STABILIZATION_SECONDS = 300;
/** How fast one grows who set no behavior: to twice the size, or to four. */
const SCALE_UP_FACTOR = 2;
const SCALE_UP_MINIMUM = 4;

export interface Wish {
  readonly current: number;
  /** What metrics ask for. */
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly now: number;
}

/** With the reasons and messages of the conditions AbleToScale and ScalingLimited. */
export interface Limited {
  readonly replicas: number;
  readonly history: ScalingHistory;
  readonly ability: Because;
  readonly limit: Because & { readonly limited: boolean };
}

interface Because {
  readonly reason: string;
  readonly message: string;
}

export interface Rules {
  readonly up: DeepReadonly<HPAScalingRules>;
  readonly down: DeepReadonly<HPAScalingRules>;
}

const READY: Because = { reason: "ReadyForNewScale", message: "recommended size matches current size" };
const IN_RANGE: Because = { reason: "DesiredWithinRange", message: "the desired count is within the acceptable range" };
const DOWN_STABILIZED: Because = {
  reason: "ScaleDownStabilized",
  message: "recent recommendations were higher than current one, applying the highest recent recommendation",
};
const UP_STABILIZED: Because = {
  reason: "ScaleUpStabilized",
  message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
};
const TOO_MANY: Because = { reason: "TooManyReplicas", message: "the desired replica count is more than the maximum replica count" };
const TOO_FEW: Because = { reason: "TooFewReplicas", message: "the desired replica count is less than the minimum replica count" };
const TOO_FAST_UP: Because = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
};
const TOO_FAST_DOWN: Because = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
};

/** The rules in force, all defaults set. */
export function rulesOf(behavior: DeepReadonly<HorizontalPodAutoscalerBehavior>): Rules {
  const { scaleUp, scaleDown } = behavior;
  const whole = { ...(scaleUp ? { scaleUp } : {}), ...(scaleDown ? { scaleDown } : {}) } as HorizontalPodAutoscalerBehavior; // its rules are replaced, not changed
  defaultBehavior(whole);
  return { up: whole.scaleUp ?? {}, down: { stabilizationWindowSeconds: DOWNSCALE_STABILIZATION_SECONDS, ...whole.scaleDown } };
}

/** For autoscalers without a behavior. */
export function limitPlainly(wish: Wish, history: ScalingHistory): Limited {
  const { desired, now } = wish;
  const cutoff = now - DOWNSCALE_STABILIZATION_SECONDS * 1000;
  let stable = desired;
  for (const { replicas, at } of history.recommendations) if (at >= cutoff) stable = Math.max(stable, replicas);
  const { replicas, because } = boundPlainly({ ...wish, desired: stable });
  return {
    replicas,
    history: withRecommendation(history, desired, now, cutoff),
    ability: stable === desired ? READY : DOWN_STABILIZED,
    limit: { ...because, limited: replicas !== stable },
  };
}

export function boundPlainly({ current, desired, min, max }: Wish): { readonly replicas: number; readonly because: Because } {
  const rate = Math.max(SCALE_UP_FACTOR * current, SCALE_UP_MINIMUM);
  if (desired < min) return { replicas: min, because: TOO_FEW };
  const allowed = Math.min(max, rate);
  if (desired > allowed) return { replicas: allowed, because: max > rate ? TOO_FAST_UP : TOO_MANY };
  return { replicas: desired, because: IN_RANGE };
}

/** For autoscalers with a behavior. */
export function limitByRules(wish: Wish, rules: Rules, history: ScalingHistory): Limited {
  const { current, desired, now } = wish;
  const upCutoff = now - (rules.up.stabilizationWindowSeconds ?? 0) * 1000;
  const downCutoff = now - (rules.down.stabilizationWindowSeconds ?? 0) * 1000;
  let lowest = desired;
  let highest = desired;
  for (const { replicas, at } of history.recommendations) {
    if (at > upCutoff) lowest = Math.min(lowest, replicas);
    if (at > downCutoff) highest = Math.max(highest, replicas);
  }
  const stable = Math.min(Math.max(current, lowest), highest);
  const { replicas, because } = boundByRules({ ...wish, desired: stable }, rules, history);
  return {
    replicas,
    history: withRecommendation(history, desired, now, Math.min(upCutoff, downCutoff)),
    ability: stable === desired ? READY : desired >= current ? UP_STABILIZED : DOWN_STABILIZED,
    limit: { ...because, limited: replicas !== stable },
  };
}

export function boundByRules(
  { current, desired, min, max, now }: Wish,
  rules: Rules,
  history: ScalingHistory,
): { readonly replicas: number; readonly because: Because } {
  if (desired > current) {
    const rate = Math.max(current, rateLimit(current, rules.up, history, now, "up"));
    const allowed = Math.min(max, rate);
    if (desired > allowed) return { replicas: allowed, because: max > rate ? TOO_FAST_UP : TOO_MANY };
  } else if (desired < current) {
    const rate = Math.min(current, rateLimit(current, rules.down, history, now, "down"));
    const allowed = Math.max(min, rate);
    if (desired < allowed) return { replicas: allowed, because: min < rate ? TOO_FAST_DOWN : TOO_FEW };
  }
  return { replicas: desired, because: IN_RANGE };
}

/** The farthest size that the policies let one go to in that direction. */
export function rateLimit(
  current: number,
  { selectPolicy, policies = [] }: DeepReadonly<HPAScalingRules>,
  { ups, downs }: Pick<ScalingHistory, "ups" | "downs">,
  now: number,
  direction: "up" | "down",
): number {
  if (selectPolicy === "Disabled") return current;
  const sign = direction === "up" ? 1 : -1;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = current - changedWithin(ups, periodSeconds, now) + changedWithin(downs, periodSeconds, now);
    if (type === "Pods") return start + sign * value;
    const scaled = start * (1 + (sign * value) / 100);
    // Rounded towards more pods up, or a small size would never grow; towards fewer down, or it would never shrink.
    return direction === "up" ? Math.ceil(scaled) : Math.trunc(scaled);
  });
  const farthest = (selectPolicy === "Min") === (direction === "down");
  return farthest ? Math.max(...limits) : Math.min(...limits);
}
