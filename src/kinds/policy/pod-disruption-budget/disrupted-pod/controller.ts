// What the disruption controller does with single pods: takes back a disruption that was announced and never came, and
// tells of a pod that several budgets claim. Beside the budgets' own loop, as its keys are pods.

import { Pod, type PodCondition } from "#kinds/api/core-v1.gen.ts";
import { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { getCondition, setCondition } from "#meta/conditions.ts";
import { isNotFound } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { formatTime } from "#meta/time.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";

const TARGET = "DisruptionTarget";
/** How long a pod may be announced to go without being deleted. */
const STALE_MS = 2 * 60_000;

export const disruptedPodController: ControllerDefinition = {
  name: "disrupted-pod-controller",
  account: "disruption-controller",
  eventSource: "controllermanager",
  for: Pod,
  // `for` hands out pods and nothing else.
  concerns: (object: DeepReadonly<Pod>, cache) => {
    if (getCondition(object.status?.conditions, TARGET)) return true;
    const budgets = cache(PodDisruptionBudget).list({ namespace: object.metadata?.namespace ?? "" });
    return budgets.length > 1 && budgetsOf(object, budgets).length > 1;
  },
  reads: [PodDisruptionBudget],
  async reconcile(key, { cache, client, clock, events, signal }) {
    const pod = cache(Pod).get(key);
    if (!pod) return;
    const { namespace = "", name = "" } = pod.metadata ?? {};
    const budgets = budgetsOf(pod, cache(PodDisruptionBudget).list({ namespace }));
    if (budgets.length > 1) {
      const message = `Pod "${namespace}"/"${name}" matches multiple PodDisruptionBudgets.  Chose "${budgets[0]?.metadata?.name}" arbitrarily.`;
      events.event({ resource: Pod, object: pod }, "Warning", "MultiplePodDisruptionBudgets", message);
    }
    const waitMs = staleInMs(pod, clock.now());
    if (waitMs === undefined) return;
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    // Without reason and message, which told why it should have gone.
    const generation = pod.metadata?.generation;
    const withdrawn = { type: TARGET, status: "False", ...(generation === undefined ? {} : { observedGeneration: generation }) };
    const conditions = setCondition<DeepReadonly<PodCondition>>(pod.status?.conditions, withdrawn, formatTime(clock.now()));
    try {
      await client.updateStatus(Pod, { ...pod, status: { ...pod.status, conditions } } as Pod, { signal }); // only conditions are new: nothing shared is changed
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  },
};

function budgetsOf({ metadata }: DeepReadonly<Pod>, budgets: readonly DeepReadonly<PodDisruptionBudget>[]) {
  return budgets.filter(({ spec }) => labelSelectorMatcher(spec?.selector).matches(metadata?.labels));
}

/** When the announcement that the pod goes is stale, 0 if it is; undefined: there is none, or it holds. Pure. */
export function staleInMs(pod: DeepReadonly<Pod>, nowMs: number): number | undefined {
  const condition = getCondition(pod.status?.conditions, TARGET);
  // What the node agent announces may take any time to come true.
  if (condition?.status !== "True" || condition.reason === "TerminationByKubelet") return undefined;
  if (pod.metadata?.deletionTimestamp !== undefined || isTerminal(pod)) return undefined;
  return Math.max(0, (Date.parse(condition.lastTransitionTime ?? "") || 0) + STALE_MS - nowMs);
}
