// What an autoscaler remembers from one run to the next: which sizes were recommended, and how the size was changed. Pure.

import type { HPAScalingRules } from "#kinds/api/autoscaling-v2.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** All times are ms since the epoch. */
export interface ScalingHistory {
  /** Before they were stabilized. */
  readonly recommendations: readonly { readonly replicas: number; readonly at: number }[];
  /** Changes that were made, as amounts. Kept only while behaviors are set. */
  readonly ups: readonly ScaleChange[];
  readonly downs: readonly ScaleChange[];
}

export interface ScaleChange {
  readonly change: number;
  readonly at: number;
}

/** The size found at first counts as recommended, so that a controller that starts anew shrinks nothing at once. */
export function newHistory(replicas: number, now: number): ScalingHistory {
  return { recommendations: [{ replicas, at: now }], ups: [], downs: [] };
}

/** With a new recommendation, and without those before `keepFrom`. */
export function withRecommendation(history: ScalingHistory, replicas: number, now: number, keepFrom: number): ScalingHistory {
  const kept = history.recommendations.filter(({ at }) => at >= keepFrom);
  return { ...history, recommendations: [...kept, { replicas, at: now }] };
}

/** With a change of size that was made; changes that no policy looks at any more are forgotten. */
export function withChange(
  history: ScalingHistory,
  from: number,
  to: number,
  rules: { readonly up: DeepReadonly<HPAScalingRules>; readonly down: DeepReadonly<HPAScalingRules> },
  now: number,
): ScalingHistory {
  const added = (changes: readonly ScaleChange[], { policies = [] }: DeepReadonly<HPAScalingRules>): ScaleChange[] => {
    const keepFrom = now - 1000 * Math.max(0, ...policies.map(({ periodSeconds }) => periodSeconds));
    return [...changes.filter(({ at }) => at >= keepFrom), { change: Math.abs(to - from), at: now }];
  };
  return to > from ? { ...history, ups: added(history.ups, rules.up) } : { ...history, downs: added(history.downs, rules.down) };
}

/** The sum of the changes of the last `periodSeconds`. */
export function changedWithin(changes: readonly ScaleChange[], periodSeconds: number, now: number): number {
  const cutoff = now - periodSeconds * 1000;
  let sum = 0;
  for (const { change, at } of changes) if (at > cutoff) sum += change;
  return sum;
}
