import type { LimitRange, LimitRangeItem } from "#kinds/api/core-v1.gen.ts";
import { addMissing, canonicalize } from "#kinds/shared/quantities.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateLimitRange } from "./validate.ts";

function defaultItem(item: LimitRangeItem): void {
  for (const name of ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const) canonicalize(item[name]);
  if (item.type !== "Container") return;
  const limits = (item.default ??= {});
  const requests = (item.defaultRequest ??= {});
  addMissing(limits, item.max);
  addMissing(requests, limits);
  addMissing(requests, item.min);
}

export const limitRangeHooks: KindHooks<LimitRange> = {
  default: ({ spec }) => {
    for (const item of spec?.limits ?? []) defaultItem(item);
  },
  validate: validateLimitRange,
  createOnUpdate: true,
  generation: false,
};
