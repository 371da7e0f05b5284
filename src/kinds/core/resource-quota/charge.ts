// What a write costs a quota, and whether the quota still has it. Pure; the words are upstream's.

import type { ResourceQuota } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import type { Quantity } from "#meta/quantity.ts";
import { addTo, amountsOf, growth, listOf, only, sameAmounts, shown, type Amounts } from "./amounts.ts";
import type { Evaluator, QuotaWrite, ScopeRequirement } from "./evaluators/evaluator.ts";

type AnyQuota = DeepReadonly<ResourceQuota>;

export interface Charge {
  /** Why the write is refused; absent: it is not. */
  readonly refusal?: string;
  /** status.used with the write; absent: as it is. */
  readonly used?: Record<string, string>;
}

/** `now`: milliseconds since the epoch. */
export function chargeQuota(quota: AnyQuota, write: QuotaWrite, evaluator: Evaluator, now: number): Charge {
  const { object, oldObject } = write;
  const hard = amountsOf(quota.status?.hard);
  const measured = [...hard.keys()].filter(evaluator.measures).toSorted();
  if (measured.length === 0 || !inScopes(quota, object, evaluator)) return {};
  const name = quota.metadata?.name ?? "";
  const missing = evaluator.missing?.(object, measured);
  if (missing !== undefined) return { refusal: `failed quota: ${name}: ${missing}` };
  const used = amountsOf(quota.status?.used);
  if (measured.some((resource) => !used.has(resource))) {
    return { refusal: `status unknown for quota: ${name}, resources: ${measured.join(",")}` };
  }
  const usage = evaluator.usage(object, now);
  const negative = only(usage, (resource) => (usage.get(resource)?.nanos ?? 0n) < 0n);
  if (negative.size > 0) {
    return { refusal: `quota usage is negative for resource(s): ${[...negative.keys()].toSorted().join(",")}` };
  }
  // What was in no scope of the quota before is all new to it.
  const before: Amounts =
    write.operation === "UPDATE" && oldObject && inScopes(quota, oldObject, evaluator) ? evaluator.usage(oldObject, now) : new Map();
  const requested = only(growth(usage, before), (resource) => hard.has(resource));
  if (requested.size === 0) return {};
  const next = new Map(used);
  addTo(next, requested);
  // A status tells what is so already: there is nothing to refuse.
  if (write.subresource !== "status") {
    const isExceeded = (resource: string) => (next.get(resource)?.nanos ?? 0n) > (hard.get(resource)?.nanos ?? 0n);
    const exceeded = new Set([...requested.keys()].filter(isExceeded));
    if (exceeded.size > 0) {
      const text = (amounts: Amounts) => shown(only(amounts, (resource) => exceeded.has(resource)));
      return { refusal: `exceeded quota: ${name}, requested: ${text(requested)}, used: ${text(used)}, limited: ${text(hard)}` };
    }
  }
  return { used: listOf(next) };
}

function inScopes({ spec }: AnyQuota, object: DeepReadonly<KubeObject>, evaluator: Evaluator): boolean {
  const scopes: ScopeRequirement[] = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
  return scopes.every((scope) => evaluator.inScope?.(object, scope) ?? false);
}

/** What all the objects of a kind use of what a quota limits: an amount for each resource that the kind measures. */
export function usageOf(
  quota: AnyQuota,
  objects: readonly DeepReadonly<KubeObject>[],
  evaluator: Evaluator,
  now: number,
): Map<string, Quantity> {
  const measured = Object.keys(quota.spec?.hard ?? {}).filter(evaluator.measures);
  const total = amountsOf(Object.fromEntries(measured.map((name) => [name, "0"])));
  if (measured.length === 0) return total;
  for (const object of objects) {
    if (inScopes(quota, object, evaluator))
      addTo(
        total,
        only(evaluator.usage(object, now), (name) => total.has(name)),
      );
  }
  return total;
}

/** The status that a quota should have. */
export interface StatusPlan {
  /** Absent: it is as it should be. */
  readonly status?: { readonly hard: Record<string, string | number>; readonly used: Record<string, string> };
  /** Something is to be lowered, which had better wait until the quota has been quiet for a while. */
  readonly waits: boolean;
}

/**
 * Usage that was charged for a write shows in the objects only when the write is done and the caches have it: while a quota is not
 * `quiet`, what it says to be used is raised and never lowered. Resources without an entry in `usage` stay as they are.
 */
export function planStatus(quota: AnyQuota, usage: Amounts, quiet: boolean): StatusPlan {
  const { spec, status } = quota;
  const hard = amountsOf(spec?.hard);
  const present = amountsOf(status?.used);
  const used = only(present, (name) => hard.has(name));
  let waits = false;
  for (const [name, quantity] of usage) {
    const before = present.get(name);
    if (before !== undefined && quantity.nanos < before.nanos && !quiet) waits = true;
    else if (before === undefined || before.nanos !== quantity.nanos) used.set(name, quantity);
  }
  const same = status?.hard !== undefined && status.used !== undefined && sameAmounts(hard, amountsOf(status.hard));
  if (same && sameAmounts(used, present)) return { waits };
  return { status: { hard: { ...spec?.hard }, used: listOf(used) }, waits };
}
