// What counters may be called, with upstream's paths and words.

import type { Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { dns1123Label } from "#meta/names.ts";

const MAX_COUNTERS = 32;

/** Counters by name, of a set or of what a device takes out of one. */
export function checkCounters(errors: Errors, path: string, counters: Readonly<Record<string, unknown>> | undefined): void {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) errors.push(field.required(path));
  else if (names.length > MAX_COUNTERS) errors.push(field.tooMany(path, names.length, MAX_COUNTERS));
  else for (const name of names) for (const wrong of dns1123Label(name)) errors.push(field.invalid(path, name, wrong));
}
