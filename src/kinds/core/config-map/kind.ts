import type { ConfigMap } from "#kinds/api/core-v1.gen.ts";
import { base64Bytes } from "#kinds/shared/base64.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import { byteLength, configMapKey } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** 1 MiB for all values together, decoded; also the limit of Secrets. */
export const MAX_DATA_BYTES = 1024 * 1024;
const IMMUTABLE = "field is immutable when `immutable` is set";

function validate(next: DeepReadonly<ConfigMap>, previous: DeepReadonly<ConfigMap> | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (previous?.immutable) {
    if (!next.immutable) errors.push(field.forbidden("immutable", IMMUTABLE));
    if (!equal(next.data ?? {}, previous.data ?? {})) errors.push(field.forbidden("data", IMMUTABLE));
    if (!equal(next.binaryData ?? {}, previous.binaryData ?? {})) errors.push(field.forbidden("binaryData", IMMUTABLE));
  }
  let total = 0;
  // No text takes more than three bytes a code unit: only large ones have to be counted.
  let bound = 0;
  for (const [key, value] of Object.entries(next.data ?? {})) {
    for (const wrong of configMapKey(key)) errors.push(field.invalid(`data[${key}]`, key, wrong));
    if (next.binaryData?.[key] !== undefined) errors.push(field.invalid(`data[${key}]`, key, "duplicate of key present in binaryData"));
    bound += 3 * value.length;
  }
  for (const [key, value] of Object.entries(next.binaryData ?? {})) {
    for (const wrong of configMapKey(key)) errors.push(field.invalid(`binaryData[${key}]`, key, wrong));
    total += base64Bytes(value);
  }
  if (total + bound > MAX_DATA_BYTES) for (const value of Object.values(next.data ?? {})) total += byteLength(value);
  if (total > MAX_DATA_BYTES) errors.push(field.tooLong("", MAX_DATA_BYTES));
  return errors;
}

export const configMapHooks: KindHooks<ConfigMap> = {
  validate,
  generation: false,
  columns: [
    nameColumn,
    text("Data", (object) => Object.keys(object.data ?? {}).length + Object.keys(object.binaryData ?? {}).length),
    ageColumn,
  ],
};
