// pods/eviction: deletes a pod if its disruption budget allows. The budget is spent in its status by compare and swap, so
// that two evictions at once never take the same disruption.

import type { ExtensionCall, ExtensionResult, ServerExtension } from "#apiserver/extension.ts";
import type { Registry } from "#apiserver/registry.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { PodDisruptionBudget, type Eviction } from "#kinds/api/policy-v1.gen.ts";
import { failureStatus, successStatus } from "#kinds/shared/status.ts";
import type { Clock } from "#lib/clock.ts";
import { isConditionTrue, setCondition } from "#meta/conditions.ts";
import { ApiError, badRequest, conflict, field, invalid, isConflict, notFound } from "#meta/errors.ts";
import { makeKey, type DeepReadonly } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { formatTime } from "#meta/time.ts";
import { spend, stillProcessed } from "./budget.ts";

const PODS = { group: "", plural: "pods" };
/** How often a conflict is tried anew before the client is told to come back. */
const MAX_ATTEMPTS = 20;

const CLUSTER_BREAKING = "deleteOptions.ignoreStoreReadErrorWithClusterBreakingPotential";
const CLUSTER_BREAKING_REFUSED = "can not be set for pod eviction, try after removing the option";

interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

interface Means {
  readonly registry: Registry;
  readonly clock: Clock;
}

async function evict({ registry, clock }: Means, call: ExtensionCall): Promise<ExtensionResult> {
  const eviction = (await call.body()) as Eviction; // checked below
  const { name, namespace } = call.info;
  if ((eviction.metadata?.name ?? "") !== name) throw badRequest("name in URL does not match name in Eviction object");
  const options = eviction.deleteOptions ?? {};
  if (options.ignoreStoreReadErrorWithClusterBreakingPotential) {
    throw invalid({ group: "policy", kind: "Eviction" }, name, [field.invalid(CLUSTER_BREAKING, true, CLUSTER_BREAKING_REFUSED)]);
  }
  const runs = options.dryRun ?? [];
  if (call.dryRun && runs.length > 0 && (runs.length !== 1 || runs[0] !== "All")) {
    throw new ApiError(500, "", `Non-matching dry-run options in request and content: [All] and [${runs.join(" ")}]`);
  }
  await call.admit("CREATE", eviction);
  const dryRun = call.dryRun || runs.length > 0;
  const given: Preconditions = options.preconditions ?? {};
  const key = makeKey(namespace, name);
  const done: ExtensionResult = { object: successStatus(), code: 201 };
  const remove = (preconditions: Preconditions) =>
    markAndDelete({ registry, clock }, key, name, preconditions, options.gracePeriodSeconds, dryRun);

  let pod = await existing(registry, key, name);
  for (let attempt = 1; isFree(pod); attempt++) {
    // Nothing that a budget protects; a pod that may start to run in between must not go unseen.
    const enforced = pod.status?.phase === "Pending" && !pod.metadata?.deletionTimestamp;
    const version = given.resourceVersion ?? (enforced ? pod.metadata?.resourceVersion : undefined);
    try {
      await remove({ ...given, ...(version === undefined ? {} : { resourceVersion: version }) });
      return done;
    } catch (error) {
      if (!isConflict(error) || given.resourceVersion !== undefined || attempt >= MAX_ATTEMPTS) throw error;
      pod = await existing(registry, key, name);
    }
  }

  const budgets = (await registry.list(PodDisruptionBudget, namespace)).filter((budget) => selects(budget, pod));
  if (budgets.length > 1) {
    const message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    return { object: failureStatus(500, message), code: 500 };
  }
  const budget = budgets[0];
  const budgetName = budget?.metadata?.name ?? "";
  let unchanged: Preconditions = {};
  if (budget) {
    if (isUnhealthyFree(budget, pod)) unchanged = pod.metadata?.resourceVersion ? { resourceVersion: pod.metadata.resourceVersion } : {};
    else {
      const now = formatTime(clock.now());
      const take = (current: PodDisruptionBudget) => spend(current, name, now);
      // Reads anew and takes anew when another write came between.
      await registry.update(PodDisruptionBudget, makeKey(namespace, budgetName), take, { subresource: "status", dryRun });
    }
  }
  try {
    await remove({ ...unchanged, ...given });
  } catch (error) {
    if (isConflict(error) && unchanged.resourceVersion !== undefined && given.resourceVersion === undefined)
      throw stillProcessed(budgetName);
    throw error;
  }
  return done;
}

async function existing(registry: Registry, key: string, name: string): Promise<Pod> {
  const pod = await registry.get(Pod, key);
  if (!pod) throw notFound(PODS, name);
  return pod;
}

/** Pods that run nothing are not protected. */
function isFree({ metadata, status }: DeepReadonly<Pod>): boolean {
  return (
    status?.phase === "Succeeded" || status?.phase === "Failed" || status?.phase === "Pending" || metadata?.deletionTimestamp !== undefined
  );
}

/** A pod that is not ready may go if that costs the application nothing, or if the budget says so. */
function isUnhealthyFree({ spec, status }: DeepReadonly<PodDisruptionBudget>, pod: DeepReadonly<Pod>): boolean {
  if (isConditionTrue(pod.status?.conditions, "Ready")) return false;
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

function selects(budget: DeepReadonly<PodDisruptionBudget>, pod: DeepReadonly<Pod>): boolean {
  try {
    return labelSelectorMatcher(budget.spec?.selector).matches(pod.metadata?.labels ?? {});
  } catch {
    // A budget with a malformed selector protects nothing.
    return false;
  }
}

/** Says on the pod why it goes, then deletes it. */
async function markAndDelete(
  { registry, clock }: Means,
  key: string,
  name: string,
  preconditions: Preconditions,
  gracePeriodSeconds: number | undefined,
  dryRun: boolean,
): Promise<void> {
  const { uid, resourceVersion } = preconditions;
  const check = (pod: DeepReadonly<Pod>) => {
    const { uid: actualUid = "", resourceVersion: actualVersion = "" } = pod.metadata ?? {};
    if (uid && uid !== actualUid) {
      const cause = `the UID in the precondition (${uid}) does not match the UID in record (${actualUid}). The object might have been deleted and then recreated`;
      throw conflict(PODS, name, cause);
    }
    if (resourceVersion && resourceVersion !== actualVersion) {
      const cause = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${actualVersion}). The object might have been modified`;
      throw conflict(PODS, name, cause);
    }
  };
  if (dryRun) {
    check(await existing(registry, key, name));
    return;
  }
  const marked = await registry.update(
    Pod,
    key,
    (pod) => {
      check(pod);
      pod.status = {
        ...pod.status,
        conditions: setCondition(
          pod.status?.conditions,
          { type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI", message: "Eviction API: evicting" },
          formatTime(clock.now()),
        ),
      };
    },
    { subresource: "status" },
  );
  const version = resourceVersion === undefined ? undefined : marked.metadata?.resourceVersion;
  await registry.delete(Pod, key, {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(uid === undefined ? {} : { uid }),
    ...(version === undefined ? {} : { resourceVersion: version }),
  });
}

export function evictionExtension(): ServerExtension {
  return {
    name: "pod-eviction",
    async start(means) {
      const handle = async (call: ExtensionCall): Promise<ExtensionResult> => {
        if (call.request.method !== "POST") {
          throw new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
        }
        return evict(means, call);
      };
      return { handlers: [{ resource: Pod, subresource: "eviction", acceptedVersions: ["policy/v1beta1"], handle }] };
    },
  };
}
