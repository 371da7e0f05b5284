// What a kind's objects use of a quota. One evaluator per kind; those of kinds without rules of their own count objects.

import type { ScopedResourceSelectorRequirement } from "#kinds/api/core-v1.gen.ts";
import { ONE, type Amounts } from "#kinds/core/resource-quota/amounts.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";

export type ScopeRequirement = DeepReadonly<ScopedResourceSelectorRequirement>;

/** A write as far as quotas look at it. */
export interface QuotaWrite {
  readonly operation: "CREATE" | "UPDATE";
  readonly subresource: string;
  readonly object: DeepReadonly<KubeObject>;
  /** What an UPDATE replaces. */
  readonly oldObject: DeepReadonly<KubeObject> | undefined;
}

export interface Evaluator {
  /** Whether the resource, one of those a quota limits, is measured on objects of this kind. */
  readonly measures: (name: string) => boolean;
  /** Whether such a write can use more than before. */
  readonly handles: (write: QuotaWrite) => boolean;
  /** What the object must say and does not, for a quota on these resources: `must specify ...`. */
  readonly missing?: (object: DeepReadonly<KubeObject>, names: readonly string[]) => string | undefined;
  /** Whether the object is in the scope; absent: the kind is in no scope. */
  readonly inScope?: (object: DeepReadonly<KubeObject>, scope: ScopeRequirement) => boolean;
  /** `now`: milliseconds since the epoch. */
  readonly usage: (object: DeepReadonly<KubeObject>, now: number) => Amounts;
}

/** `count/deployments.apps`. */
export function countName(group: string, plural: string): string {
  return group === "" ? `count/${plural}` : `count/${plural}.${group}`;
}

/** Counts objects, under a name of their own as well where they had one before there was `count/`. */
export function objectCount(group: string, plural: string, alias?: string): Evaluator {
  const names = [countName(group, plural), ...(alias === undefined ? [] : [alias])];
  const usage: Amounts = new Map(names.map((name) => [name, ONE]));
  return {
    measures: (name) => names.includes(name),
    handles: ({ operation, subresource }) => operation === "CREATE" && subresource === "",
    usage: () => usage,
  };
}

/** Whether one of `values`, the object's for the scope, is selected; an object without any is selected by what asks for none. */
export function selects({ operator, values = [] }: ScopeRequirement, own: readonly string[]): boolean {
  switch (operator) {
    case "Exists":
      return own.length > 0;
    case "DoesNotExist":
      return own.length === 0;
    case "In":
      return own.some((value) => values.includes(value));
    case "NotIn":
      return own.length === 0 || own.some((value) => !values.includes(value));
    default:
      return false;
  }
}
