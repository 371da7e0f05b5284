// The hash that ties pods to the template they were made from (pod-template-hash, controller-revision-hash).

import { fnv1a32 } from "#lib/fnv.ts";
import { safeEncode } from "./generate-name.ts";

/**
 * A name-safe hash of JSON data that does not depend on the order of keys; fields that are undefined do not count.
 * `collisions` (status.collisionCount) gives another hash for the same data.
 */
export function templateHash(template: unknown, collisions = 0): string {
  return safeEncode(String(fnv1a32(stableText(template) + (collisions > 0 ? String(collisions) : ""))));
}

/** JSON with sorted keys. */
function stableText(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(stableText).join(",")}]`;
  const fields = value as Record<string, unknown>;
  const parts: string[] = [];
  for (const key of Object.keys(fields).toSorted()) {
    if (fields[key] !== undefined) parts.push(`${JSON.stringify(key)}:${stableText(fields[key])}`);
  }
  return `{${parts.join(",")}}`;
}
