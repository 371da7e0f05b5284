import type { LimitRange, LimitRangeItem } from "#kinds/api/core-v1.gen.ts";
import { checkContainerResourceName, checkResourceName } from "#kinds/core/pod/pod-spec/validate-resources.ts";
import { checkQualifiedName, type Errors } from "#kinds/shared/checks.ts";
import { compare, tryParse } from "#kinds/shared/quantities.ts";
import { isOvercommitAllowed } from "#kinds/shared/resource-names.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Item = DeepReadonly<LimitRangeItem>;
type Amount = string | number;

const TYPES = ["Container", "PersistentVolumeClaim", "Pod"];
const LISTS = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

export function validateLimitRange({ spec }: DeepReadonly<LimitRange>): FieldError[] {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [index, item] of (spec?.limits ?? []).entries()) {
    const path = `spec.limits[${index}]`;
    const type = item.type ?? "";
    const before = errors.length;
    checkQualifiedName(errors, `${path}.type`, type);
    if (errors.length === before && !type.includes("/") && !TYPES.includes(type)) {
      errors.push(field.invalid(`${path}.type`, type, "must be a standard limit type or fully qualified"));
    }
    if (seen.has(type)) errors.push(field.duplicate(`${path}.type`, type));
    seen.add(type);
    validateItem(errors, path, item);
  }
  return errors;
}

function validateItem(errors: Errors, path: string, item: Item): void {
  const isPod = item.type === "Pod";
  const checkName = isPod || item.type === "Container" ? checkContainerResourceName : checkResourceName;
  const lists = LISTS.filter((list) => !(isPod && (list === "default" || list === "defaultRequest")));
  for (const list of lists) for (const name of Object.keys(item[list] ?? {})) checkName(errors, `${path}.${list}[${name}]`, name);
  if (isPod) {
    for (const list of ["default", "defaultRequest"] as const) {
      if (Object.keys(item[list] ?? {}).length > 0) {
        errors.push(field.forbidden(`${path}.${list}`, "may not be specified when `type` is 'Pod'"));
      }
    }
  }
  const names = new Set(lists.flatMap((list) => Object.keys(item[list] ?? {})));
  for (const name of names) validateResource(errors, path, name, item, isPod);
  if (item.type === "PersistentVolumeClaim" && item.min?.["storage"] === undefined && item.max?.["storage"] === undefined) {
    errors.push(field.required(`${path}.limits`, "either minimum or maximum storage value is required, but neither was provided"));
  }
}

function validateResource(errors: Errors, path: string, name: string, item: Item, isPod: boolean): void {
  const [min, max, ratio] = [item.min?.[name], item.max?.[name], item.maxLimitRequestRatio?.[name]];
  const [limit, request] = isPod ? [undefined, undefined] : [item.default?.[name], item.defaultRequest?.[name]];
  const above = (low: Amount | undefined, high: Amount | undefined) => low !== undefined && high !== undefined && compare(low, high) > 0;
  const refuse = (list: string, value: unknown, detail: string) => errors.push(field.invalid(`${path}.${list}[${name}]`, value, detail));
  if (above(min, max)) refuse("min", min, `min value ${min} is greater than max value ${max}`);
  if (above(min, request)) refuse("defaultRequest", request, `min value ${min} is greater than default request value ${request}`);
  if (above(request, max)) refuse("defaultRequest", request, `default request value ${request} is greater than max value ${max}`);
  if (above(request, limit)) {
    refuse("defaultRequest", request, `default request value ${request} is greater than default limit value ${limit}`);
  }
  // Upstream shows the bound that was crossed, not what crosses it.
  if (above(min, limit)) refuse("default", min, `min value ${min} is greater than default value ${limit}`);
  if (above(limit, max)) refuse("default", max, `default value ${limit} is greater than max value ${max}`);
  if (ratio !== undefined && compare(ratio, "1") < 0) refuse("maxLimitRequestRatio", ratio, `ratio ${ratio} is less than 1`);
  if (ratio !== undefined && min !== undefined && max !== undefined) {
    const highest = numberOf(max) / numberOf(min);
    if (numberOf(ratio) > highest) {
      refuse("maxLimitRequestRatio", ratio, `ratio ${ratio} is greater than max/min = ${formatRatio(highest)}`);
    }
  }
  if (!isOvercommitAllowed(name) && limit !== undefined && request !== undefined && compare(limit, request) !== 0) {
    refuse("defaultRequest", request, `default value ${limit} must equal to defaultRequest value ${request} in ${name}`);
  }
}

/** In thousandths, rounded up. */
function numberOf(value: Amount): number {
  const nanos = tryParse(value)?.nanos ?? 0n;
  const millis = nanos / 1_000_000n;
  return Number(nanos % 1_000_000n > 0n ? millis + 1n : millis) / 1000;
}

/** Go's %f. */
function formatRatio(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return value.toFixed(6);
}
