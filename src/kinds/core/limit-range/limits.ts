// What LimitRanges make of pods and claims: defaults for containers, and refusals in upstream's words. Pure.

import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { aggregateResources } from "#kinds/core/pod/pod-spec/aggregate.ts";
import { canonical, compare, type Amount } from "#kinds/shared/quantities.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { milliValue, quantityValue } from "#meta/quantity.ts";

type Range = DeepReadonly<LimitRange>;
type Amounts = Readonly<Record<string, Amount>>;

const ANNOTATION = "kubernetes.io/limit-ranger";
/** Above this, upstream compares ratios in whole units. */
const MAX_MILLIS = Number.MAX_SAFE_INTEGER;

/** Fills in what containers do not say, and notes on the pod what was filled in. */
export function applyDefaults(range: Range, pod: Pod): void {
  const limits: Record<string, Amount> = {};
  const requests: Record<string, Amount> = {};
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== "Container") continue;
    Object.assign(requests, item.defaultRequest);
    Object.assign(limits, item.default);
  }
  const notes: string[] = [];
  const fill = (container: Container, label: string) => {
    const resources = (container.resources ??= {});
    const fillList = (what: "requests" | "limits", defaults: Amounts, noun: string) => {
      const missing = Object.keys(defaults).filter((name) => resources[what]?.[name] === undefined);
      if (missing.length === 0) return;
      const list: Record<string, Amount> = (resources[what] ??= {});
      for (const name of missing) list[name] = defaults[name] ?? "0";
      notes.push(`${missing.toSorted().join(", ")} ${noun} for ${label} ${container.name}`);
    };
    fillList("requests", requests, "request");
    fillList("limits", limits, "limit");
  };
  for (const container of pod.spec?.containers ?? []) fill(container, "container");
  for (const container of pod.spec?.initContainers ?? []) fill(container, "init container");
  if (notes.length === 0) return;
  ((pod.metadata ??= {}).annotations ??= {})[ANNOTATION] = `LimitRanger plugin set: ${notes.join("; ")}`;
}

interface Sizes {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/** What the pod breaks; empty if nothing. */
export function podBreaches(range: Range, { spec }: DeepReadonly<Pod>): string[] {
  const breaches: string[] = [];
  for (const item of range.spec?.limits ?? []) {
    if (item.type === "Container") {
      for (const { resources } of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
        breaches.push(...itemBreaches(item, { requests: resources?.requests ?? {}, limits: resources?.limits ?? {} }));
      }
    } else if (item.type === "Pod" && spec) {
      const total = (what: keyof Sizes) => ({ ...aggregateResources(spec, what), ...podLevel(spec.resources?.[what]) });
      breaches.push(...itemBreaches(item, { requests: total("requests"), limits: total("limits") }));
    }
  }
  return breaches;
}

/** What the claim breaks; empty if nothing. */
export function claimBreaches(range: Range, { spec }: DeepReadonly<PersistentVolumeClaim>): string[] {
  const requests = spec?.resources?.requests ?? {};
  return (range.spec?.limits ?? [])
    .filter(({ type }) => type === "PersistentVolumeClaim")
    .flatMap(({ type, min, max }) => [
      ...each(min, (name, enforced) => belowMinimum(type, name, enforced, { requests, limits: {} })),
      ...each(max, (name, enforced) => {
        const request = requests[name];
        const rule = `maximum ${name} usage per ${type} is ${canonical(enforced)}`;
        if (request === undefined) return `${rule}.  No request is specified`;
        return compare(request, enforced) > 0 ? `${rule}, but request is ${canonical(request)}` : undefined;
      }),
    ]);
}

/** Of what a pod says for itself, upstream looks here at cpu and memory alone. */
function podLevel(amounts: Amounts | undefined): Record<string, Amount> {
  return Object.fromEntries(Object.entries(amounts ?? {}).filter(([name]) => name === "cpu" || name === "memory"));
}

function itemBreaches({ type, min, max, maxLimitRequestRatio }: DeepReadonly<LimitRangeItem>, sizes: Sizes): string[] {
  return [
    ...each(min, (name, enforced) => belowMinimum(type, name, enforced, sizes)),
    ...each(max, (name, enforced) => aboveMaximum(type, name, enforced, sizes)),
    ...each(maxLimitRequestRatio, (name, enforced) => aboveRatio(type, name, enforced, sizes)),
  ];
}

function each(amounts: Amounts | undefined, check: (name: string, enforced: Amount) => string | undefined): string[] {
  return Object.entries(amounts ?? {}).flatMap(([name, enforced]) => check(name, enforced) ?? []);
}

function belowMinimum(type: string, name: string, enforced: Amount, { requests, limits }: Sizes): string | undefined {
  const [request, limit] = [requests[name], limits[name]];
  const rule = `minimum ${name} usage per ${type} is ${canonical(enforced)}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  if (compare(request, enforced) < 0) return `${rule}, but request is ${canonical(request)}`;
  if (limit !== undefined && compare(limit, enforced) < 0) return `${rule}, but limit is ${canonical(limit)}`;
  return undefined;
}

function aboveMaximum(type: string, name: string, enforced: Amount, { requests, limits }: Sizes): string | undefined {
  const [request, limit] = [requests[name], limits[name]];
  const rule = `maximum ${name} usage per ${type} is ${canonical(enforced)}`;
  if (limit === undefined) return `${rule}.  No limit is specified`;
  if (compare(limit, enforced) > 0) return `${rule}, but limit is ${canonical(limit)}`;
  if (request !== undefined && compare(request, enforced) > 0) return `${rule}, but request is ${canonical(request)}`;
  return undefined;
}

function aboveRatio(type: string, name: string, enforced: Amount, { requests, limits }: Sizes): string | undefined {
  const [request, limit] = [requests[name], limits[name]];
  const rule = `${name} max limit to request ratio per ${type} is ${canonical(enforced)}`;
  if (request === undefined || compare(request, "0") === 0) return `${rule}, but no request is specified or request is 0`;
  if (limit === undefined || compare(limit, "0") === 0) return `${rule}, but no limit is specified or limit is 0`;
  const millis = [request, limit, enforced].map(milliValue);
  const ratio = Math.max(...millis) <= MAX_MILLIS ? milliValue(limit) / milliValue(request) : quantityValue(limit) / quantityValue(request);
  return ratio * 1000 > milliValue(enforced) ? `${rule}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
