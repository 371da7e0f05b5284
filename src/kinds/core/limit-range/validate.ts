import type { LimitRange, LimitRangeItem } from "#kinds/api/core-v1.gen.ts";
import { checkContainerResourceName, checkResourceName } from "#kinds/core/pod/pod-spec/validate-resources.ts";
import { checkQualifiedName, type Errors } from "#kinds/shared/checks.ts";
import { compare } from "#kinds/shared/quantities.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const TYPES = ["Container", "PersistentVolumeClaim", "Pod"];
const LISTS = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

export function validateLimitRange({ spec }: DeepReadonly<LimitRange>): FieldError[] {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [index, item] of (spec?.limits ?? []).entries()) {
    const path = `spec.limits[${index}]`;
    if (!item.type.includes("/") && !TYPES.includes(item.type)) {
      errors.push(field.invalid(`${path}.type`, item.type, "must be a standard limit type or fully qualified"));
    } else checkQualifiedName(errors, `${path}.type`, item.type);
    if (seen.has(item.type)) errors.push(field.duplicate(`${path}.type`, item.type));
    seen.add(item.type);
    validateItem(errors, path, item);
  }
  return errors;
}

function validateItem(errors: Errors, path: string, item: DeepReadonly<LimitRangeItem>): void {
  const checkName = item.type === "Pod" || item.type === "Container" ? checkContainerResourceName : checkResourceName;
  for (const list of LISTS) for (const name of Object.keys(item[list] ?? {})) checkName(errors, `${path}.${list}[${name}]`, name);
  if (item.type === "Pod") {
    if (Object.keys(item.default ?? {}).length > 0)
      errors.push(field.forbidden(`${path}.default`, "may not be specified when `type` is 'Pod'"));
    if (Object.keys(item.defaultRequest ?? {}).length > 0) {
      errors.push(field.forbidden(`${path}.defaultRequest`, "may not be specified when `type` is 'Pod'"));
    }
  }
  const names = new Set(LISTS.flatMap((list) => Object.keys(item[list] ?? {})));
  for (const name of names) {
    const { min, max, default: limit, defaultRequest: request, maxLimitRequestRatio: ratio } = item;
    const above = (
      low: Readonly<Record<string, string | number>> | undefined,
      high: Readonly<Record<string, string | number>> | undefined,
    ) => low?.[name] !== undefined && high?.[name] !== undefined && compare(low[name], high[name]) > 0;
    const refuse = (list: string, value: unknown, what: string, other: unknown) =>
      errors.push(field.invalid(`${path}.${list}[${name}]`, value, `${what} ${other}`));
    if (above(min, max)) refuse("min", min?.[name], `min value ${min?.[name]} is greater than max value`, max?.[name]);
    if (above(min, request))
      refuse("defaultRequest", request?.[name], `min value ${min?.[name]} is greater than default request value`, request?.[name]);
    if (above(request, max))
      refuse("defaultRequest", request?.[name], `default request value ${request?.[name]} is greater than max value`, max?.[name]);
    if (above(request, limit))
      refuse(
        "defaultRequest",
        request?.[name],
        `default request value ${request?.[name]} is greater than default limit value`,
        limit?.[name],
      );
    if (above(min, limit)) refuse("default", min?.[name], `min value ${min?.[name]} is greater than default value`, limit?.[name]);
    if (above(limit, max)) refuse("default", max?.[name], `default value ${limit?.[name]} is greater than max value`, max?.[name]);
    if (ratio?.[name] !== undefined && compare(ratio[name], "1") < 0) {
      errors.push(field.invalid(`${path}.maxLimitRequestRatio[${name}]`, ratio[name], `ratio ${ratio[name]} is less than 1`));
    }
  }
  if (item.type === "PersistentVolumeClaim" && item.min?.["storage"] === undefined && item.max?.["storage"] === undefined) {
    errors.push(field.required(`${path}.limits`, "either minimum or maximum storage value is required, but neither was provided"));
  }
}
