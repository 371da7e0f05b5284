// What webhooks and policies hold of expressions beside the expressions themselves.

import type { MatchCondition } from "#kinds/api/admissionregistration-v1.gen.ts";
import { checkQualifiedName, checkRequired, duplicates, type Errors } from "#kinds/shared/checks.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MAX_MATCH_CONDITIONS = 64;

/** `before`: the expressions that are stored already. */
export function checkMatchConditions(
  errors: Errors,
  path: string,
  conditions: readonly DeepReadonly<MatchCondition>[] | undefined,
  check: CheckExpression,
  { hasParams, before }: { readonly hasParams: boolean; readonly before: ReadonlySet<string> },
): void {
  const count = conditions?.length ?? 0;
  if (count > MAX_MATCH_CONDITIONS) errors.push(field.tooMany(path, count, MAX_MATCH_CONDITIONS));
  const isDuplicate = duplicates(errors);
  for (const [index, { name, expression }] of (conditions ?? []).entries()) {
    const at = `${path}[${index}]`;
    const text = (expression ?? "").trim();
    if (checkRequired(errors, `${at}.expression`, text)) {
      const use = { path: `${at}.expression`, text, hasParams, hasAuthorizer: true, stored: before.has(text) };
      errors.push(...check({ ...use, purpose: "matchCondition" }));
    }
    if (checkRequired(errors, `${at}.name`, name)) {
      checkQualifiedName(errors, `${at}.name`, name);
      isDuplicate(`${at}.name`, name);
    }
  }
}

const RESERVED = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(" "),
);

export const isIdentifier = (name: string): boolean => /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) && !RESERVED.has(name);
