// Whether a disruption budget lets one more pod go: pure.

import type { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { getCondition, setCondition } from "#meta/conditions.ts";
import { ApiError, forbidden } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const BUDGETS = { group: "policy", plural: "poddisruptionbudget" };
/** More evictions than this that the controller has not seen yet mean that it is not running. */
const MAX_UNSEEN = 2000;
const REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget.";

/** The 429 of a budget; without `retryAfterSeconds` the client chooses when to come back. */
function refusal(cause: string, retryAfterSeconds?: number): ApiError {
  return new ApiError(429, "TooManyRequests", REFUSAL, {
    causes: [{ reason: "DisruptionBudget", message: cause }],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

export function stillProcessed(budgetName: string): ApiError {
  return refusal(`The disruption budget ${budgetName} is still being processed by the server.`, 10);
}

/** Takes one disruption for the pod from the budget's status, which is changed; throws if there is none left. */
export function spend(budget: PodDisruptionBudget, podName: string, now: string): void {
  const name = budget.metadata?.name ?? "";
  const status = (budget.status ??= { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 });
  if ((status.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) throw stillProcessed(name);
  const allowed = status.disruptionsAllowed ?? 0;
  if (allowed < 0) throw forbidden(BUDGETS, name, "pdb disruptions allowed is negative");
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_UNSEEN) {
    throw forbidden(BUDGETS, name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  }
  if (allowed === 0) throw refusal(whyNone(budget, name));
  status.disruptionsAllowed = allowed - 1;
  if (status.disruptionsAllowed === 0) {
    const { generation } = budget.metadata ?? {};
    status.conditions = setCondition(
      status.conditions,
      {
        type: "DisruptionAllowed",
        status: "False",
        reason: "InsufficientPods",
        message: "",
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        lastTransitionTime: now,
      },
      now,
    );
  }
  status.disruptedPods = { ...status.disruptedPods, [podName]: now };
}

function whyNone(budget: DeepReadonly<PodDisruptionBudget>, name: string): string {
  const { currentHealthy = 0, desiredHealthy = 0, conditions } = budget.status ?? {};
  const condition = getCondition(conditions, "DisruptionAllowed");
  const refused = condition?.status === "False" && condition.message ? condition : undefined;
  if (refused?.reason === "SyncFailed") {
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${refused.message}`;
  }
  if (currentHealthy <= desiredHealthy) {
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  }
  const base = `The disruption budget ${name} does not allow evicting pods currently`;
  return refused ? `${base} (${refused.reason}): ${refused.message}` : base;
}
