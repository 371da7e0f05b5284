// Fractions of bytes.

import { canonical, tryParse, type ResourceList } from "#kinds/shared/quantities.ts";
import { quote } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** Of bytes there are only whole ones. */
export function fractionWarning(path: string, name: string, list: DeepReadonly<ResourceList> | undefined): string[] {
  const value = list?.[name];
  const quantity = tryParse(value);
  if (value === undefined || quantity === undefined || quantity.nanos % 1_000_000_000n === 0n) return [];
  return [`${path}[${name}]: fractional byte value ${quote(canonical(value))} is invalid, must be an integer`];
}
