// ResourceQuota: what a write uses is taken in the quotas' status before the object is stored, so that two writes never share what is left for one.

import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import type { ServerExtension } from "#apiserver/extension.ts";
import type { Registry } from "#apiserver/registry.ts";
import { ResourceQuota } from "#kinds/api/core-v1.gen.ts";
import { chargeQuota } from "#kinds/core/resource-quota/charge.ts";
import type { Evaluator, QuotaWrite } from "#kinds/core/resource-quota/evaluators/evaluator.ts";
import { evaluatorOf } from "#kinds/core/resource-quota/evaluators/list.ts";
import type { Clock } from "#lib/clock.ts";
import { isNotFound } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf } from "#meta/object.ts";
import { groupResource, type Resource } from "#meta/resource.ts";
import { refuse } from "./refuse.ts";

/** Of all other kinds only creations cost anything. */
const UPDATED: ReadonlySet<string> = new Set(["pods", "services", "persistentvolumeclaims", "resourceclaims.resource.k8s.io"]);

/** Must be the last extension: who refuses a write after it makes the quota pay for nothing, until the controller counts again. */
export const resourceQuotaExtension: ServerExtension = {
  name: "resource-quota",
  start: (context) => Promise.resolve({ admission: [resourceQuota(context)] }),
};

export function resourceQuota({ registry, clock }: { readonly registry: Registry; readonly clock: Clock }): AdmissionPlugin {
  const quotas = registry.cache(ResourceQuota);
  let isFilled = false;
  void quotas.ready.then(() => (isFilled = true));
  const take = createTill(registry);
  const evaluators = new Map<string, Evaluator>();
  const evaluatorFor = (resource: Resource): Evaluator => {
    const id = groupResource(resource);
    let evaluator = evaluators.get(id);
    if (!evaluator) evaluators.set(id, (evaluator = evaluatorOf(resource)));
    return evaluator;
  };

  const validate = async (attributes: AdmissionAttributes, write: QuotaWrite, evaluator: Evaluator): Promise<void> => {
    if (!isFilled) await quotas.ready;
    const charge = (quota: DeepReadonly<ResourceQuota>) => chargeQuota(quota, write, evaluator, clock.now());
    const charged: Key[] = [];
    // All are asked before any is charged.
    for (const quota of quotas.list(attributes.namespace).toSorted(byName)) {
      const { refusal, used } = charge(quota);
      if (refusal !== undefined && attributes.dryRun) throw refuse(attributes, refusal);
      // The cache may be behind: what it refuses is asked again of the stored quota.
      if (refusal !== undefined || used !== undefined) charged.push(keyOf(quota));
    }
    if (attributes.dryRun) return;
    for (const key of charged) {
      const refusal = await take(key, charge);
      if (refusal !== undefined) throw refuse(attributes, refusal);
    }
  };
  return {
    name: "ResourceQuota",
    handles: (operation, resource, subresource) =>
      resource.namespaced &&
      !(resource.group === "" && resource.plural === "events") &&
      (operation === "CREATE" ? subresource === "" : operation === "UPDATE" && UPDATED.has(groupResource(resource))),
    validate(attributes) {
      const { operation, subresource, object, oldObject, resource, namespace } = attributes;
      if (isFilled && quotas.list(namespace).length === 0) return undefined; // the usual case costs no promise
      if (!object || (operation !== "CREATE" && operation !== "UPDATE")) return undefined;
      const write: QuotaWrite = { operation, subresource, object, oldObject };
      const evaluator = evaluatorFor(resource);
      return evaluator.handles(write) ? validate(attributes, write, evaluator) : undefined;
    },
  };
}

const byName = (a: DeepReadonly<ResourceQuota>, b: DeepReadonly<ResourceQuota>) =>
  (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1;

type ChargeOf = (quota: DeepReadonly<ResourceQuota>) => ReturnType<typeof chargeQuota>;

interface Payment {
  readonly charge: ChargeOf;
  readonly done: PromiseWithResolvers<string | undefined>;
}

/** Charges quotas by compare-and-swap; what comes while one is being written waits and shares the next write. Resolves to a refusal. */
function createTill(registry: Registry): (key: Key, charge: ChargeOf) => Promise<string | undefined> {
  const waiting = new Map<Key, Payment[]>();
  const writeAll = async (key: Key, payments: readonly Payment[]): Promise<void> => {
    const refusals = new Map<Payment, string>();
    try {
      await registry.update(ResourceQuota, key, (quota) => {
        // Called anew when another write came between.
        refusals.clear();
        let isCharged = false;
        for (const payment of payments) {
          const { refusal, used } = payment.charge(quota);
          if (refusal !== undefined) refusals.set(payment, refusal);
          if (used === undefined) continue;
          quota.status = { ...quota.status, used };
          isCharged = true;
        }
        return isCharged;
      });
    } catch (error) {
      // A quota that is gone limits nobody.
      if (!isNotFound(error)) {
        for (const { done } of payments) done.reject(error);
        return;
      }
      refusals.clear();
    }
    for (const payment of payments) payment.done.resolve(refusals.get(payment));
  };
  const run = async (key: Key): Promise<void> => {
    for (let payments = waiting.get(key); payments && payments.length > 0; payments = waiting.get(key)) {
      waiting.set(key, []);
      await writeAll(key, payments);
    }
    waiting.delete(key);
  };
  return (key, charge) => {
    const payment: Payment = { charge, done: Promise.withResolvers() };
    const queue = waiting.get(key);
    if (queue) queue.push(payment);
    else {
      waiting.set(key, [payment]);
      void run(key); // it does not reject
    }
    return payment.done.promise;
  };
}
